package acquisition_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
)

// FuzzOpen reads damaged files of every format but HDF5, which core/hdf5 fuzzes, as patterns and as positions.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"complete.npz", "fold_slice.mat", "plain.mat", "stack.tif", "bigendian.tif", "tiles.tif", "floats.tif", "imagej.tif", "stack.npy", "columns.npz", "ptychodus.npz", "product.npz", "motors.csv", "motors.txt", "merlin.mib"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "1")
		f.Add(b, "/position:1")
	}
	f.Fuzz(func(t *testing.T, content []byte, path string) {
		name := filepath.Join(t.TempDir(), "scan")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if acquisition.Kind(name) == "HDF5" || len(path) > 40 {
			return
		}
		g := geometry(name+":"+path, csv+":1", 1e-6)
		if a, err := acquisition.Open("testdata/stack.npy", g); err == nil {
			a.Close()
		}
		raw := geometry(csv+":2", csv+":1", 1e-6)
		raw.Format, raw.Numbers = acquisition.FormatRaw, acquisition.Numbers{Shape: []uint64{uint64(len(path)), 24, 24}[len(content)%2:], Type: "<f4", Skip: int64(len(content) % 7)}
		if a, err := acquisition.Open(name, raw); err == nil {
			a.Close()
		}
		a, err := acquisition.Open(name, geometry(csv+":2", csv+":1", 1e-6))
		if err != nil {
			return
		}
		defer a.Close()
		if s, err := a.Read(context.Background(), []int{0, a.Patterns - 1}[:min(2, a.Patterns)], true); err == nil && len(s.Counts) == 0 {
			t.Error("no counts")
		}
	})
}
