package format

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
)

func TestReadScan_MaskedPixelsIgnored(t *testing.T) {
	mask := make([]uint8, 256)
	for i := range mask {
		mask[i] = 1
	}
	mask[7], mask[8] = 0, 0
	got, _, _, err := read(t, ScanOptions{}, append(scanArrays(3, func(c []float64) rawArray {
		c[7], c[256+8] = nan, -5
		return raw("intensity", c, 3, 16, 16)
	}), raw("mask", mask, 16, 16))...)
	if err != nil || got[7] != 0 || got[256+8] != 0 || got[0] != 2 {
		t.Errorf("got %v, %v", got[:9], err)
	}
}

func TestReadScan_ChecksSelectedPatternsOnly(t *testing.T) {
	arrays := scanArrays(3, func(c []float64) rawArray { c[300] = nan; return raw("intensity", c, 3, 16, 16) })
	if _, _, _, err := read(t, ScanOptions{Rows: "0,2"}, arrays...); err != nil {
		t.Error(err)
	}
}

func TestWriteScan_RoundTrip(t *testing.T) {
	arrays := append(scanArrays(4, stackU2("intensity")),
		raw("probeGuess", append(make([]complex64, 255), 2i), 16, 16),
		raw("objectGuess", []complex64{1, 2i}, 1, 2), raw("split", []uint8{0, 1, 1, 0}, 4),
		raw("mask", append(make([]uint8, 255), 1), 16, 16),
		raw("metadata_json", []uint8(`{"pixel_size_m": 2e-8}`), 22))
	arrays[3].Payload[0] = 1
	mask := arrays[6].Payload
	for i := range mask {
		mask[i] = 1
	}
	s, err := ReadScan(t.Context(), file(t, "s.npz", archive(t, true, arrays...)), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []Units{Counts, Amplitude} {
		path := t.TempDir() + "/w.npz"
		if err := WriteScan(path, s, form); err != nil {
			t.Fatal(err)
		}
		got, err := ReadScan(t.Context(), path, ScanOptions{})
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if got.Fingerprint() != s.Fingerprint() || !slices.Equal(got.Probe, s.Probe) || !slices.Equal(got.Object, s.Object) ||
			!slices.Equal(got.Split, s.Split) || got.PixelSize != 2e-8 {
			t.Errorf("%s: got %+v", form, got)
		}
	}
	wantError(t, "normalised", WriteScan("x.npz", s, Normalised), "x.npz", "only as counts or amplitude")
	s.Counts[5] = 0.5
	wantError(t, "half a photon", WriteScan("x.npz", s, Counts), "x.npz", "pattern 0, pixel (0, 5)")
	path := t.TempDir() + "/w.npz"
	if err := WriteScan(path, s, Amplitude); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadScan(t.Context(), path, ScanOptions{}); err != nil || math.Abs(float64(got.Counts[5])-0.5) > 1e-6 {
		t.Errorf("half a photon as amplitude: %v", err)
	}
}

func ExampleUnits() {
	e, _ := npz.ParseElement("<u2")
	c, _ := newConverter("scan.npz", "intensity", e, 0, Auto)
	c.convert(3)
	note, _ := c.finish("scan.npz")
	fmt.Println(note)
	// Output: intensity holds counts, because its type uint16 is an integer
}

// FuzzScan damages the arrays inside a well-formed archive, which FuzzScanFile seldom reaches because of the checksums.
func FuzzScan(f *testing.F) {
	for _, stack := range []func([]float64) rawArray{stackU2("diff3d"), stackF4("diff3d", math.Sqrt)} {
		a := scanArrays(3, stack)
		f.Add(a[0].NPY(), a[1].NPY(), raw("intensity_scale", []float32{2}).NPY(), "0:2")
		f.Add(a[0].NPY(), a[1].NPY(), []byte(nil), "split=10")
	}
	f.Fuzz(func(t *testing.T, stack, rows, scale []byte, expr string) {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		add := func(name string, content []byte) {
			m, err := w.CreateHeader(&zip.FileHeader{Name: name + ".npy"})
			if err != nil {
				t.Fatal(err)
			}
			m.Write(content)
		}
		add("diff3d", stack)
		add("ycoords", rows)
		add("xcoords", rows)
		if len(scale) > 0 {
			add("intensity_scale", scale)
		}
		if strings.HasPrefix(expr, "split") {
			add("split", rows)
		}
		w.Close()
		z, err := newFile("f.npz", bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, units := range []Units{Auto, Counts, Amplitude, Normalised} {
			s, err := z.readScan(t.Context(), ScanOptions{Rows: expr}, units)
			if err != nil {
				continue
			}
			if err := s.Validate(); err != nil || s.Notes[0] == "" {
				t.Fatalf("%s: %v", units, err)
			}
		}
	})
}

// A truncated file must fail, and never give values.
func TestReadScan_TruncatedFails(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		whole := archive(t, deflate, scanArrays(5, stackU2("intensity"))...)
		for eighth := range 8 {
			path := file(t, "cut.npz", whole[:len(whole)*eighth/8])
			_, err := ReadScan(t.Context(), path, ScanOptions{})
			wantError(t, fmt.Sprintf("%d/8", eighth), err, path, "")
			_, err = Describe(path, LayoutAuto, acquisition.Given{})
			wantError(t, fmt.Sprintf("%d/8", eighth), err, path, "")
			_, err = ReadReconstruction(path)
			wantError(t, fmt.Sprintf("%d/8", eighth), err, path, "")
		}
		// The payload truncated, the directory intact.
		cut := append(slices.Clone(whole[:500]), whole[700:]...)
		path := file(t, "cut.npz", cut)
		_, err := ReadScan(t.Context(), path, ScanOptions{})
		wantError(t, "middle", err, path, "")
	}
}

func FuzzScanFile(f *testing.F) {
	f.Add(archive(f, false, scanArrays(3, stackU2("intensity"))...))
	f.Add(archive(f, true, scanArrays(2, stackF4("diff3d", same))...))
	f.Add(archive(f, true, raw("object", []complex64{1}, 1, 1), raw("origin", []float64{1, 2}, 2)))
	f.Add(archive(f, false, rawArray{Name: "_metadata", Descr: "|O", Shape: []int{}, Payload: []byte("x")}))
	f.Fuzz(func(t *testing.T, content []byte) {
		z, err := newFile("f.npz", bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		if s, err := z.readScan(t.Context(), ScanOptions{}, Auto); err == nil {
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
		}
		z.readReconstruction()
	})
}
