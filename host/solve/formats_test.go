package solve_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/inspect"
	"github.com/ptychogo/ptycho/host/solve"
	"github.com/ptychogo/ptycho/internal/fixture"
)

var trial = flag.Bool("trial", false, "run the trials that take minutes (make trial-formats, trial-calibrate)")

// A sample is a file with the scan of expected.npz, or with a part of what it says.
type sample struct {
	reader string // name of the format
	file   string // in core/acquisition/testdata
	writer string
	flags  string // what the file does not say, NAME=VALUE
	has    string // besides patterns: p its probe, m its bad pixels, r positions on a raster
}

// Flags for what files lack. Paths are those of core/acquisition/testdata.
const (
	columns  = " y-path=motors.csv:2 x-path=motors.csv:1 position-units=um"
	separate = " y-path=layouts/positions.h5:/y_nm x-path=layouts/positions.h5:/x_nm position-units=nm"
	wave     = " wavelength=1.24e-10m"
	far      = " distance=1.9m"
	pixels   = " detector-pixel-size=75um"
	all      = wave + far + pixels
)

// The writers of files.
const (
	byH5py, byNumPy, byTIFF, bySciPy = "h5py", "NumPy", "tifffile", "SciPy"
)

// samples has at least one file for each reader.
var samples = []sample{
	{"CXI", "plain.cxi", byH5py, "", "pm"}, {"CXI", "nxcxi.cxi", byH5py, "", "pm"}, {"NXcxi_ptycho", "i08.h5", byH5py, "", "m"},
	{"ptypy", "prepared.ptyd", byH5py, "", "m"}, {"PtyLab", "ptylab.hdf5", byH5py, "", "m"}, {"NSLS-II", "nsls.h5", byH5py, "", "m"},
	{"Eiger", "layouts/eiger_master.h5", byH5py, separate, "m"}, {"Eiger", "layouts/centred_master.h5", byH5py, separate + " crop=24", "m"},
	{"fold_slice", "layouts/fold.h5", byH5py, "", "m"}, {"fold_slice", "layouts/slice_dp.hdf5", byH5py, "", "m"},
	{"ptycho-vit", "layouts/vit_dp.hdf5", byH5py, "", "pm"}, {"NSLS-II MATLAB", "layouts/matlab.mat", byH5py, "", "pm"},
	{"Ptychodus", "layouts/batch", "Ptychodus 1.7", "", "pm"}, {"Ptychodus", "layouts/batch/diffraction.h5", "Ptychodus 1.7", "", "pm"},
	{"APS 4-ID", "layouts/aps04.h5", byH5py, pixels, "m"}, {"APS 9-ID", "layouts/aps09.h5", byH5py, all, "m"},
	{"APS 12-ID", "layouts/aps12.h5", byH5py, separate + far + pixels, "m"}, {"APS 12-ID processed", "layouts/aps12p.h5", byH5py, all, "m"},
	{"APS 19-ID", "layouts/aps19.h5", byH5py, separate + far + pixels, "m"}, {"APS 31-ID", "layouts/aps31.h5", byH5py, separate + " crop=24", "m"},
	{"APS 31-ID areaDetector", "layouts/aps31a.h5", byH5py, separate, "m"}, {"NSLS-II HXN", "layouts/hxn.h5", byH5py, far + pixels, "m"},
	{"NanoMAX", "layouts/nanomax.h5", byH5py, all, "m"}, {"SoftiMAX", "layouts/softimax.h5", byH5py, separate + all, "m"},
	{"cSAXS", "layouts/csaxs.h5", byH5py, separate, "m"}, {"LCLS XPP", "layouts/lcls.h5", byH5py, all, "m"},
	{"NeXus", "layouts/nexus.h5", byH5py, separate + all, "m"}, {"Diamond I13", "layouts/i13.nxs", byH5py, separate + all, "m"},
	{"Diamond I08", "layouts/i08.nxs", byH5py, separate + all, "m"}, {"Diamond I14", "layouts/i14.nxs", byH5py, wave + pixels, "mr"},
	{"py4DSTEM", "layouts/datacube.h5", "emdfile", "", "mr"},
	{"HDF5", "unknown.h5", byH5py, "data-path=/scan/frames y-path=/scan/motors:1 x-path=/scan/motors:0 position-units=m hot-pixels=2,11;9,4" + all, "m"},
	{"npz", "complete.npz", byNumPy, "", "pm"}, {"npz", "columns.npz", byNumPy, "y-path=y_um x-path=x_um position-units=um" + all, "pm"},
	{"npy", "stack.npy", byNumPy, columns + all, ""}, {"MAT", "fold_slice.mat", bySciPy, "y-path=outputs.probe_positions:1 x-path=outputs.probe_positions:0 position-units=um" + far + pixels, "p"},
	{"MAT", "plain.mat", bySciPy, columns + far + pixels, ""}, {"TIFF", "stack.tif", byTIFF, columns + all, ""}, {"TIFF", "bigendian.tif", byTIFF, columns + all, ""},
	{"TIFF", "tiles.tif", byTIFF, columns + all, ""}, {"TIFF", "floats.tif", byTIFF, columns + all, ""}, {"TIFF", "imagej.tif", byTIFF, columns + all, ""},
	{"folder of TIFF", "frames", byTIFF, columns + all, ""}, {"EMPAD", empadName, "this test", columns + all + " crop=24", ""},
	{"Merlin", "merlin.mib", "a script, from the documented layout", columns + all, ""}, {"raw", "plain.raw", byNumPy, "format=raw shape=12,24,24 dtype=uint16" + columns + all, ""},
	{"raw", "numbers.bin", byNumPy, "format=raw shape=12,24,24 dtype=>i4 skip-bytes=100 gap-bytes=6" + columns + all, ""},
}

const testdata, empadName = "../../core/acquisition/testdata/", "scan_x4_y3.raw"

// settings reads the flags of a sample. Files that they name are those of testdata.
func (s sample) settings(t *testing.T) config.ScanSettings {
	t.Helper()
	given := map[string]string{"trust-data": "true", "examine": "off"} // of twelve patterns of noise
	for flag := range strings.FieldsSeq(s.flags) {
		name, value, _ := strings.Cut(flag, "=")
		if file, _, inside := strings.Cut(value, ":"); inside && strings.Contains(file, ".") && strings.HasSuffix(name, "-path") && !strings.HasPrefix(value, "outputs") {
			value = testdata + value
		}
		given[name] = value
	}
	settings, err := config.ScanFlags(given)
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// empad writes the scan as the detector does: in the middle of 128×128 pixels, with two rows of other data behind each frame.
func empad(t *testing.T, name string, s *scan.Scan) {
	t.Helper()
	const side, rows = 128, 130
	b := make([]byte, 4*s.Len()*rows*side)
	for i := range s.Len() {
		for k, v := range s.Pattern(i) {
			at := i*rows*side + (side/2-s.N/2+k/s.N)*side + side/2 - s.N/2 + k%s.N
			binary.LittleEndian.PutUint32(b[4*at:], math.Float32bits(v))
		}
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFormats_GiveTheImageOfTheNPZ takes a file of each reader through inspect and solve. The image must be that of the npz of the same
// scan, to the bit. The table of the files is that of docs/formats.md.
func TestFormats_GiveTheImageOfTheNPZ(t *testing.T) {
	fixture.Long(t)
	dir := t.TempDir()
	expected, err := format.ReadScan(t.Context(), testdata+"expected.npz", format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	empad(t, filepath.Join(dir, empadName), expected)
	images := map[string]*format.Reconstruction{} // by what a file has
	var equal []sample
	read := map[string]bool{}
	for _, s := range samples {
		path := testdata + s.file
		if s.file == empadName {
			path = filepath.Join(dir, s.file)
		}
		settings := s.settings(t)
		report, err := inspect.Run(t.Context(), inspect.Options{Path: path, Scan: settings, Threads: 1})
		if err != nil || report.Patterns != expected.Len() || report.N != expected.N || report.Fault != "" {
			t.Errorf("inspect %s: %v, %+v", s.file, err, report)
			continue
		}
		twin := s.twin(t, path, settings, expected)
		key := fmt.Sprint(s.has, twin.Rows, twin.Cols)
		if images[key] == nil {
			name := filepath.Join(dir, "twin.npz")
			if err := format.WriteScan(name, twin, format.Counts); err != nil {
				t.Fatal(err)
			}
			images[key] = image(t, name, sample{}.settings(t))
		}
		if got := image(t, path, settings); slices.Equal(got.Object, images[key].Object) {
			equal = append(equal, s)
		} else {
			t.Errorf("%s: another image than that of the npz", s.file)
		}
		read[s.reader] = true
	}
	for _, name := range append(acquisition.Formats(), "npz", "npy", "mat", "tiff", "folder-of-tiff", "empad", "merlin", config.FormatRaw) {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(read)), func(r string) bool { return strings.EqualFold(strings.ReplaceAll(r, " ", "-"), name) }) {
			t.Errorf("the reader %s has no file", name)
		}
	}
	if *trial {
		t.Log("\n" + table(equal))
	}
	inDocument(t, "readers", table(equal))
}

// table lists the readers and files of each writer, in the order of the samples.
func table(samples []sample) string {
	var writers []string
	readers, files := map[string][]string{}, map[string]string{}
	for _, s := range samples {
		if !slices.Contains(writers, s.writer) {
			writers = append(writers, s.writer)
		}
		if key := s.writer + s.reader; files[key] == "" {
			readers[s.writer] = append(readers[s.writer], s.reader)
			files[key] = s.reader
		} else {
			files[key] += ","
		}
		files[s.writer+s.reader] += " `" + strings.TrimPrefix(s.file, "layouts/") + "`"
	}
	var text strings.Builder
	text.WriteString("| written by | reader and files |\n|---|---|\n")
	for _, w := range writers {
		var cells []string
		for _, r := range readers[w] {
			cells = append(cells, files[w+r])
		}
		fmt.Fprintf(&text, "| %s | %s |\n", w, strings.Join(cells, "; "))
	}
	return text.String()
}

// inDocument compares the table with that of docs/formats.md, or writes it there if UPDATE is set.
func inDocument(t *testing.T, name, table string) {
	t.Helper()
	fixture.InDocument(t, "../../docs/formats.md", name, table, "UPDATE=1 make trial-formats")
}

// twin returns the scan of the sample's file as it must be: with positions that are those of the file to the last bit, after a check that they are
// right but for rounding.
func (s sample) twin(t *testing.T, path string, settings config.ScanSettings, expected *scan.Scan) *scan.Scan {
	t.Helper()
	const rounding = 1e-6 // pixels
	got, err := dataset.Source{Path: path, Scan: settings, Unchecked: true}.Read(t.Context(), nil)
	if err != nil {
		t.Fatalf("%s: %v", s.file, err)
	}
	if got.Format != s.reader {
		t.Errorf("%s is read as %s, want %s", s.file, got.Format, s.reader)
	}
	own := *expected
	own.Rows, own.Cols = got.Rows, got.Cols
	for i := range own.Rows {
		y, x := expected.Rows[i], expected.Cols[i]
		if strings.Contains(s.has, "r") {
			y, x = 2.5*float64(i/4), 2.5*float64(i%4)
		}
		if math.Abs(own.Rows[i]-y) > rounding || math.Abs(own.Cols[i]-x) > rounding {
			t.Fatalf("%s: position %d is (%v, %v) (row, column), want (%v, %v)", s.file, i, own.Rows[i], own.Cols[i], y, x)
		}
	}
	if !strings.Contains(s.has, "p") {
		own.Probe, own.Modes = nil, 0
	}
	if !strings.Contains(s.has, "m") {
		own.Mask = nil
	}
	return &own
}

// image solves a scan and returns its image.
func image(t *testing.T, path string, settings config.ScanSettings) *format.Reconstruction {
	t.Helper()
	out := t.TempDir()
	_, err := solve.Run(t.Context(), solve.Options{Data: path, Scan: settings, OutputDir: out, NoGeometry: true,
		Solve: iterative.Options{Engine: "epie", Fit: iterative.Fit{Probe: true}, Iterations: 1, Threads: 1, PositionBound: 4}}, host.Host{Notice: func(string, ...any) {}})
	if err != nil {
		t.Fatalf("solve %s: %v", path, err)
	}
	r, err := format.ReadReconstruction(filepath.Join(out, "reconstruction.npz"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
