package hdf5

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func open(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata/small", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestOpen_RefusesOtherFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scan.h5")
	for _, content := range []string{"", "short", strings.Repeat("text", 1000)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var format *FormatError
		if _, err := Open(name); !errors.As(err, &format) || err.Error() != name+": not an HDF5 file" {
			t.Errorf("%d bytes of text: %v", len(content), err)
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

func TestOpen_NamesTheMissingPart(t *testing.T) {
	f := open(t, "groups_earliest.h5")
	for path, want := range map[string]string{
		"a/nothing/deep":  `a has no entry "nothing"`,
		"a/b/c/deep/more": "a/b/c/deep is a dataset",
		"dangling":        `a link to /nowhere: / has no entry "nowhere"`,
		"loop":            "links that lead to each other",
	} {
		_, err := f.Open(path)
		broken := path == "dangling" || path == "loop" // a link is there
		if errors.Is(err, fs.ErrNotExist) == broken || err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), f.Name()) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := f.Dataset("a/b"); err == nil || !strings.Contains(err.Error(), "is a group") {
		t.Errorf("a group opened as a dataset: %v", err)
	}
	if _, err := f.Group("a/hard"); err == nil || !strings.Contains(err.Error(), "is a dataset") {
		t.Errorf("a dataset opened as a group: %v", err)
	}
}

// A link must not read files outside of the folder of the file that has it.
func TestLink_StaysInTheFolder(t *testing.T) {
	f := open(t, "groups_latest.h5")
	lonely := copied(t, "groups_latest.h5", "target.h5")
	if _, err := lonely.Open("outside"); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("a link to ../target.h5: %v", err)
	}
	if _, err := f.Open("missing_file"); errors.Is(err, fs.ErrNotExist) || err == nil || !strings.Contains(err.Error(), "a link to the file nowhere.h5: no such file") {
		t.Errorf("a link to a missing file: %v", err)
	}
	b, err := os.ReadFile("testdata/small/groups_latest.h5")
	if err != nil {
		t.Fatal(err)
	}
	alone, err := NewFile("alone", strings.NewReader(string(b)), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone.Open("elsewhere"); err == nil {
		t.Error("a file that was opened from a reader followed an external link")
	}
}

// copied opens a copy of a file in a new folder, next to whose folder is a copy of another.
func copied(t *testing.T, name, outside string) *File {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "scan"), 0o700); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{name: filepath.Join("scan", name), outside: outside} {
		b, err := os.ReadFile(filepath.Join("testdata/small", from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f, err := Open(filepath.Join(dir, "scan", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// The files of a scan that was copied lie beside each other, whatever their links say.
func TestLink_TakesTheFileBeside(t *testing.T) {
	f := open(t, "groups_latest.h5")
	if _, err := f.Dataset("elsewhere"); err != nil || len(f.Moved()) != 0 {
		t.Errorf("%v, moved %q", err, f.Moved())
	}
	d, err := f.Dataset("outside")
	if err != nil || filepath.Dir(d.f.Name()) != filepath.Clean("testdata/small") || !slices.Equal(f.Moved(), []string{"../target.h5"}) {
		t.Errorf("%v, moved %q", err, f.Moved())
	}
}

func TestRead_RefusesByName(t *testing.T) {
	f := open(t, "refused.h5")
	for path, want := range map[string]string{"blosc": "Blosc", "scaleoffset": "scale-offset"} {
		d, err := f.Dataset(path)
		if err != nil {
			t.Fatal(err)
		}
		var unsupported *UnsupportedError
		if _, err := ReadAll[float64](d); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	for path, want := range map[string]string{"ragged": "sequence of int32", "compound": "compound{a int32, b float64}"} {
		d, err := f.Dataset(path)
		if err != nil {
			t.Fatal(err)
		}
		var value *ValueError
		if _, err := ReadAll[float64](d); !errors.As(err, &value) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// A part of another shape must not be filled in part.
func TestRead_RefusesFoldedVirtualDatasets(t *testing.T) {
	d, err := open(t, "virtual_shapes.h5").Dataset("folded")
	if err != nil {
		t.Fatal(err)
	}
	var unsupported *UnsupportedError
	if v, err := ReadAll[int32](d); !errors.As(err, &unsupported) {
		t.Errorf("%v, %v", v, err)
	}
}

// A value must never be changed silently.
func TestRead_RefusesValuesThatDoNotFit(t *testing.T) {
	f := open(t, "large_values.h5")
	dataset := func(path string) *Dataset {
		d, err := f.Dataset(path)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	_, narrow := ReadAll[uint16](dataset("u4"))
	_, unsigned := ReadAll[uint32](dataset("negative"))
	_, wide := ReadAll[uint64](dataset("negative"))
	_, whole := ReadAll[int32](dataset("fraction"))
	_, signed := ReadAll[int32](dataset("u4"))
	for err, want := range map[error]string{narrow: "value 70000 at element 1", unsigned: "value -1 at element 1", wide: "value -1 at element 1",
		whole: "value 2.5 at element 1", signed: "value 4294967295 at element 2"} {
		var value *ValueError
		if !errors.As(err, &value) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if all, err := ReadAll[float32](dataset("u4")); err != nil || !slices.Equal(all, []float32{1, 70000, 1 << 32}) {
		t.Errorf("as float32: %v, %v", all, err)
	}
}

func TestRead_BlockEqualsPartOfAll(t *testing.T) {
	for _, name := range []string{"index_latest.h5", "index_earliest.h5", "virtual.h5"} {
		f := open(t, name)
		for _, path := range []string{"contiguous", "fixed_gzip", "grows_second", "grows_both", "sparse", "implicit", "compact", "wide", "interleaved"} {
			d, err := f.Dataset(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			all, err := ReadAll[float64](d)
			if err != nil {
				t.Fatal(err)
			}
			shape := d.Shape()
			start, count := make([]uint64, len(shape)), slices.Clone(shape)
			for i, n := range shape {
				start[i], count[i] = n/3, n-n/3-n/4
			}
			checkBlock(t, d, all, start, count)
			count[0] = 1
			checkBlock(t, d, all, start, count)
		}
	}
}

func checkBlock(t *testing.T, d *Dataset, all []float64, start, count []uint64) {
	t.Helper()
	n, _ := product(count, 1)
	got := make([]float64, n)
	if err := Read(d, got, start, count); err != nil {
		t.Fatal(err)
	}
	i := 0
	_ = eachRun(d.Shape(), start, count, func(first, _, n uint64) error {
		if !slices.Equal(got[i:i+int(n)], all[first:first+n]) {
			t.Fatalf("%s of %s: block %d from %d differs from the whole dataset", d.Path(), d.f.Name(), count, start)
		}
		i += int(n)
		return nil
	})
}

func TestRead_RefusesBlocksOutside(t *testing.T) {
	d, err := open(t, "index_latest.h5").Dataset("contiguous")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][2][]uint64{{{0, 0}, {6, 1}}, {{5, 0}, {1, 1}}, {{0}, {1}}, {{0, 1 << 63}, {1, 1 << 63}}} {
		if err := Read(d, make([]int64, 6), b[0], b[1]); err == nil {
			t.Errorf("block %d from %d of %d", b[1], b[0], d.Shape())
		}
	}
}

func TestAttributes_AreRead(t *testing.T) {
	for _, name := range []string{"groups_earliest.h5", "groups_latest.h5"} {
		g, err := open(t, name).Group("a")
		if err != nil {
			t.Fatal(err)
		}
		all, err := g.Attributes()
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, a := range all {
			switch a.Name {
			case "number3":
				if v, err := a.Floats(); err != nil || !slices.Equal(v, []float64{3.5}) || len(a.Shape()) != 0 {
					t.Errorf("%s: number3 = %v, %v", name, v, err)
				}
				found++
			case "text":
				if v, err := a.Strings(); err != nil || !slices.Equal(v, []string{"volts"}) {
					t.Errorf("%s: text = %q, %v", name, v, err)
				}
				found++
			case "long":
				if v, err := a.Floats(); err != nil || len(v) != 500 || v[499] != 499 {
					t.Errorf("%s: long has %d values, %v", name, len(v), err)
				}
				found++
			}
		}
		if found != 3 || len(all) != 10 {
			t.Errorf("%s: %d of 3 attributes, %d in all", name, found, len(all))
		}
	}
}

func TestWalk_VisitsEachEntryOnce(t *testing.T) {
	f := open(t, "groups_earliest.h5")
	paths := map[string]int{}
	dead := 0
	err := f.Walk(func(path string, o Object, _ Link, err error) error {
		paths[path]++
		if err != nil {
			dead++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/many/d00000", "/a/b/c/deep", "/a/hard", "/a/soft", "/group_link", "/elsewhere"} {
		if paths[path] != 1 {
			t.Errorf("%s was visited %d times", path, paths[path])
		}
	}
	if dead != 3 { // dangling, loop, missing_file
		t.Errorf("%d links lead nowhere, want 3", dead)
	}
}
