package backend

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"unsafe"

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// block is memory of the GPU.
type block struct {
	at    driver.Address
	bytes int
}

// segmentTable is the memory of the GPU that holds the table of an update, and pinned memory from which it is sent.
type segmentTable struct {
	at     driver.Address
	pinned []byte
	sent   []kernels.Segment // what the GPU has; nil: unknown
}

const segmentBytes = int(unsafe.Sizeof(kernels.Segment{}))

// tabulate sends a table to the GPU, unless it is what was sent last, and returns its address. Steps of one batch size send it once.
func (d *device[T]) tabulate(t kernels.Segments) (driver.Address, error) {
	s := &d.segments
	if s.sent != nil && slices.Equal(t.Rows, s.sent) {
		return s.at, nil
	}
	s.sent = nil
	if err := d.ctx.Synchronise(); err != nil { // the last table may still be needed
		return 0, err
	}
	n := len(t.Rows) * segmentBytes
	if len(s.pinned) < n {
		if err := d.enlarge(s, n); err != nil {
			return 0, err
		}
	}
	copy(s.pinned, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(t.Rows))), n))
	if err := d.ctx.Upload(s.at, s.pinned[:n]); err != nil {
		return 0, err
	}
	s.sent = slices.Clone(t.Rows)
	return s.at, nil
}

// enlarge replaces the memory of a table.
func (d *device[T]) enlarge(s *segmentTable, bytes int) (err error) {
	at, pinned := s.at, s.pinned
	s.at, s.pinned = 0, nil
	if at != 0 {
		err = d.ctx.Free(at)
	}
	if pinned != nil {
		err = errors.Join(err, d.ctx.FreeHost(pinned))
	}
	if err != nil {
		return err
	}
	if s.at, err = d.ctx.Alloc(bytes); err != nil {
		return err
	}
	s.pinned, err = d.ctx.AllocHost(bytes)
	return err
}

// onAll runs launches that change the rows of a table.
func (d *device[T]) onAll(t kernels.Segments, launches ...kernels.Launch) error {
	if len(t.Rows) == 0 {
		return nil
	}
	at, err := d.tabulate(t)
	for _, l := range launches {
		if err == nil {
			err = d.launch(l, at)
		}
	}
	return err
}

// sumAll runs a launch that sums over the rows of a table, and returns the sum of each row.
func (d *device[T]) sumAll(t kernels.Segments, l kernels.Launch) ([]float64, error) {
	if len(t.Rows) == 0 {
		return nil, nil
	}
	at, err := d.tabulate(t)
	if err != nil {
		return nil, err
	}
	if need := t.Sums(); d.partials < need {
		if d.partial != 0 {
			old := d.partial
			d.partial, d.partials = 0, 0
			if err := d.ctx.Free(old); err != nil {
				return nil, err
			}
		}
		partial, err := d.ctx.Alloc(need * 8)
		if err != nil {
			return nil, err
		}
		d.partial, d.partials = partial, need
	}
	if err := d.launch(l, at, d.partial); err != nil {
		return nil, err
	}
	b := make([]byte, t.Sums()*8)
	if err := d.read(b, d.partial); err != nil {
		return nil, err
	}
	sums := make([]float64, t.Sums())
	for i := range sums {
		sums[i] = math.Float64frombits(binary.NativeEndian.Uint64(b[8*i:]))
	}
	return t.RowSums(sums), nil
}

// exchange swaps vectors in one launch.
func (d *device[T]) exchange(a, b []*vector[T]) error {
	var elements []int
	for _, v := range a {
		elements = append(elements, len(v.data))
	}
	table := kernels.NewSegments(elements...)
	for i := range table.Rows {
		table.Rows[i].Weights, table.Rows[i].Average = uint64(a[i].at), uint64(b[i].at)
	}
	return d.ctx.Do(func() error { return d.onAll(table, table.Exchange()) })
}
