package acquisition_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
)

// numbers is geometry with the description of a file of numbers.
func numbers(kind string, skip, gap int64, shape ...uint64) acquisition.Given {
	g := geometry(csv+":2", csv+":1", 1e-6)
	g.Format, g.Numbers = acquisition.FormatRaw, acquisition.Numbers{Shape: shape, Type: kind, Skip: skip, Gap: gap}
	return g
}

// TestOpen_FramesWithoutDescriptionEqualTheNPZ reads files that NumPy wrote of the scan of expected.npz.
func TestOpen_FramesWithoutDescriptionEqualTheNPZ(t *testing.T) {
	want := read(t, "expected.npz")
	for _, c := range []struct {
		name  string
		given acquisition.Given
	}{
		{"plain.raw", numbers("<u2", 0, 0, 12, 24, 24)},
		{"plain.raw", numbers("<u2", 0, 0, 3, 4, 24, 24)},
		{"plain.raw", numbers("<u2", 0, 0, 24, 24)},
		{"numbers.bin", numbers(">i4", 100, 6, 12, 24, 24)},
		{"numbers.bin", numbers(">i4", 100, 6, 24, 24)},
		{"merlin.mib", geometry(csv+":2", csv+":1", 1e-6)},
		{"merlin.mib", numbers(">u2", 384, 384, 24, 24)},
	} {
		got := readGiven(t, c.name, c.given)
		if !near(got.Rows, want.Rows) || !near(got.Cols, want.Cols) || !slices.Equal(got.Counts, want.Counts) {
			t.Errorf("%s, %+v: another scan", c.name, c.given.Numbers)
		}
	}
}

// TestOpen_RefusesNumbersThatDoNotFit gives descriptions that the file of 13,824 bytes contradicts, some of them huge.
func TestOpen_RefusesNumbersThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		says  string
		given acquisition.Given
	}{
		{"the file has 13824 bytes, but uint32 of shape [12 24 24] need 27648; correct --shape, --dtype", numbers("<u4", 0, 0, 12, 24, 24)},
		{"the file has 13824 bytes, but uint16 of shape [11 24 24] need 12672", numbers("<u2", 0, 0, 11, 24, 24)},
		{"behind the first 2 bytes has 13822 bytes", numbers("<u2", 2, 0, 12, 24, 24)},
		{"none behind the first 13824", numbers("<u2", 13824, 0, 24, 24)},
		{"are not a whole number of patterns of 882", numbers("<u2", 0, 0, 21, 21)},
		{"not possible", numbers("<u2", -1, 0, 12, 24, 24)},
		{"not possible", numbers("<u2", 0, math.MaxInt64, 12, 24, 24)},
		{`type "<c8" are not read`, numbers("<c8", 0, 0, 12, 24, 24)},
		{`type "x" are not read`, numbers("x", 0, 0, 12, 24, 24)},
		{"needs --shape and --dtype", numbers("", 0, 0, 12, 24, 24)},
		{"needs --shape and --dtype", numbers("<u2", 0, 0, 12)},
		{"is empty", numbers("<u2", 0, 0, 12, 0, 24)},
		{"images may have at most", numbers("<u2", 0, 0, math.MaxUint64, math.MaxUint64, math.MaxUint64)},
		{"images may have at most", numbers("<u2", 0, 0, 1<<31, 1<<31)},
		{"images may have at most", numbers("<u2", 0, 0, 1<<31, 1<<31, 24, 24)},
		{"but uint16 of shape [2147483648 8192 8192] need", numbers("<u2", 0, 0, 1<<31, 8192, 8192)},
	} {
		_, err := acquisition.Open("testdata/plain.raw", c.given)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.given.Numbers, err, c.says)
		}
	}
}

// TestOpen_NamesFaultsOfMerlin changes headers of a file of Merlin.
func TestOpen_NamesFaultsOfMerlin(t *testing.T) {
	whole, err := os.ReadFile("testdata/merlin.mib")
	if err != nil {
		t.Fatal(err)
	}
	const frame = 384 + 2*24*24
	for _, c := range []struct{ from, to, says string }{
		{",U16,", ",R64,", "states the raw mode R64"},
		{",U16,", ",F32,", `states pixels of type "F32"`},
		{",0024,0024,", ",0000,0024,", "24×0 pixels (rows×columns), which no frame has"},
		{",0024,0024,", ",999999999,0024,", "which no frame has"},
		{",0024,0024,", ",0024,-024,", `has "-024" as field 6`},
		{",00384,", ",00000,", "states 0 bytes of header"},
		{",0024,0024,", ",9999,9999,", "but a frame of 9999×9999 pixels, uint16, needs 199960386"},
		{"MQ1,000012", "MQ1,00001x", "the header of frame 11 has"},
		{"MQ1,000012", "XY1,000012", "the header of frame 11 is not a frame header"},
		{"MQ1,000001,", "MQ1,", "the header of frame 0"},
	} {
		b := bytes.Replace(bytes.Clone(whole), []byte(c.from), []byte(c.to), 1)
		if merlinError(t, b) == nil || !strings.Contains(merlinError(t, b).Error(), c.says) {
			t.Errorf("%s as %s: %v, want %q", c.from, c.to, merlinError(t, b), c.says)
		}
	}
	for _, size := range []int{4, 5, 383, 384, frame - 1} {
		if merlinError(t, whole[:size]) == nil {
			t.Errorf("%d bytes of the file were read", size)
		}
	}
	// A last frame that is not whole is not a pattern.
	if err := merlinError(t, whole[:12*frame-1]); err == nil || !strings.Contains(err.Error(), "11 positions are expected") {
		t.Errorf("a last frame that is cut: %v", err)
	}
}

// merlinError opens bytes as a file.
func merlinError(t *testing.T, b []byte) error {
	t.Helper()
	name := filepath.Join(t.TempDir(), "scan.mib")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := acquisition.Open(name, geometry(csv+":2", csv+":1", 1e-6))
	if err == nil {
		a.Close()
	}
	return err
}
