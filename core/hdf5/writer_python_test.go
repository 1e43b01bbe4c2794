package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWriter_IsReadByH5py compares random files with what h5py reads.
func TestWriter_IsReadByH5py(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if exec.Command(python, "-c", "import h5py").Run() != nil {
		t.Skipf("%s has no h5py", python)
	}
	dir := t.TempDir()
	for seed := range uint64(12) {
		file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.h5", seed)))
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(file)
		randomFile(rand.New(rand.NewPCG(seed, 1)), w)
		_ = w.Root().SetAttribute("title", "Ångström")
		_ = w.Root().SetAttribute("none", "")
		_ = w.Root().SetAttribute("names", []string{"a", "", "µ"})
		_ = w.Root().SetAttribute("numbers", []float64{1, 2.5})
		_ = w.Root().SetAttribute("yes", true)
		rows := uint64(100)
		if seed == 0 {
			rows = 9000 // chunks in a tree of three levels
		}
		long := Create[float32](w.Root(), "long", []uint64{rows, 2}, Storage{Rows: 2, Level: 1})
		_ = long.Write(draw[float32](rand.New(rand.NewPCG(seed, 3)), int(2*rows)))
		if err := errors.Join(w.Close(), file.Close()); err != nil {
			t.Fatal(err)
		}
		// our reader's values, which TestWriter_IsReadBack compares with what was written
		if err := dump(file.Name()); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, "testdata/compare.py", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "datasets are equal") {
		t.Errorf("%v: %s", err, out)
	}
}

// dump writes the raw values of each dataset of numbers beside the file.
func dump(name string) error {
	f, err := Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	out, err := os.Create(name + ".raw")
	if err != nil {
		return err
	}
	defer out.Close()
	return f.Walk(func(path string, o Object, _ Link, err error) error {
		d, ok := o.(*Dataset)
		if err != nil || !ok || d.Type().Kind == VarString {
			return err
		}
		raw, _, err := d.rawBlock(make([]uint64, len(d.Shape())), d.Shape())
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n%d\n", path, len(raw)); err != nil {
			return err
		}
		_, err = io.Copy(out, bytes.NewReader(raw))
		return err
	})
}
