package fft

import (
	"fmt"
	"math"
)

// engine is a plan in one precision. The columns of an image go through blocks [rows] of lanes columns each, which stay
// in work memory. Then lanes rows at a time are transposed from these blocks into one further block, [cols], and from
// there to the result.
type engine[T Float] struct {
	rows, cols  int
	kernels     kernels[T]
	down, along *axis[T]
	scale       T   // 1/√(rows·cols)
	work        int // numbers of scratch memory

	// Source and destination of rows and columns, without and with the shift of the centre.
	gathered  [2][]int32 // row j of a block of columns is row gathered[j] of the source
	turned    [2][]int32 // column x of the source goes to row turned[x] of the block of rows
	rowFrom   [2][]int32 // row y of the result is row rowFrom[y] of the blocks of columns
	scattered [2][]int32 // column x of the result is row scattered[x] of the block of rows
}

func newEngine[T Float](rows, cols int, k kernels[T]) engine[T] {
	e := engine[T]{rows: rows, cols: cols, kernels: k, scale: T(1 / math.Sqrt(float64(rows)*float64(cols)))}
	e.down = newAxis[T](rows, k.lanes, k.split)
	e.along = e.down
	if cols != rows {
		e.along = newAxis[T](cols, k.lanes, k.split)
	}
	e.work = e.blocks()*e.block() + 2*k.lanes*cols + max(e.down.spare(k.lanes), e.along.spare(k.lanes))
	for centred := range 2 {
		dy, dx := centred*(rows/2), centred*(cols/2)
		e.gathered[centred] = table(rows, func(j int) int { return (int(e.down.order[j]) + dy) % rows })
		e.turned[centred] = table(cols, func(x int) int { return int(e.along.place[(x+cols-dx)%cols]) })
		e.rowFrom[centred] = table(rows, func(y int) int { return (y + rows - dy) % rows })
		e.scattered[centred] = table(cols, func(x int) int { return (x + cols - dx) % cols })
	}
	return e
}

func table(n int, f func(i int) int) []int32 {
	t := make([]int32, n)
	for i := range t {
		t[i] = int32(f(i))
	}
	return t
}

// blocks returns the number of blocks of columns, block the numbers in one.
func (e *engine[T]) blocks() int { return (e.cols + e.kernels.lanes - 1) / e.kernels.lanes }
func (e *engine[T]) block() int  { return 2 * e.kernels.lanes * e.rows }

// images transforms images one after another.
func (e *engine[T]) images(dst, src []T, d Direction, work []T) {
	size := 2 * e.rows * e.cols
	if len(dst) != len(src) || len(src)%size != 0 {
		panic(fmt.Sprintf("fft: %d and %d pixels, want equal numbers for whole images %d×%d", len(dst)/2, len(src)/2, e.rows, e.cols))
	}
	for i := 0; i < len(src); i += size {
		s := source[T]{image: src[i:][:size], stride: e.cols}
		t := target[T]{image: dst[i:][:size], stride: e.cols, scale: 1}
		e.transform(&t, &s, d, work)
	}
}

// transform does the work of Plan.Transform.
func (e *engine[T]) transform(t *target[T], s *source[T], d Direction, work []T) {
	k, lanes, block := &e.kernels, e.kernels.lanes, e.block()
	t.scale *= e.scale
	re, im := 0, lanes
	inverse := d == Inverse || d == InverseCentred
	if inverse { // exchanged parts turn exp(−…) into exp(+…)
		re, im = lanes, 0
	}
	in, out := 0, 0 // shift of each end
	switch d {
	case ForwardCentred:
		out = 1
	case InverseCentred:
		in = 1
	}
	columns := work[:e.blocks()*block]
	line := work[len(columns):][:2*lanes*e.cols]
	spare := work[len(columns)+len(line):]
	for b := range e.blocks() {
		x := columns[b*block:][:block]
		k.gather(x, re, im, e.gathered[in], s, b*lanes, min(lanes, e.cols-b*lanes))
		e.down.transform(k, x, 0, lanes, spare)
	}
	for y := 0; y < e.rows; y += lanes {
		height := min(lanes, e.rows-y)
		for b := range e.blocks() {
			at := b * lanes
			k.turn(line, columns[b*block:][:block], e.rowFrom[out][y:y+height], e.turned[in][at:min(at+lanes, e.cols)])
		}
		e.along.transform(k, line, 0, lanes, spare)
		for x := 0; x < e.cols; x += lanes {
			k.scatter(t, y, x, height, line, re, im, e.scattered[out][x:min(x+lanes, e.cols)])
		}
	}
}
