package fft

import "github.com/ptychogo/ptycho/internal/machine"

//go:generate go run ./generate

func kernelsOf(path machine.Instructions) kernels[float32] {
	switch path {
	case machine.AVX2:
		return vector(8, fours, map[int]stageKernels{2: {first2x8, combine2x8}, 3: {first3x8, combine3x8}, 4: {first4x8, combine4x8},
			5: {first5x8, combine5x8}}, gather8, turn8, scatter8, scatterFull8)
	case machine.AVX512:
		return vector(16, eights, map[int]stageKernels{2: {first2x16, combine2x16}, 3: {first3x16, combine3x16}, 4: {first4x16, combine4x16},
			5: {first5x16, combine5x16}, 8: {first8x16, combine8x16}}, gather16, turn16, scatter16, scatterFull16)
	}
	return portable[float32](8)
}

// stageKernels are the kernels of one radix: of a first stage, and of any.
type stageKernels struct {
	first   func(re, im *float32, groups int)
	combine func(re, im, w *float32, span, groups int)
}

// eights splits 2^twos into radices 8, and 4 if it is not a power of 8.
func eights(twos int) []int {
	var r []int
	for ; twos >= 3 && twos != 4; twos -= 3 {
		r = append(r, 8)
	}
	return append(r, fours(twos)...)
}

// vector returns the kernels in assembly. Tiles at the edge of an image, and a tile across which the centre wraps, are
// not whole vectors and use plain Go.
//
// Long: the four kernels of a path share its tiles and tables.
func vector(lanes int, split func(int) []int, stages map[int]stageKernels,
	gatherRows func(re, im *float32, n int, rows *int32, image *float32, stride int, by *float32, byStride, kind int),
	turnTile func(y, x *float32, to *int32),
	scatterTile func(image *float32, stride int, re, im *float32, scale float32),
	scatterFull func(image *float32, stride int, re, im *float32, scale float32, flags int, by *float32, byStride int, sum *float32, sumStride int),
) kernels[float32] {
	k := portable[float32](lanes)
	edge := k
	var table [9]stageKernels
	for radix, s := range stages {
		table[radix] = s
	}
	k.split = split
	k.combine = func(x []float32, re, im int, w []float32, radix, span, groups int) {
		x = x[:2*lanes*radix*span*groups]
		if span == 1 {
			table[radix].first(&x[re], &x[im], groups)
			return
		}
		table[radix].combine(&x[re], &x[im], &w[0], span, groups)
	}
	k.gather = func(x []float32, re, im int, rows []int32, s *source[float32], col, width int) {
		if width < lanes {
			edge.gather(x, re, im, rows, s, col, width)
			return
		}
		var by *float32
		per := 8 // bytes of an element of by
		switch s.kind {
		case timesReal:
			by, per = &s.by[col], 4
		case timesComplex, timesConj:
			by = &s.by[2*col]
		}
		x = x[:2*lanes*len(rows)]
		gatherRows(&x[re], &x[im], len(rows), &rows[0], &s.image[2*col], 8*s.stride, by, per*s.byStride, s.kind)
	}
	k.turn = func(y, x []float32, rows, to []int32) {
		if len(rows) < lanes || len(to) < lanes || !inOrder(rows) {
			edge.turn(y, x, rows, to)
			return
		}
		turnTile(&y[0], &x[2*lanes*int(rows[0])], &to[0])
	}
	k.scatter = func(t *target[float32], row, col, height int, x []float32, re, im int, from []int32) {
		if height < lanes || len(from) < lanes || !inOrder(from) {
			edge.scatter(t, row, col, height, x, re, im, from)
			return
		}
		x = x[2*lanes*int(from[0]):][:2*lanes*lanes]
		if t.image != nil && t.by == nil && t.sum == nil && !t.add {
			scatterTile(&t.image[2*(row*t.stride+col)], 8*t.stride, &x[re], &x[im], t.scale)
			return
		}
		var image, by, sum *float32
		flags := 0
		if t.sum != nil {
			flags, sum = flags|1, &t.sum[row*t.sumStride+col]
		}
		if t.by != nil {
			flags, by = flags|2, &t.by[2*(row*t.byStride+col)]
		}
		if t.image != nil {
			flags, image = flags|4, &t.image[2*(row*t.stride+col)]
			if t.add {
				flags |= 8
			}
		}
		scatterFull(image, 8*t.stride, &x[re], &x[im], t.scale, flags, by, 8*t.byStride, sum, 4*t.sumStride)
	}
	return k
}

// inOrder reports whether rows are neighbours; the tables here increase and wrap at most once.
func inOrder(rows []int32) bool { return int(rows[len(rows)-1]-rows[0]) == len(rows)-1 }
