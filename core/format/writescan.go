package format

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
)

// WriteScan writes a scan so that ReadScan returns the same counts without --diffraction-units. As Counts the patterns
// are the array intensity, in the smallest integer type that fits; counts that are not whole numbers are float32, and the metadata
// must say so (SaysCounts). As Amplitude they are
// diff3d = √counts, the name and form that other programs of the field read, with an intensity_scale of 1; counts are
// then exact up to 2^22, the limit of float32.
func WriteScan(path string, s *scan.Scan, form Units) error {
	arrays, err := arraysOf(path, s, form)
	if err != nil {
		return err
	}
	return npz.Write(path, arrays...)
}

// EncodeScan writes the same contents to a file that the caller opened. path is for messages.
func EncodeScan(w io.Writer, path string, s *scan.Scan, form Units) error {
	arrays, err := arraysOf(path, s, form)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, encodeBuffer)
	if err := npz.Encode(buffered, arrays...); err != nil {
		return npz.WriteError(path, err)
	}
	if err := buffered.Flush(); err != nil {
		return npz.WriteError(path, err)
	}
	return nil
}

// encodeBuffer is the size of the write buffer, so that small arrays need few system calls.
const encodeBuffer = 1 << 20

// arraysOf returns the arrays of a scan's file.
func arraysOf(path string, s *scan.Scan, form Units) ([]npz.Named, error) {
	if err := s.Validate(); err != nil {
		return nil, npz.Errorf(path, "cannot be written: %w", err)
	}
	n := s.Len()
	shape := []int{n, s.N, s.N}
	var arrays []npz.Named
	add := func(name string, t tensor.Tensor) { arrays = append(arrays, npz.Named{Name: name, Tensor: t}) }
	switch form {
	case Counts:
		t, err := integers(s.Counts, shape)
		if err != nil && holdsCounts(s.Metadata) {
			t, err = tensor.New(s.Counts, shape...)
		}
		if err != nil {
			return nil, npz.Errorf(path, "cannot be written as counts: %w", err).Hint("write amplitudes instead")
		}
		add(keyIntensity, t)
	case Amplitude:
		d := make([]float32, len(s.Counts))
		for i, k := range s.Counts {
			d[i] = float32(math.Sqrt(float64(k)))
		}
		add(keyDiff3D, tensor.Must(d, shape...))
		add(keyScale, tensor.Must([]float32{1}))
	default:
		return nil, npz.Errorf(path, "cannot be written as %q, only as counts or amplitude", form)
	}
	add(keyCols, tensor.Must(s.Cols, n))
	add(keyRows, tensor.Must(s.Rows, n))
	add("xcoords_start", tensor.Must(s.Cols, n))
	add("ycoords_start", tensor.Must(s.Rows, n))
	add(keyIndex, tensor.Must(make([]int64, n), n)) // the number of a pattern's scan: one scan
	if s.Probe != nil {
		t := tensor.Must(s.Probe, s.Modes, s.N, s.N)
		if s.Modes == 1 {
			t = tensor.Must(s.Probe, s.N, s.N)
		}
		add(keyProbe, t)
	}
	if s.Object != nil {
		add(keyObject, tensor.Must(s.Object, s.ObjectHeight, s.ObjectWidth))
	}
	if s.Mask != nil {
		add(keyMask, tensor.Must(s.Mask, s.N, s.N))
	}
	if s.Split != nil {
		add(keySplit, tensor.Must(s.Split, n))
	}
	switch {
	case s.Metadata != "":
		arrays = append(arrays, npz.Text(keyMetadata, s.Metadata))
	case s.PixelSize > 0:
		arrays = append(arrays, npz.Text(keyMetadata, fmt.Sprintf(`{"pixel_size_m": %v}`, s.PixelSize)))
	}
	return arrays, nil
}

// integers returns counts as uint16 or int32.
func integers(counts []float32, shape []int) (tensor.Tensor, error) {
	most := float32(0)
	for i, k := range counts {
		if float64(k) != math.Trunc(float64(k)) || k > math.MaxInt32/2 {
			size := shape[1] * shape[2]
			return tensor.Tensor{}, fmt.Errorf("pattern %d, pixel (%d, %d) (row, column) is %v, not a whole number below 2^30",
				i/size, i%size/shape[2], i%shape[2], k)
		}
		most = max(most, k)
	}
	if most <= math.MaxUint16 {
		return tensor.New(converted[uint16](counts), shape...)
	}
	return tensor.New(converted[int32](counts), shape...)
}

func converted[T uint16 | int32](counts []float32) []T {
	out := make([]T, len(counts))
	for i, k := range counts {
		out[i] = T(k)
	}
	return out
}
