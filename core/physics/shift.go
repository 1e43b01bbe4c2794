package physics

import "math"

// Image is an image [Rows, Cols], row-major, real or complex.
type Image[T float64 | complex128] struct {
	Rows, Cols int
	Data       []T
}

// newImage returns an image of zeros.
func newImage[T float64 | complex128](rows, cols int) Image[T] {
	return Image[T]{rows, cols, make([]T, rows*cols)}
}

// taps returns the integer part and the four weights of a bilinear interpolation at (dy, dx).
func taps(dy, dx float64) (iy, ix int, w [4]float64) {
	fy, fx := math.Floor(dy), math.Floor(dx)
	ay, ax := dy-fy, dx-fx
	return int(fy), int(fx), [4]float64{(1 - ay) * (1 - ax), (1 - ay) * ax, ay * (1 - ax), ay * ax}
}

func scale[T float64 | complex128](w float64, v T) T {
	switch v := any(v).(type) {
	case float64:
		return any(w * v).(T)
	case complex128:
		return any(complex(w, 0) * v).(T)
	}
	return v
}

// Splat adds src to dst with its pixel (0, 0) at (dy, dx) of dst: each pixel is divided among the four around it by
// bilinear weights, and values outside are dropped. A positive shift moves content down and right.
//
//	dst(y, x) += Σ src(r, c)·hat(y − r − dy)·hat(x − c − dx),  hat(t) = max(0, 1 − |t|)
func Splat[T float64 | complex128](dst, src Image[T], dy, dx float64) {
	iy, ix, w := taps(dy, dx)
	for r := range src.Rows {
		for c := range src.Cols {
			v := src.Data[r*src.Cols+c]
			for q, wq := range w {
				y, x := r+iy+q/2, c+ix+q%2
				if wq != 0 && y >= 0 && y < dst.Rows && x >= 0 && x < dst.Cols {
					dst.Data[y*dst.Cols+x] += scale(wq, v)
				}
			}
		}
	}
}

// Sample applies the adjoint of Splat: it adds to dst the values of src at the positions (r + dy, c + dx), interpolated
// bilinearly, zero outside.
func Sample[T float64 | complex128](dst, src Image[T], dy, dx float64) {
	iy, ix, w := taps(dy, dx)
	for r := range dst.Rows {
		for c := range dst.Cols {
			var sum T
			for q, wq := range w {
				y, x := r+iy+q/2, c+ix+q%2
				if wq != 0 && y >= 0 && y < src.Rows && x >= 0 && x < src.Cols {
					sum += scale(wq, src.Data[y*src.Cols+x])
				}
			}
			dst.Data[r*dst.Cols+c] += sum
		}
	}
}
