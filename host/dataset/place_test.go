//go:build linux

package dataset

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
)

// inPlace writes an archive that is not compressed and reads it into a spool, with patterns that stay in the archive.
func inPlace(t *testing.T, spool *Spool) (path string, data *scan.Scan) {
	t.Helper()
	simulated, err := simulate.New(t.Context(), simulate.Options{N: 32, Patterns: 20, Photons: 1e5})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "scan.npz")
	if err := format.WriteScan(path, simulated.AsRead(), format.Counts); err != nil {
		t.Fatal(err)
	}
	const more = 1 << 60 // bytes of a copy that has no room
	data, err = format.ReadScan(t.Context(), path, format.ScanOptions{Storage: scan.Storage{Create: spool.Create, Keep: func(path string, _ int64) scan.SourceFile { return spool.Keep(path, more) }}})
	if err != nil {
		t.Fatal(err)
	}
	if data.Stored.InPlace() == "" {
		t.Fatal("the patterns are copied")
	}
	return path, data
}

// TestSpool_PassesThePlaceOfPatterns checks that a backend receives the bytes of the patterns in the scan's file, also when another file has its name.
func TestSpool_PassesThePlaceOfPatterns(t *testing.T) {
	spool := NewSpool()
	defer spool.Remove()
	path, data := inPlace(t, spool)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("another file"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := spool.Add(t.Context(), data, model.Probe{Modes: data.Probe, N: data.N, Count: data.Modes}, model.Uniform(data.N, 0))
	if err != nil {
		t.Fatal(err)
	}
	ref := d.Arrays[0].File
	all, err := os.ReadFile(ref.Path)
	if err != nil {
		t.Fatal(err)
	}
	if ref.DType != tensor.Uint16 || ref.Offset == 0 || ref.Shape[0] != data.Len() {
		t.Fatalf("%+v", ref)
	}
	var want []byte
	for _, pattern := range data.All() {
		for _, k := range pattern {
			want = append(want, byte(uint16(k)), byte(uint16(k)>>8))
		}
	}
	if got := all[ref.Offset:][:len(want)]; !bytes.Equal(got, want) {
		t.Error("the bytes at the place are not the patterns")
	}
}

func TestVerify_ChangedFileIsAFaultOfTheData(t *testing.T) {
	spool := NewSpool()
	defer spool.Remove()
	path, data := inPlace(t, spool)
	if err := Verify(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	if err := Blame(io.EOF, data, nil); !errors.Is(err, io.EOF) {
		t.Errorf("%v is blamed for an end of file", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{0xff}, data.Stored.Offset()); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(data.Stored.Offset() + data.Bytes() + 1); err != nil { // another size, whatever the clock's resolution
		t.Fatal(err)
	}
	if err := Blame(errors.New("a fault of the backend"), data); !strings.Contains(err.Error(), "the patterns were changed") {
		t.Errorf("%v is blamed", err)
	}
	if err := Blame(nil, data); err != nil {
		t.Errorf("%v after a run without an error", err)
	}
	if err := Verify(t.Context(), data); host.ExitCode(err) != host.ExitData || !strings.Contains(err.Error(), path+": the patterns were changed") {
		t.Errorf("%v, exit code %d", err, host.ExitCode(err))
	}
}
