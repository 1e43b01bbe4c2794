package format

import (
	"errors"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/internal/machine"
)

// with sets the machine's available memory for one test.
func with(t *testing.T, bytes int64) {
	real := machine.AvailableMemory
	machine.AvailableMemory = func() (int64, bool) { return bytes, true }
	t.Cleanup(func() { machine.AvailableMemory = real })
}

// A scan larger than the available memory is rejected before anything is read, with both figures and the number of
// patterns that fit. A selection that fits is read.
func TestReadScan_RefusesBeyondMemory(t *testing.T) {
	const n = 40000 // 39.1 MiB of counts
	path := file(t, "scan.npz", archive(t, false, scanArrays(n, stackU2("intensity"))...))
	with(t, 180<<20)
	_, err := ReadScan(t.Context(), path, ScanOptions{})
	wantError(t, "all", err, path, "40000 patterns of 16×16 pixels need about 206.6 MiB of memory, 39.1 MiB as float32 and the rest as working copies, but 180.0 MiB are available; "+
		"select fewer patterns with --rows, or --n-images if the command has it: about 21186 fit")
	if !errors.Is(err, npz.ErrRefused) {
		t.Errorf("%v is not npz.ErrRefused", err)
	}
	for _, o := range []ScanOptions{{Rows: "0:21000"}, {Draw: 21000}} {
		if s, err := ReadScan(t.Context(), path, o); err != nil || s.Len() != 21000 {
			t.Errorf("%+v: %v", o, err)
		}
	}
	with(t, 1<<20)
	_, err = ReadScan(t.Context(), path, ScanOptions{})
	wantError(t, "nothing fits", err, path, "free memory, or use a machine with more")
}

// Any array is compared with the available memory before allocation: models and checkpoints are read this way.
func TestNPZ_RefusesArraysBeyondMemory(t *testing.T) {
	path := file(t, "model.npz", archive(t, false, raw("weights", make([]float32, 1<<20), 1<<20)))
	z, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	with(t, 3<<20)
	_, err = z.Tensor("weights")
	wantError(t, "too large", err, path, `array "weights" with shape [1048576] needs 4.0 MiB of memory, but 3.0 MiB are available`)
	with(t, 4<<20)
	if _, err := z.Tensor("weights"); err != nil {
		t.Errorf("fits: %v", err)
	}
}

// An array that expands more than 1000-fold is rejected unless it is trusted or small.
func TestReadScan_RefusesHighCompression(t *testing.T) {
	fixture.Long(t)
	const n = (64<<20 + 1<<20) / 512 // uint16 of 16×16, above the size below which any compression is accepted
	dark := raw("intensity", make([]uint16, n*256), n, 16, 16)
	at := make([]float64, n)
	for i := range at {
		at[i] = float64(i)
	}
	path := file(t, "bomb.npz", archive(t, true, dark, raw("ycoords", at, n), raw("xcoords", at, n)))
	_, err := ReadScan(t.Context(), path, ScanOptions{})
	wantError(t, "bomb", err, path, "more than 1000-fold")
	wantError(t, "bomb", err, path, "--allow-high-compression")
	_, err = ReadScan(t.Context(), path, ScanOptions{HighCompression: true})
	wantError(t, "trusted", err, path, "no photons")
	if _, err := Describe(path, LayoutAuto, acquisition.Given{}); err != nil {
		t.Errorf("describing reads no patterns: %v", err)
	}
	small := file(t, "mask.npz", archive(t, true, raw("mask", make([]uint8, 1<<20), 1024, 1024)))
	z, err := openFile(small)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if _, _, err := z.Int64("mask"); err != nil {
		t.Errorf("a constant mask: %v", err)
	}
}
