package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"

	"github.com/ptychogo/ptycho/core/tensor"
)

func TestNPZ_ReadsNumpyFiles(t *testing.T) {
	text := rawArray{Name: "text", Descr: "<U5", Shape: []int{}}
	for _, r := range "größe" {
		text.Payload = binary.LittleEndian.AppendUint32(text.Payload, uint32(r))
	}
	for _, deflate := range []bool{false, true} {
		path := file(t, "a.npz", archive(t, deflate,
			raw("scalar", []float32{2.5}),
			raw("m", []int16{1, -2, 3, 4, 5, 6}, 2, 3),
			raw("c", []complex128{1 - 1i}, 1),
			raw("json", []uint8(`{"a": 1}`), 8),
			text,
			rawArray{Name: "bytes", Descr: "|S4", Shape: []int{}, Payload: []byte("ab\x00\x00")},
			rawArray{Name: "h", Descr: "<f2", Shape: []int{1}, Payload: []byte{0, 0x3c}},
			raw("none", []float64{}, 0, 4),
		))
		z, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if v, shape, err := z.Float64("scalar"); err != nil || len(shape) != 0 || !slices.Equal(v, []float64{2.5}) {
			t.Errorf("scalar: %v %v %v", v, shape, err)
		}
		if v, shape, err := z.Int64("m"); err != nil || !slices.Equal(shape, []int{2, 3}) || !slices.Equal(v, []int64{1, -2, 3, 4, 5, 6}) {
			t.Errorf("m: %v %v %v", v, shape, err)
		}
		if v, _, err := z.Complex64("c"); err != nil || v[0] != 1-1i {
			t.Errorf("c: %v %v", v, err)
		}
		for name, want := range map[string]string{"json": `{"a": 1}`, "text": "größe", "bytes": "ab"} {
			if got, err := z.Text(name); err != nil || got != want {
				t.Errorf("%s: %q %v", name, got, err)
			}
		}
		if v, err := z.Tensor("h"); err != nil || v.DType() != tensor.Float32 {
			t.Errorf("h: %v %v", v, err)
		}
		if v, shape, err := z.Float32("none"); err != nil || len(v) != 0 || !slices.Equal(shape, []int{0, 4}) {
			t.Errorf("none: %v %v %v", v, shape, err)
		}
		for name, call := range map[string]func() error{
			"c":      func() error { _, _, err := z.Float64("c"); return err },
			"text":   func() error { _, _, err := z.Complex64("text"); return err },
			"m":      func() error { _, err := z.Text("m"); return err },
			"absent": func() error { _, _, err := z.Float64("absent"); return err },
			"scalar": func() error { _, _, err := z.Int64("scalar"); return err },
		} {
			wantError(t, name, call(), path, name)
		}
	}
}

func TestNPZ_RejectsOtherFiles(t *testing.T) {
	dir := t.TempDir()
	whole := archive(t, true, raw("a", []float32{1, 2, 3}, 3))
	twice := archive(t, false, raw("a", []float32{1}, 1), raw("a", []float32{2}, 1))
	for name, c := range map[string]struct {
		path, want string
	}{
		"missing":   {filepath.Join(dir, "absent.npz"), "no such file"},
		"folder":    {dir, "is a folder"},
		"empty":     {file(t, "x.npz", nil), "is empty"},
		"text":      {file(t, "x.npz", []byte("hello")), "is not an npz archive"},
		"npy":       {file(t, "x.npz", raw("", []float32{1}, 1).NPY()), "single npy array"},
		"hdf5":      {file(t, "x.npz", []byte("\x89HDF\r\n\x1a\n0000")), "HDF5"},
		"truncated": {file(t, "x.npz", whole[:len(whole)-10]), "is damaged or truncated"},
		"twice":     {file(t, "x.npz", twice), "twice"},
	} {
		z, err := Open(c.path)
		if err == nil {
			z.Close()
		}
		wantError(t, name, err, c.path, c.want)
	}
}

// patchDirectory changes the sizes in the central directory for the only member.
func patchDirectory(content []byte, compressed, uncompressed uint32) []byte {
	out := slices.Clone(content)
	at := bytes.LastIndex(out, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(out[at+20:], compressed)
	binary.LittleEndian.PutUint32(out[at+24:], uncompressed)
	return out
}

func TestNPZ_RejectsHostileArrays(t *testing.T) {
	good := raw("a", make([]float32, 1000), 1000)
	short := good
	short.Shape = []int{1001}
	stored, deflated := archive(t, false, good), archive(t, true, good)
	flipped := slices.Clone(stored)
	flipped[len(flipped)/2] ^= 1
	size := uint32(len(good.NPY()))
	lyingShape := good
	lyingShape.Shape = []int{1 << 20, 1 << 10}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"object":               {archive(t, true, rawArray{Name: "a", Descr: "|O", Shape: []int{}, Payload: []byte("pickle")}), "pickled Python objects"},
		"shape beyond payload": {archive(t, true, short), "need 4132"},
		"enormous shape":       {archive(t, true, lyingShape), "has 4128 bytes"},
		"flipped bit":          {flipped, "checksum"},
		"claims more":          {patchDirectory(deflated, uint32(len(deflated)), size+4), "need"},
		"impossible expansion": {patchDirectory(deflated, 30, 1<<31), "deflate cannot"},
		"suspicious expansion": {patchDirectory(deflated, 60, 64000), "deflate cannot"},
		"larger than the file": {patchDirectory(stored, 1<<30, 1<<30), "in a file of"},
		"stored but expanding": {patchDirectory(stored, size, size+1), "is stored"},
		"no npy":               {bytes.ReplaceAll(stored, []byte("NUMPY"), []byte("NUMPX")), "is not an npy array"},
	} {
		path := file(t, "x.npz", c.content)
		z, err := Open(path)
		if err != nil {
			t.Errorf("%s: opening fails: %v", name, err)
			continue
		}
		_, _, err = z.Float32("a")
		z.Close()
		wantError(t, name, err, path, c.want)
	}
}

func named() []Named {
	return []Named{
		{"b", tensor.Must([]float32{1, 2, 3, 4, 5, 6}, 2, 3)},
		{"a_name", tensor.Must([]complex64{1 + 2i}, 1)},
		{"scalar", tensor.Must([]float64{7})},
		{"s", tensor.Must([]uint16{1, 2, 3}, 3)},
		Text("metadata_json", `{"k": "ü"}`),
	}
}

func TestWriteNPZ_DeterministicAndAligned(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.npz")
	for _, p := range []string{path, filepath.Join(dir, "b.npz")} {
		if err := Write(p, named()...); err != nil {
			t.Fatal(err)
		}
	}
	content, _ := os.ReadFile(path)
	second, _ := os.ReadFile(filepath.Join(dir, "b.npz"))
	if !bytes.Equal(content, second) {
		t.Error("two writes differ")
	}
	z, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for i, n := range named() {
		if z.Arrays()[i].Name != n.Name {
			t.Errorf("array %d is %q, want %q", i, z.Arrays()[i].Name, n.Name)
		}
		got, err := z.Tensor(n.Name)
		if err != nil || got.String() != n.Tensor.String() || !bytes.Equal(got.Bytes(), n.Tensor.Bytes()) {
			t.Errorf("%s: got %v, %v", n.Name, got, err)
		}
	}
	other, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range other.File {
		at, err := m.DataOffset()
		if err != nil || at%64 != 0 || m.Method != zip.Store {
			t.Errorf("%s begins at %d, %v", m.Name, at, err)
		}
	}
	var v []float32
	if err := npz.Read(bytes.NewReader(content), "b.npy", &v); err != nil || !slices.Equal(v, []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("npyio reads %v, %v", v, err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

// The forms for archives beyond 4 GiB, with the limit lowered for the test.
func TestWriteNPZ_Zip64(t *testing.T) {
	for _, limit := range []uint64{1, 150, 400, 600} {
		var b bytes.Buffer
		if err := writeArchive(&b, limit, func(add func(Named) error) error { return addAll(add, named()) }); err != nil {
			t.Fatal(err)
		}
		z, err := New("z.npz", bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Errorf("limit %d: %v", limit, err)
			continue
		}
		for _, n := range named() {
			if got, err := z.Tensor(n.Name); err != nil || !bytes.Equal(got.Bytes(), n.Tensor.Bytes()) {
				t.Errorf("limit %d, %s: got %v, %v", limit, n.Name, got, err)
			}
		}
	}
}

func TestWriteEach_BytesAreThoseOfWrite(t *testing.T) {
	dir := t.TempDir()
	whole, each := filepath.Join(dir, "whole.npz"), filepath.Join(dir, "each.npz")
	err := errors.Join(Write(whole, named()...), WriteEach(each, func(add func(Named) error) error {
		for _, a := range named() {
			if err := add(a); err != nil {
				return err
			}
			clear(a.Tensor.Bytes()) // add has written it
		}
		return nil
	}))
	want, _ := os.ReadFile(whole)
	got, _ := os.ReadFile(each)
	if err != nil || len(want) == 0 || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d equal ones; %v", len(got), len(want), err)
	}
}

func TestWriteNPZ_ErrorKeepsOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.npz")
	if err := Write(path, named()...); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	one := tensor.Must([]uint8{1}, 1)
	for name, arrays := range map[string][]Named{
		"twice": {{"a", one}, {"a", one}}, "empty": {{"a", tensor.Tensor{}}}, "no name": {{"", one}},
	} {
		wantError(t, name, Write(path, arrays...), path, "cannot be written")
	}
	err := writeFile(path, func(w io.Writer) error {
		w.Write([]byte("half"))
		return fmt.Errorf("disk full")
	})
	wantError(t, "failing write", err, path, "disk full")
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("a failed write changed the file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	err = Write(filepath.Join(dir, "no", "a.npz"), named()...)
	if err == nil || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("got %v, want an error that names the file alone", err)
	}
}

func FuzzNPZ(f *testing.F) {
	f.Add(archive(f, false, raw("m", []int16{1, 2, 3, 4, 5, 6}, 2, 3), raw("v", []float32{1.5}, 1)))
	f.Add(archive(f, true, raw("object", []complex64{1}, 1, 1), raw("origin", []float64{1, 2}, 2)))
	f.Add(archive(f, false, rawArray{Name: "_metadata", Descr: "|O", Shape: []int{}, Payload: []byte("x")}))
	f.Fuzz(func(t *testing.T, content []byte) {
		z, err := New("f.npz", bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		for _, a := range z.Arrays() {
			if len(a.Shape) < 8 {
				z.Tensor(a.Name)
				z.Text(a.Name)
			}
		}
	})
}
