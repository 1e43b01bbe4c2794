package format

import (
	"math"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
)

// probe16 returns a centred probe of 16×16 pixels, shifted by the given rows and columns and scaled.
func probe16(rows, cols int, scale float64) []complex128 {
	out := make([]complex128, 16*16)
	for y := 5; y < 12; y++ {
		for x := 5; x < 12; x++ {
			out[(y+rows+32)%16*16+(x+cols+32)%16] = complex(scale*float64(y), scale*float64(x-3))
		}
	}
	return out
}

func readWhole(t *testing.T, o ScanOptions, arrays ...rawArray) (*scan.Scan, error) {
	t.Helper()
	return ReadScan(t.Context(), file(t, "scan.npz", archive(t, true, arrays...)), o)
}

// TestReadScan_ProbeScaleDoesNotMatter reads probes whose squares, or whose values, do not fit into float32.
func TestReadScan_ProbeScaleDoesNotMatter(t *testing.T) {
	for _, scale := range []float64{1e-300, 1e-30, 1e-14, 1, 1e13, 1e30, 1e300} {
		s, err := readWhole(t, ScanOptions{}, append(scanArrays(3, stackU2("diff3d")), raw("probeGuess", probe16(0, 0, scale), 16, 16))...)
		if err != nil {
			t.Errorf("%g: %v", scale, err)
			continue
		}
		want := probe16(0, 0, 1)
		for i, p := range s.Probe {
			if r := complex128(p) / complex128(s.Probe[8*16+8]) * want[8*16+8]; math.Hypot(real(r-want[i]), imag(r-want[i])) > 1e-5 {
				t.Errorf("%g: pixel %d is %v, want %v", scale, i, r, want[i])
				break
			}
		}
		if noted := strings.Contains(strings.Join(s.Notes, "\n"), "its scale has no effect"); noted != (scale < 1e-12 || scale > 1e12) {
			t.Errorf("%g: the notes are %q", scale, s.Notes)
		}
	}
}

// TestReadScan_ProbeAtCornerIsCentred reads a probe in the layout of a discrete Fourier transform.
func TestReadScan_ProbeAtCornerIsCentred(t *testing.T) {
	s, err := readWhole(t, ScanOptions{}, append(scanArrays(3, stackU2("diff3d")), raw("probeGuess", probe16(-8, -8, 1), 16, 16))...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range probe16(0, 0, 1) {
		if s.Probe[i] != complex64(want) {
			t.Fatalf("pixel %d is %v, want %v", i, s.Probe[i], want)
		}
	}
	if !strings.Contains(strings.Join(s.Notes, "\n"), "probeGuess has its centre at the corner") {
		t.Errorf("the notes are %q", s.Notes)
	}
}

// TestReadScan_ObjectWithNaNIsLeftOut checks that an array that is not needed cannot stop a command.
func TestReadScan_ObjectWithNaNIsLeftOut(t *testing.T) {
	s, err := readWhole(t, ScanOptions{}, append(scanArrays(3, stackU2("diff3d")), raw("objectGuess", []complex64{complex(float32(nan), 0), 1}, 1, 2))...)
	if err != nil {
		t.Fatal(err)
	}
	if s.Object != nil || !strings.Contains(strings.Join(s.Notes, "\n"), "objectGuess is not used: 1 of its 2 values are not finite") {
		t.Errorf("object %v, notes %q", s.Object, s.Notes)
	}
}

// TestReadScan_RowsLeaveOutBadPositions reads the selection that the message about a position recommends.
func TestReadScan_RowsLeaveOutBadPositions(t *testing.T) {
	arrays := scanArrays(3, stackU2("diff3d"))
	arrays[1] = raw("ycoords", []float64{1, nan, 2}, 3)
	s, err := readWhole(t, ScanOptions{Rows: "0:1,2:"}, arrays...)
	if err != nil || s.Len() != 2 {
		t.Errorf("%v, %v", s, err)
	}
}
