package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
)

// cxi is a scan of 12 patterns of 24×24 pixels.
const cxi = "../../core/acquisition/testdata/plain.cxi"

func TestConvert_SolvesToTheSameBits(t *testing.T) {
	dir := t.TempDir()
	npz := filepath.Join(dir, "scan.npz")
	must(t, "convert", cxi, npz)
	var images []string
	for name, scan := range map[string]string{"direct": cxi, "converted": npz} {
		must(t, "solve", "--data", scan, "--output-dir", filepath.Join(dir, name), "--iterations", "3", "--quiet")
		b, err := os.ReadFile(filepath.Join(dir, name, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, string(b))
	}
	if images[0] != images[1] {
		t.Error("the converted file gives another image than the CXI file")
	}
}

func TestConvert_MistakesAreNamed(t *testing.T) {
	dir := t.TempDir()
	npz, copied := filepath.Join(dir, "scan.npz"), filepath.Join(dir, "copy.cxi")
	must(t, "convert", cxi, npz)
	b, err := os.ReadFile(cxi)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, b, 0o600); err != nil {
		t.Fatal(err)
	}
	array := filepath.Join(dir, "stack.npy")
	if b, err = os.ReadFile("../../core/acquisition/testdata/stack.npy"); err == nil {
		err = os.WriteFile(array, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.npz")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{10, "exists", []string{cxi, npz}},
		{10, "is read, and would be replaced", []string{copied, copied, "--overwrite"}},
		{10, "is a file of the format npy", []string{cxi, array, "--overwrite"}},
		{10, "want two", []string{cxi}},
		{10, "the name of a file is empty", []string{cxi, "", "--overwrite"}},
		{10, "the name of a file is empty", []string{"", filepath.Join(t.TempDir(), "scan.npz")}},
		{10, `--energy "10" has no unit: write it behind the number, as in 10keV`, []string{cxi, out, "--energy", "10"}},
		{10, "exclude each other", []string{cxi, out, "--energy", "10keV", "--wavelength", "1A"}},
		{10, "want one of cxi", []string{cxi, out, "--format", "tape"}},
		{11, "give 12 of them with", []string{"../../core/acquisition/testdata/layouts/eiger_master.h5", out}},
		{10, "write m, mm, um, nm, pm or A", []string{cxi, out, "--position-units", "furlong"}},
		{10, "go together", []string{cxi, out, "--y-path", "/y"}},
		{10, "--positions", []string{cxi, out, "--positions", "upside-down"}},
		{10, "--n-images", []string{cxi, out, "--n-images", "0"}},
		{11, "is not an npz archive", []string{"convert_test.go", out}},
		{11, "/scan/frames [12 24 24] uint32", []string{"../../core/acquisition/testdata/unknown.h5", out}},
		{10, "the file says distance", []string{cxi, out, "--distance", "2m"}},
		{11, "selects none", []string{cxi, out, "--rows", "50:60"}},
	} {
		_, stderr, code := run(t, append([]string{"convert"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(strings.TrimSpace(stderr), "\n") != 0 {
			t.Errorf("convert %s: code %d, want %d with %q: %s", c.args, code, c.code, c.says, stderr)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("convert %s left a file", c.args)
		}
	}
}

// The file with the positions must not be replaced by the result.
func TestConvert_KeepsOtherInputs(t *testing.T) {
	motors := filepath.Join(t.TempDir(), "motors.h5")
	b, err := os.ReadFile("../../core/acquisition/testdata/unknown.h5")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(motors, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := run(t, "convert", cxi, motors, "--overwrite", "--y-path", motors+":/scan/motors:1", "--x-path", motors+":/scan/motors:0")
	if after, err := os.ReadFile(motors); code != 10 || err != nil || string(after) != string(b) {
		t.Errorf("code %d, %v: %s", code, err, stderr)
	}
}

// The product of Ptychodus, which a command reads or writes beside the patterns without its name, is an input too.
func TestConvert_KeepsTheProductThatIsRead(t *testing.T) {
	patterns := filepath.Join(t.TempDir(), "scan.h5")
	product := strings.TrimSuffix(patterns, ".h5") + ".product.h5"
	must(t, "convert", cxi, patterns)
	before, err := os.ReadFile(product)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{patterns, product},
		{patterns, product, "--to", "cxi"},
		{cxi, patterns, "--y-path", product + ":/probe_position_y_m", "--x-path", product + ":/probe_position_x_m"},
	} {
		_, stderr, code := run(t, append([]string{"convert", "--overwrite", "--rows", "0:5"}, args...)...)
		if after, err := os.ReadFile(product); code != 10 || err != nil || string(after) != string(before) || !strings.Contains(stderr, "is read, and would be replaced") {
			t.Errorf("convert %s: code %d, %v: %s", args, code, err, stderr)
		}
	}
}

// A kill between the renames of the two files leaves a mixture, whose positions would be those of other patterns.
func TestConvert_RefusesFilesOfTwoConversions(t *testing.T) {
	dir := t.TempDir()
	one, other := filepath.Join(dir, "one.h5"), filepath.Join(dir, "other.h5")
	must(t, "convert", cxi, one)
	must(t, "convert", cxi, other, "--positions", "flip-rows")
	must(t, "inspect", "--no-geometry", one)
	if err := os.Rename(filepath.Join(dir, "other.product.h5"), filepath.Join(dir, "one.product.h5")); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := run(t, "inspect", "--no-geometry", one); code != 11 || !strings.Contains(stderr, "one.product.h5 comes from another conversion") {
		t.Errorf("code %d: %s", code, stderr)
	}
	must(t, "convert", cxi, one, "--overwrite")
	must(t, "inspect", "--no-geometry", one)
}

// Errors of core/hdf5 name the file, and so do those of the commands: a reader needs the name once.
func TestConvert_NamesTheFileOnce(t *testing.T) {
	broken := filepath.Join(filepath.Dir(cxi), "broken.cxi")
	for _, to := range []string{"x.npz", "x.cxi"} {
		_, stderr, code := run(t, "convert", broken, filepath.Join(t.TempDir(), to))
		if code != 11 || strings.Count(stderr, broken) != 1 {
			t.Errorf("code %d: %s", code, stderr)
		}
	}
}

// A position of a wrong unit asked for an object of 60 GB.
func TestConvert_NamesPositionsFarApart(t *testing.T) {
	dir := t.TempDir()
	table, out := filepath.Join(dir, "far.csv"), filepath.Join(dir, "out.h5")
	lines := strings.Repeat("1,2\n", 11) + "90000,90000\n"
	if err := os.WriteFile(table, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := run(t, "convert", cxi, out, "--y-path", table+":1", "--x-path", table+":0", "--position-units", "um", "--override")
	if left, _ := filepath.Glob(filepath.Join(dir, "*.h5")); code != 11 || !strings.Contains(stderr, "--rows") || len(left) > 0 {
		t.Errorf("code %d, left %v: %s", code, left, stderr)
	}
}

// A scan that is not HDF5 must give the same image as the CXI file, with positions and geometry by flags.
func TestConvert_ReadsOtherFiles(t *testing.T) {
	long(t)
	dir := t.TempDir()
	image := func(scan string) string {
		out := filepath.Join(dir, "solved-"+filepath.Base(scan))
		must(t, "solve", "--data", scan, "--output-dir", out, "--iterations", "1", "--no-geometry", "--trust-data", "--quiet", "--seed", "1")
		b, err := os.ReadFile(filepath.Join(out, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	probe := cxi + ":/entry_1/instrument_1/source_1/illumination"
	geometry := []string{"--wavelength", "0.124nm", "--distance", "1.9m", "--detector-pixel-size", "75um", "--probe-path", probe}
	masked := filepath.Join(dir, "masked.npz")
	must(t, append([]string{"convert", data + "ptychodus.npz", masked, "--y-path", data + "product.npz:/probe_position_y_m",
		"--x-path", data + "product.npz:/probe_position_x_m", "--position-units", "m"}, geometry...)...)
	direct := filepath.Join(dir, "direct.npz")
	must(t, "convert", cxi, direct)
	if image(masked) != image(direct) {
		t.Error("the patterns of an npz give another image than those of the CXI file")
	}
	must(t, "inspect", data+"complete.npz")
	image(data + "complete.npz")
	var first string
	for name, flags := range otherFiles {
		npz := filepath.Join(dir, name+".npz")
		must(t, append(append([]string{"convert", data + name, npz, "--y-path", data + "motors.csv:2", "--x-path", data + "motors.csv:1", "--position-units", "um"}, geometry...), flags...)...)
		must(t, append(append([]string{"solve", "--data", data + name, "--output-dir", filepath.Join(dir, "direct-"+name), "--iterations", "1", "--no-geometry", "--trust-data", "--quiet", "--y-path", data + "motors.csv:2",
			"--x-path", data + "motors.csv:1", "--position-units", "um"}, geometry...), flags...)...)
		must(t, "inspect", npz)
		got := image(npz)
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("%s gives another image", name)
		}
	}
}

// data is the folder of scans in many formats; otherFiles are those without positions and the flags that they need.
const data = "../../core/acquisition/testdata/"

var otherFiles = map[string][]string{"stack.npy": nil, "bigendian.npy": nil, "stack.tif": nil, "tiles.tif": nil, "frames": nil, "plain.mat": nil, "fold_slice.mat": nil, "merlin.mib": nil,
	"numbers.bin": {"--format", "raw", "--shape", "12,24,24", "--dtype", ">i4", "--skip-bytes", "100", "--gap-bytes", "6"}}

// The command that the error for an unknown file names must read it, if the file says units and geometry.
func TestConvert_GuessedCommandWorks(t *testing.T) {
	dir := t.TempDir()
	name, out := filepath.Join(dir, "my scan.h5"), filepath.Join(dir, "out.npz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	frames, y, x := make([]uint16, 12*24*24), make([]float64, 12), make([]float64, 12)
	for i := range frames {
		frames[i] = uint16(i % 7)
	}
	for i := range y {
		y[i], x[i] = float64(i/4), float64(i%4)
	}
	g := w.Root().Group("run")
	for _, err := range []error{g.Dataset("frames", frames, 12, 24, 24), g.DatasetWith("stage_x", x, nil, "units", "um"), g.DatasetWith("stage_y", y, nil, "units", "um"),
		g.DatasetWith("photon_energy", []float64{10}, nil, "units", "keV"), g.DatasetWith("distance", []float64{1900}, nil, "units", "mm"),
		g.DatasetWith("x_pixel_size", []float64{75e-6}, nil, "units", "m"), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, stderr, code := run(t, "inspect", name)
	_, command, found := strings.Cut(stderr, "in place of --energy): ptycho ")
	command, _, _ = strings.Cut(command, ";")
	if code != 11 || !found {
		t.Fatalf("inspect: code %d: %s", code, stderr)
	}
	command = strings.ReplaceAll(strings.ReplaceAll(command, "'"+name+"'", "FILE"), "OUT.npz", "OUT")
	var args []string
	for _, word := range strings.Fields(command) {
		switch word {
		case "FILE":
			word = name
		case "OUT":
			word = out
		}
		args = append(args, word)
	}
	must(t, args...)
	if stdout, _, _ := run(t, "inspect", out); !strings.Contains(stdout, "12 patterns of 24×24 pixels") {
		t.Errorf("%s gave %s", args, stdout)
	}
}

// TestConvert_ReportsFindings: a fault is reported and nothing is repaired; a sound scan has an empty list in JSON, not null.
func TestConvert_ReportsFindings(t *testing.T) {
	dir := t.TempDir()
	sound, out := filepath.Join(dir, "sound.npz"), filepath.Join(dir, "out.npz")
	must(t, "simulate", "--n", "32", "--object-size", "80", "--n-images", "100", "--output", sound)
	faulty := rewritten(t, sound, "faulty", func(s *scan.Scan) {
		for i := range s.Len() {
			clear(s.Pattern(i)[20*32 : 21*32])
		}
	})
	for path, want := range map[string]string{sound: `"findings": []`, faulty: `"id": "dead-pixels"`} {
		if text := must(t, "convert", path, out, "--overwrite", "--json"); !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", path, text, want)
		}
		if before, after := read(t, path), read(t, out); before.Fingerprint() != after.Fingerprint() {
			t.Errorf("%s was changed", path)
		}
	}
	if text := must(t, "convert", faulty, out, "--overwrite", "--json", "--examine", "off"); strings.Contains(text, "dead-pixels") || !strings.Contains(text, `"findings": null`) {
		t.Errorf("examined nevertheless: %s", text)
	}
}

func read(t *testing.T, path string) *scan.Scan {
	t.Helper()
	s, err := format.ReadScan(t.Context(), path, format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
