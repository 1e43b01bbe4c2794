package main_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// geometry are the flags that give a scan in pixels a size.
var geometry = []string{"--energy", "8keV", "--distance", "1.9m", "--detector-pixel-size", "75um"}

// randomScan writes a scan with a mask, a probe of two modes, and patterns up to a largest count.
func randomScan(t *testing.T, most int, units format.Units) (path string, s *scan.Scan) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(most), 1))
	s = &scan.Scan{N: 16, Modes: 2, Mask: make([]uint8, 256)}
	for i := range 40 {
		s.Rows, s.Cols = append(s.Rows, 3+30*r.Float64()), append(s.Cols, 20+17*r.Float64())
		for range 256 {
			s.Counts = append(s.Counts, float32(r.IntN(most+1)))
		}
		s.Counts[256*i+17] = float32(most)
	}
	for i := range s.Mask {
		s.Mask[i] = 1
	}
	s.Mask[77] = 0
	for i := range s.Len() {
		s.Counts[256*i+77] = 0
	}
	for range 2 * 256 {
		s.Probe = append(s.Probe, complex(r.Float32(), r.Float32()))
	}
	s.Probe[8*16+8] = 50 // the centre
	path = filepath.Join(t.TempDir(), "scan.npz")
	if err := format.WriteScan(path, s, units); err != nil {
		t.Fatal(err)
	}
	return path, s
}

// same compares scans.
func same(t *testing.T, name string, got, want *scan.Scan) {
	t.Helper()
	switch {
	case !slices.Equal(got.Counts, want.Counts):
		t.Errorf("%s: other counts", name)
	case !slices.Equal(got.Mask, want.Mask):
		t.Errorf("%s: another mask", name)
	case !slices.Equal(got.Probe, want.Probe) || got.Modes != want.Modes:
		t.Errorf("%s: another probe", name)
	case got.Len() != want.Len():
		t.Errorf("%s: %d patterns, want %d", name, got.Len(), want.Len())
	default:
		for i := range got.Rows {
			if y, x := got.Rows[i]-want.Rows[i], got.Cols[i]-want.Cols[i]; math.Hypot(y, x) > 1e-9 {
				t.Fatalf("%s: position %d is off by (%v, %v)", name, i, y, x)
			}
		}
	}
}

func readScan(t *testing.T, path string) *scan.Scan {
	t.Helper()
	s, err := format.ReadScan(context.Background(), path, format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestConvert_RoundTripsKeepTheScan writes scans as CXI and for ptypy and reads them again, directly and as npz. 65535 and the largest numbers
// must not become bad pixels.
func TestConvert_RoundTripsKeepTheScan(t *testing.T) {
	fixture.Long(t)
	for _, c := range []struct {
		most  int
		units format.Units
	}{{200, format.Counts}, {65534, format.Counts}, {65535, format.Counts}, {1 << 20, format.Counts}, {500, format.Amplitude}} {
		npz, want := randomScan(t, c.most, c.units)
		if c.units == format.Amplitude {
			want = readScan(t, npz) // counts of rounded square roots
		}
		dir := filepath.Dir(npz)
		cxi, back, h5, again := filepath.Join(dir, "scan.cxi"), filepath.Join(dir, "back.npz"), filepath.Join(dir, "scan.h5"), filepath.Join(dir, "again.npz")
		must(t, append([]string{"convert", npz, cxi}, geometry...)...)
		must(t, "convert", cxi, back)
		must(t, "convert", cxi, h5)
		must(t, "convert", h5, again)
		for _, path := range []string{cxi, back, h5, again} {
			s := readScan(t, path)
			same(t, fmt.Sprintf("%d %s %s", c.most, c.units, filepath.Base(path)), s, want)
			if pixel := 6.62607015e-34 * 299792458 / (8e3 * 1.602176634e-19) * 1.9 / (16 * 75e-6); math.Abs(s.PixelSize/pixel-1) > 1e-12 {
				t.Errorf("%s: object pixels of %v m, want %v", path, s.PixelSize, pixel)
			}
		}
	}
	for _, c := range []struct{ most int }{{200}, {65535}, {1 << 20}} { // ptypy's prepared data has no probe
		npz, want := randomScan(t, c.most, format.Counts)
		ptyd, back := filepath.Join(filepath.Dir(npz), "scan.ptyd"), filepath.Join(filepath.Dir(npz), "back.npz")
		if _, stderr, code := run(t, append([]string{"convert", npz, ptyd}, geometry...)...); code != 0 || !strings.Contains(stderr, "probeGuess is not written") {
			t.Fatalf("code %d, no notice of the probe that is lost: %s", code, stderr)
		}
		must(t, "convert", ptyd, back)
		want.Probe, want.Modes = nil, readScan(t, back).Modes
		for _, path := range []string{ptyd, back} {
			same(t, fmt.Sprintf("%d %s", c.most, filepath.Base(path)), readScan(t, path), want)
		}
		if s := readScan(t, ptyd); math.Abs(s.Geometry.Distance-1.9) > 1e-12 || math.Abs(s.Geometry.DetectorPixel-75e-6) > 1e-15 || s.Format != "ptypy" {
			t.Errorf("%s: %s with %+v", ptyd, s.Format, s.Geometry)
		}
	}
	dir := t.TempDir()
	direct, copied, twice := filepath.Join(dir, "direct.npz"), filepath.Join(dir, "copied.cxi"), filepath.Join(dir, "twice.npz")
	must(t, "convert", cxi, direct, "--rows", "2:9")
	must(t, "convert", cxi, copied, "--rows", "2:9")
	must(t, "convert", copied, twice)
	same(t, "CXI to CXI", readScan(t, twice), readScan(t, direct))
}

// TestConvert_WritesForPtychodus reads the two files of Ptychodus.
func TestConvert_WritesForPtychodus(t *testing.T) {
	npz, want := randomScan(t, 70000, format.Counts)
	out := filepath.Join(filepath.Dir(npz), "diffraction.h5")
	text := must(t, append([]string{"convert", npz, out, "--rows", "10:40"}, geometry...)...)
	if !strings.Contains(text, "diffraction.product.h5: probe and positions") {
		t.Error(text)
	}
	read := func(path, name string) []float64 {
		f, err := hdf5.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d, err := f.Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := hdf5.ReadAll[float64](d)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i, v := range read(out, "/patterns") {
		if v != float64(want.Counts[2560+i]) {
			t.Fatalf("value %d is %v, want %v", i, v, want.Counts[2560+i])
		}
	}
	for i, v := range read(out, "/bad_pixels") {
		if (v == 1) != (want.Mask[i] == 0) {
			t.Errorf("bad pixel %d is %v", i, v)
		}
	}
	if index := read(out, "/indexes"); len(index) != 30 || index[0] != 10 {
		t.Errorf("indexes %v", index)
	}
	product := filepath.Join(filepath.Dir(npz), "diffraction.product.h5")
	pixel := readScan(t, npz).Geometry.ObjectPixel(16)
	if pixel != 0 {
		t.Errorf("the npz has a geometry: %v", pixel)
	}
	for i, v := range read(product, "/probe_position_x_m") {
		if at := v / 2.45383e-7; math.Abs(at/want.Cols[10+i]-1) > 1e-4 {
			t.Fatalf("position %d is %v pixels, want %v", i, at, want.Cols[10+i])
		}
	}
	if f, err := hdf5.Open(product); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
}

// TestConvert_KeepsPositionsWithoutAProbe writes a scan for Ptychodus that has no probe.
func TestConvert_KeepsPositionsWithoutAProbe(t *testing.T) {
	_, want := randomScan(t, 300, format.Counts)
	want.Probe, want.Modes = nil, 0
	dir := t.TempDir()
	npz, h5 := filepath.Join(dir, "bare.npz"), filepath.Join(dir, "bare.h5")
	if err := format.WriteScan(npz, want, format.Counts); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := run(t, append([]string{"convert", npz, h5}, geometry...)...)
	if code != 0 || !strings.Contains(stderr, "has no probe") || strings.Contains(stdout, "probe") {
		t.Fatalf("code %d: %s%s", code, stdout, stderr)
	}
	same(t, "without a probe", readScan(t, h5), want)
}

// A pixel that only a later pattern marks is masked, and must not be in the mean.
func TestConvert_MeanIsThatOfUnmaskedPixels(t *testing.T) {
	dir := t.TempDir()
	array := filepath.Join(dir, "stack.npy")
	b, err := os.ReadFile(data + "stack.npy") // [12, 24, 24] uint16
	if err != nil {
		t.Fatal(err)
	}
	head, pattern := len(b)-12*24*24*2, 24*24*2
	binary.LittleEndian.PutUint16(b[head:], 60000)
	binary.LittleEndian.PutUint16(b[head+11*pattern:], 65535)
	if err := os.WriteFile(array, b, 0o600); err != nil {
		t.Fatal(err)
	}
	mean := func(name string) (v struct {
		Mean float64 `json:"mean_counts"`
	}) {
		out := must(t, "convert", array, filepath.Join(dir, name), "--json", "--y-path", data+"motors.csv:2", "--x-path", data+"motors.csv:1", "--position-units", "um",
			"--wavelength", "0.124nm", "--distance", "1.9m", "--detector-pixel-size", "75um")
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := mean("scan.npz")
	for _, name := range []string{"scan.cxi", "scan.h5", "scan.ptyd"} {
		if got := mean(name); math.Abs(got.Mean-want.Mean) > 1e-6*want.Mean {
			t.Errorf("%s: mean %v, the npz has %v", name, got.Mean, want.Mean)
		}
	}
}

// TestConvert_ForeignMistakesAreNamed looks for one sentence, and that nothing is written.
func TestConvert_ForeignMistakesAreNamed(t *testing.T) {
	npz, _ := randomScan(t, 100, format.Counts)
	dir := filepath.Dir(npz)
	raw := filepath.Join(dir, "raw.cxi")
	b, err := os.ReadFile(cxi)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(raw, b, 0o600); err != nil {
		t.Fatal(err)
	}
	sized := filepath.Join(dir, "sized.npz")
	must(t, append([]string{"convert", npz, sized}, geometry...)...)
	taken := filepath.Join(dir, "taken.product.h5")
	if err := os.WriteFile(taken, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.cxi")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{11, "give --energy or --wavelength, --distance, --detector-pixel-size", []string{npz, out}},
		{11, "give --distance", []string{npz, out, "--energy", "8keV", "--detector-pixel-size", "75um"}},
		{10, "is a file of the format HDF5 that ptycho did not write", []string{cxi, raw, "--overwrite"}},
		{10, "exists", []string{cxi, raw}},
		{10, "taken.product.h5 exists", []string{cxi, filepath.Join(dir, "taken.h5")}},
		{10, "taken.product.h5 is a file of the format HDF5 that ptycho did not write", []string{cxi, filepath.Join(dir, "taken.h5"), "--overwrite"}},
		{10, "--to tiff: want npz, cxi, ptychodus or ptyd", []string{npz, out, "--to", "tiff"}},
		{10, "--crop 18 cannot be taken", []string{npz, out, "--crop", "18"}},
		{10, "the file says distance 1.9 m, and 2 m was given", []string{sized, out, "--distance", "2m"}},
		{11, "selects none", []string{npz, out, "--rows", "50:60"}},
		{11, "npz", []string{"main_test.go", out}},
	} {
		_, stderr, code := run(t, append([]string{"convert"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(strings.TrimSpace(stderr), "\n") > 1 {
			t.Errorf("convert %s: code %d, want %d with %q: %s", c.args, code, c.code, c.says, stderr)
		}
		for _, path := range []string{out, filepath.Join(dir, "taken.h5")} {
			if _, err := os.Stat(path); err == nil {
				t.Fatalf("convert %s left a file", c.args)
			}
		}
	}
	must(t, "convert", sized, out)
	must(t, "convert", cxi, out, "--overwrite") // its own file
}

// TestExport_WritesWhatIsAsked has solve write all forms, and then replace them by none.
func TestExport_WritesWhatIsAsked(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	files := []string{"product.h5", "reconstruction.cxi", "amplitude.tif", "phase.tif"}
	solve := []string{"solve", "--data", cxi, "--output-dir", out, "--iterations", "2", "--quiet"}
	text := must(t, append(solve, "--export", "ptychodus,cxi,tiff")...)
	for _, name := range files {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() < 1000 || !strings.Contains(text, name) {
			t.Errorf("%s: %v in %q", name, err, text)
		}
	}
	image, err := format.ReadReconstruction(filepath.Join(out, "reconstruction.npz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"product.h5:/object", "reconstruction.cxi:/entry_1/image_2/data"} {
		file, name, _ := strings.Cut(path, ":")
		f, err := hdf5.Open(filepath.Join(out, file))
		if err != nil {
			t.Fatal(err)
		}
		d, err := f.Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]complex128, d.Len())
		if err := hdf5.ReadComplex(d, got, make([]uint64, 3), d.Shape()); err != nil {
			t.Fatal(err)
		}
		f.Close()
		for i, v := range got {
			if v != complex128(image.Object[i]) {
				t.Fatalf("%s: pixel %d is %v, want %v", path, i, v, image.Object[i])
			}
		}
	}
	must(t, append(solve, "--overwrite")...)
	for _, name := range files {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			t.Errorf("%s of the older result was kept", name)
		}
	}
}

// TestExport_RefusesBeforeTheWork looks for refusals that leave no result, and for files of others.
func TestExport_RefusesBeforeTheWork(t *testing.T) {
	npz, dir := smallScan(t), t.TempDir()
	out := filepath.Join(dir, "out")
	solve := []string{"solve", "--data", npz, "--output-dir", out, "--iterations", "2", "--quiet"}
	for list, want := range map[string]string{
		"cxi": "does not say how large an object pixel is", "tiff,ptychodus": "--export ptychodus needs metres", "png": "--export png: want ptychodus, cxi and tiff", "none,cxi": "--export none,cxi: want",
	} {
		_, stderr, code := run(t, append(solve, "--export", list)...)
		if code != 10 && code != 11 || !strings.Contains(stderr, want) {
			t.Errorf("--export %s: code %d: %s", list, code, stderr)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("--export %s left a folder", list)
		}
	}
	must(t, append(solve, "--export", "tiff")...) // pixels will do
	mine := filepath.Join(out, "product.h5")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, append(solve, "--overwrite")...)
	sized := filepath.Join(dir, "sized.npz")
	must(t, append([]string{"convert", npz, sized}, geometry...)...)
	_, stderr, code := run(t, "solve", "--data", sized, "--output-dir", out, "--overwrite", "--export", "ptychodus", "--quiet")
	if b, err := os.ReadFile(mine); code != 10 || err != nil || string(b) != "mine" || !strings.Contains(stderr, "product.h5") {
		t.Errorf("code %d, %v: %s", code, err, stderr)
	}
}

// TestExport_InferWritesThem has a trained model reconstruct and export.
func TestExport_InferWritesThem(t *testing.T) {
	long(t)
	npz, dir := smallScan(t), t.TempDir()
	sized, model := filepath.Join(dir, "sized.npz"), filepath.Join(dir, "run")
	must(t, append([]string{"convert", npz, sized}, geometry...)...)
	must(t, "train", "--train-data-file", sized, "--output-dir", model, "--max-epochs", "1", "--n-filters-scale", "1", "--quiet")
	for _, refine := range []string{"0", "2"} {
		out := filepath.Join(dir, "out"+refine)
		must(t, "infer", "--trust-data", "--model-path", model, "--test-data", sized, "--output-dir", out, "--refine", refine, "--export", "cxi,ptychodus", "--quiet")
		f, err := hdf5.Open(filepath.Join(out, "product.h5"))
		if err != nil {
			t.Fatal(err)
		}
		losses, err := f.Dataset("/loss_values")
		if err != nil || fmt.Sprint(losses.Len()) != refine {
			t.Errorf("losses %v, %v, want %s", losses, err, refine)
		}
		f.Close()
	}
	_, stderr, code := run(t, "infer", "--model-path", model, "--test-data", npz, "--output-dir", filepath.Join(dir, "none"), "--export", "cxi", "--quiet")
	if code != 11 || !strings.Contains(stderr, "does not say how large an object pixel is") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

// TestExport_NamesAreAnyBytes solves a scan whose name is not UTF-8, which the text in the files must be.
func TestExport_NamesAreAnyBytes(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "scan\xff\n.cxi")
	b, err := os.ReadFile(cxi)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(odd, b, 0o600); err != nil {
		t.Skipf("the file system has names in UTF-8: %v", err)
	}
	must(t, "solve", "--data", odd, "--output-dir", filepath.Join(dir, "out"), "--iterations", "1", "--export", "ptychodus,cxi,tiff", "--quiet", "--trust-data")
	must(t, "convert", odd, filepath.Join(dir, "out.h5"))
}
