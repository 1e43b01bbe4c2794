package kernel

import (
	"math"
)

// image is an image of k numbers per pixel (2 for complex), row-major.
type image[T Float] struct {
	rows, cols, k int
	data          []T
}

// sample adds src, read at (row + dy, column + dx), to dst: bilinear, zero outside. With −dy, −dx it is its own adjoint. It
// also moves images: moving by d is sampling at −d.
func sample[T Float](dst, src image[T], dy, dx float64) {
	fy, fx := math.Floor(dy), math.Floor(dx)
	// A shift beyond the image has no overlap; test it before it overflows an int.
	if math.Abs(fy) > float64(src.rows+dst.rows) || math.Abs(fx) > float64(src.cols+dst.cols) || fy != fy || fx != fx {
		return
	}
	iy, ix, ay, ax := int(fy), int(fx), T(dy-fy), T(dx-fx)
	for r := range dst.rows {
		to := dst.data[r*dst.cols*dst.k:][:dst.cols*dst.k]
		for tap, w := range [2]T{1 - ay, ay} {
			if y := r + iy + tap; w != 0 && y >= 0 && y < src.rows {
				from := src.data[y*src.cols*src.k:][:src.cols*src.k]
				addShifted(to, from, ix*src.k, w*(1-ax))
				addShifted(to, from, (ix+1)*src.k, w*ax)
			}
		}
	}
}

// addShifted adds w·src[i+shift] to dst[i] wherever both exist.
func addShifted[T Float](dst, src []T, shift int, w T) {
	lo, hi := max(0, -shift), min(len(dst), len(src)-shift)
	if w == 0 || lo >= hi {
		return
	}
	d, s := dst[lo:hi], src[lo+shift:hi+shift]
	s = s[:len(d)]
	for i := range d {
		d[i] += w * s[i]
	}
}

// weigh computes dst = src·w for pixels of k numbers.
func weigh[T Float](dst, src, w []T, k int) {
	if k == 1 {
		for i, v := range w {
			dst[i] = src[i] * v
		}
		return
	}
	for i, v := range w {
		dst[2*i], dst[2*i+1] = src[2*i]*v, src[2*i+1]*v
	}
}

// quotient divides pairs by den where it is above floor and writes 0 elsewhere.
func quotient[T Float](dst, num, den []T, floor T) {
	for i, d := range den {
		if d > floor {
			dst[2*i], dst[2*i+1] = num[2*i]/d, num[2*i+1]/d
		} else {
			dst[2*i], dst[2*i+1] = 0, 0
		}
	}
}
