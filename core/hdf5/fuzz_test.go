package hdf5

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// readAll reads what a caller can reach in a file, at most the first elements of large datasets. Errors are expected.
func readAll(b []byte) {
	f, err := NewFile("test", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return
	}
	defer f.Close()
	visited := 0
	f.Walk(func(_ string, o Object, _ Link, err error) error {
		if visited++; visited > 200 {
			return errTooLong
		}
		if o == nil {
			return nil
		}
		attributes, _ := o.Attributes()
		for _, a := range attributes {
			_ = a.Type.String()
			a.Strings()
			a.Floats()
		}
		if d, ok := o.(*Dataset); ok {
			readSome(d)
		}
		return nil
	})
}

func readSome(d *Dataset) {
	_ = d.Type().String()
	start, count := make([]uint64, len(d.Shape())), d.Shape()
	n := uint64(max(d.Type().Size, 1))
	for i := len(count) - 1; i >= 0; i-- {
		count[i] = min(count[i], max(1, 1<<20/n))
		n *= max(count[i], 1)
	}
	raw, per, err := d.rawBlock(start, count)
	if err != nil {
		return
	}
	t := elemOf(d.Type())
	convert(make([]float64, len(raw)/max(d.Type().Size, 1)*per), raw, t, "", "", 0)
	d.f.strings(raw, d.typ, "")
}

func corpusFiles(t testing.TB) [][]byte {
	names, err := filepath.Glob("testdata/small/*.h5")
	if err != nil || len(names) == 0 {
		t.Fatal("no files in testdata/small", err)
	}
	var all [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// A damaged file must give an error or values, in bounded memory.
func TestRead_SurvivesDamagedFiles(t *testing.T) {
	ignoreChecksums = true
	defer func() { ignoreChecksums = false }()
	files := corpusFiles(t)
	rounds := 40
	if testing.Short() {
		rounds = 4
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, original := range files {
		for range rounds {
			b := bytes.Clone(original)
			damage(r, b)
			readAll(b)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if limit := uint64(256 << 20); m.Sys > limit {
		t.Errorf("%d MiB of memory", m.Sys>>20)
	}
}

// damage changes a few bytes, mostly in the first kilobytes, where the metadata lies.
func damage(r *rand.Rand, b []byte) {
	for range 1 + r.IntN(6) {
		i := r.IntN(len(b))
		if r.IntN(2) == 0 {
			i = r.IntN(min(len(b), 4096))
		}
		switch r.IntN(4) {
		case 0:
			b[i] ^= 1 << r.IntN(8)
		case 1:
			b[i] = byte(r.IntN(256))
		case 2:
			b[i] = 0xff
		case 3:
			copy(b[i:], b[r.IntN(len(b)):][:1])
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range corpusFiles(f) {
		if len(b) < 70000 {
			f.Add(b)
		}
	}
	ignoreChecksums = true
	f.Fuzz(func(_ *testing.T, b []byte) { readAll(b) })
}
