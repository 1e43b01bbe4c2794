package acquisition_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
)

// empad writes the scan of expected.npz as the detector does: in the middle of 128×128, with noise below the dark level, and the two
// rows behind each frame full of values that do not belong to it.
func empad(t *testing.T) string {
	t.Helper()
	s := read(t, "expected.npz")
	var b []byte
	for i := range s.Len() {
		frame := make([]float32, 130*128)
		for k := range frame {
			frame[k] = -0.25
			if k >= 128*128 {
				frame[k] = 7e8
			}
		}
		for k, v := range s.Pattern(i) {
			if at := (52+k/24)*128 + 52 + k%24; v > 0 {
				frame[at] = v
			}
		}
		for _, v := range frame {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	name := filepath.Join(t.TempDir(), "scan_x4_y3.raw")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestOpen_ReadsEMPAD(t *testing.T) {
	want := read(t, "expected.npz")
	name := empad(t)
	g := geometry(csv+":2", csv+":1", 1e-6)
	g.Prepare.Side = 24
	a, err := acquisition.Open(name, g)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s, err := a.Read(t.Context(), []int{0, 1, 5, 11}, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range []int{0, 1, 5, 11} {
		for k, v := range want.Pattern(r) {
			if s.Pattern(i)[k] != v {
				t.Fatalf("pattern %d, pixel %d is %v, want %v", r, k, s.Pattern(i)[k], v)
			}
		}
	}
	if s.Mask != nil {
		t.Error("noise below the dark level is masked")
	}
	if err := os.Truncate(name, 130*128*4*11+1000); err != nil {
		t.Fatal(err)
	}
	if kind := acquisition.Kind(name); kind != "" {
		t.Errorf("a file that is cut off is %s", kind)
	}
}
