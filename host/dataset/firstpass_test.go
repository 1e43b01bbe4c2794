package dataset

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// A backend finds the image and the correction of each pattern at its row, as pairs of float32.
func TestAddFirstPass_FilesHoldEachPatternAtItsRow(t *testing.T) {
	const patterns, n = 3, 2
	spool, d := NewSpool(), backend.Dataset{Patterns: patterns}
	defer spool.Remove()
	value := func(which, j, i int) complex128 { return complex(float64(100*which+10*j+i), -float64(i)-0.5) }
	err := spool.AddFirstPass(t.Context(), &d, n, func(j int, image, correction []complex128) error {
		for i := range image {
			image[i], correction[i] = value(0, j, i), value(1, j, i)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for which, name := range []string{arch.FirstImage, arch.FirstCorrection} {
		a := d.Arrays[which]
		if a.Input != name || a.Gather != backend.PerPattern || a.File.DType != tensor.Complex64 || !slices.Equal(a.File.Shape, []int{patterns, n, n}) {
			t.Errorf("array %+v, file %+v", a, a.File)
		}
		b, err := os.ReadFile(a.File.Path)
		if err != nil || int64(len(b)) != FirstPassBytes(patterns, n)/2 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		for k := range patterns * n * n {
			re, im := math.Float32frombits(binary.LittleEndian.Uint32(b[8*k:])), math.Float32frombits(binary.LittleEndian.Uint32(b[8*k+4:]))
			if got, want := complex(float64(re), float64(im)), value(which, k/(n*n), k%(n*n)); got != want {
				t.Errorf("%s, pattern %d, pixel %d: %v, want %v", name, k/(n*n), k%(n*n), got, want)
			}
		}
	}
}

func TestAddFirstPass_EndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	spool, d, computed := NewSpool(), backend.Dataset{Patterns: 9}, 0
	defer spool.Remove()
	stopped := errors.New("stopped")
	err := spool.AddFirstPass(ctx, &d, 2, func(int, []complex128, []complex128) error {
		computed++
		cancel(stopped)
		return nil
	})
	if !errors.Is(err, stopped) || computed != 1 || len(d.Arrays) != 0 {
		t.Errorf("%v after %d patterns, %d arrays", err, computed, len(d.Arrays))
	}
}

// A patch is read as it was written, whatever the order, and another one is not changed.
func TestPatchFile_ReadsWhatWasWritten(t *testing.T) {
	spool := NewSpool()
	defer spool.Remove()
	temporary, err := spool.create(PatchBytes(3, 2))
	if err != nil {
		t.Fatal(err)
	}
	f := NewPatchFile(temporary, 2)
	patch := func(j int) []complex64 {
		return []complex64{complex(float32(j), 1e-30), -1i, complex64(complex(math.Inf(1), 0)), 0}
	}
	for _, j := range []int{2, 0, 1} {
		if err := f.Put(j, patch(j)); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]complex64, 4)
	for j := range 3 {
		if err := f.Get(j, got); err != nil || !slices.Equal(got, patch(j)) {
			t.Errorf("patch %d: %v, %v, want %v", j, got, err, patch(j))
		}
	}
	if err := f.Get(3, got); err == nil {
		t.Error("a patch that was not written is read")
	}
}
