package train

import (
	"errors"
	"io"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/train/loop"
)

// counting is a Keeper that counts its checkpoints.
type counting struct {
	loop.Keeper
	last int
}

func (c *counting) Last(loop.Position, backend.State, bool) error {
	c.last++
	return nil
}

// changing is the file of a scan, which may change.
type changing struct {
	bytes    []byte
	modified bool
}

func (c *changing) ReadAt(p []byte, at int64) (int, error) {
	if n := copy(p, c.bytes[at:]); n < len(p) {
		return n, io.EOF
	}
	return len(p), nil
}

func (c *changing) Name() string   { return "scan.npy" }
func (c *changing) Path() string   { return "/scan.npy" }
func (c *changing) Modified() bool { return c.modified }

// TestVerified_WritesNoCheckpointOfChangedPatterns changes the file of the training scan, or of the test scan, between two checkpoints.
func TestVerified_WritesNoCheckpointOfChangedPatterns(t *testing.T) {
	for _, test := range []bool{false, true} {
		file := &changing{bytes: make([]byte, 16*16)}
		storage := scan.Storage{Create: func(int64) (scan.PatternFile, error) { return nil, errors.New("a copy") }, Keep: func(string, int64) scan.SourceFile { return file }}
		w, err := storage.Writer(&scan.Place{File: "scan.npy", DType: tensor.Uint8}, 1, 16*16, 4)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append(t.Context(), make([]float32, 16*16)); err != nil {
			t.Fatal(err)
		}
		kept, in := &scan.Scan{}, &inputs{Scan: &scan.Scan{}}
		_, kept.Stored = w.Patterns()
		if test {
			in.Test = kept
		} else {
			in.Scan = kept
		}
		k := &counting{}
		v := verified{k, in}
		if err := v.Last(loop.Position{}, backend.State{}, false); err != nil || k.last != 1 {
			t.Fatalf("%v, %d checkpoints", err, k.last)
		}
		file.bytes[7], file.modified = 1, true
		if err := v.Last(loop.Position{}, backend.State{}, false); host.ExitCode(err) != host.ExitData || k.last != 1 {
			t.Errorf("of the test scan: %v: %v, %d checkpoints", test, err, k.last)
		}
	}
}
