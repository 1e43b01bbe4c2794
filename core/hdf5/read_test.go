package hdf5

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var corpus = flag.String("corpus", "testdata/small", "`folder` of files that testdata/generate.py wrote")

// A written dataset as testdata/generate.py describes it.
type written struct {
	File, Path, Kind, Sha256 string
	Shape                    []uint64
	Strings                  []string
}

func manifest(t *testing.T) []written {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(*corpus, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []written
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRead_EqualsWhatH5pyWrote(t *testing.T) {
	files := map[string]*File{}
	for _, w := range manifest(t) {
		f := files[w.File]
		if f == nil {
			var err error
			if f, err = Open(filepath.Join(*corpus, w.File)); err != nil {
				t.Errorf("%v", err)
				continue
			}
			defer f.Close()
			files[w.File] = f
		}
		t.Run(w.File+"/"+w.Path, func(t *testing.T) { compare(t, f, w) })
	}
}

func compare(t *testing.T, f *File, w written) {
	d, err := f.Dataset(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	if w.Strings != nil {
		got, err := d.Strings()
		if err != nil || !slices.Equal(got, w.Strings) {
			t.Fatalf("strings %q, %v; h5py wrote %q", got, err, w.Strings)
		}
		return
	}
	shape := d.Shape()
	if d.Type().Kind == Array {
		shape = append(shape, d.Type().Dims...)
	}
	if !slices.Equal(shape, w.Shape) {
		t.Fatalf("shape %d; h5py wrote %d", shape, w.Shape)
	}
	var values any
	switch w.Kind {
	case "uint":
		values, err = ReadAll[uint64](d)
	case "int":
		values, err = ReadAll[int64](d)
	case "float":
		values, err = ReadAll[float64](d)
	case "complex":
		all := make([]complex128, d.Len())
		err = ReadComplex(d, all, make([]uint64, len(shape)), shape)
		values = all
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != w.Sha256 {
		t.Fatalf("other values than h5py wrote (%s): %v", d.Type(), values)
	}
}
