package format

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
)

// example is a product whose values differ in every pixel, with an object that is not square.
func example() *Product {
	p := &Product{
		Height: 5, Width: 7, Origin: [2]float64{-2.5, 10}, Modes: 2, N: 4, Rows: []float64{0, 1.5, 3}, Cols: []float64{12, 13, 15.25}, Index: []int{4, 7, 9},
		PixelSize: 30e-9, Geometry: scan.Geometry{Wavelength: 0.124e-9, Distance: 2, DetectorPixel: 75e-6}, Photons: 1e6, Losses: []float64{3, 2, 1.5},
		Provenance: Provenance{Version: "0.1.0", Command: "solve", Source: "Probe µ.cxi", Digest: "ab12", Report: `{"R": 0.01}`},
	}
	for i := range p.Height * p.Width {
		p.Object = append(p.Object, complex(float32(i), float32(-2*i)))
		p.Coverage = append(p.Coverage, float32(i)/7)
	}
	for i := range p.Modes * p.N * p.N {
		p.Probe = append(p.Probe, complex(float32(i)/3, float32(i*i)))
	}
	return p
}

// exampleScan is a scan with a bad pixel and a count that would mark one if it were the largest of its type.
func exampleScan() *Export {
	p := example()
	s := p2scan(p)
	counts := make([]float32, 3*4*4)
	for i := range counts {
		counts[i] = float32(1000 * i)
	}
	mask := bytes.Repeat([]byte{1}, 16)
	mask[5] = 0
	s.Each = func(visit func([]float32) error) error {
		if err := visit(counts[:16]); err != nil {
			return err
		}
		return visit(counts[16:])
	}
	s.After = func() ([]uint8, Provenance) { return mask, p.Provenance }
	return s
}

func p2scan(p *Product) *Export {
	return &Export{N: p.N, Rows: p.Rows, Cols: p.Cols, Index: p.Index, PixelSize: p.PixelSize, Geometry: p.Geometry, Probe: p.Probe, Modes: p.Modes, Stored: countUint16}
}

// writeExamples writes all files into a folder.
func writeExamples(t *testing.T, dir string) {
	t.Helper()
	for name, write := range map[string]func(f *os.File) error{
		"product.h5": func(f *os.File) error { return WriteProduct(f, example()) },
		"image.cxi":  func(f *os.File) error { return WriteCXI(f, example()) },
		"scan.cxi":   func(f *os.File) error { return WriteCXIScan(f, exampleScan()) },
		"scan.ptyd":  func(f *os.File) error { return WritePtyd(f, exampleScan()) },
		"scan.h5":    func(f *os.File) error { return WriteDiffraction(f, exampleScan()) },
		"nm.tif": func(f *os.File) error {
			return WriteTIFF(f, example().Coverage, 5, 7, 30e-9, [2]float64{-3.25, 40}, "0.1.0")
		},
		"micron.tif": func(f *os.File) error {
			return WriteTIFF(f, example().Coverage, 5, 7, 2.5e-6, [2]float64{-3.25, 40}, "0.1.0")
		},
		"angstrom.tif": func(f *os.File) error {
			return WriteTIFF(f, example().Coverage, 5, 7, 2.5e-11, [2]float64{-3.25, 40}, "0.1.0")
		},
		"unknown.tif": func(f *os.File) error {
			return WriteTIFF(f, example().Coverage, 5, 7, 0, [2]float64{-3.25, 40}, "0.1.0")
		},
	} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := write(f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.Close()
	}
}

// A patch must lie on the same pixels of the object for Ptychodus, which measures from the middles of object and probe, as for us.
func TestWriteProduct_PatchesLieWhereTheyWere(t *testing.T) {
	dir := t.TempDir()
	writeExamples(t, dir)
	f, err := hdf5.Open(filepath.Join(dir, "product.h5"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	object, err := f.Dataset("/object")
	if err != nil {
		t.Fatal(err)
	}
	all, err := object.Attributes()
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]float64{}
	for _, a := range all {
		v, err := a.Floats()
		if err != nil {
			t.Fatal(err)
		}
		value[a.Name] = v[0]
	}
	p := example()
	for _, axis := range []struct {
		path, centre, pixel string
		size                int
		at                  []float64
		origin              float64
	}{{"/probe_position_x_m", "center_x_m", "pixel_width_m", p.Width, p.Cols, p.Origin[1]}, {"/probe_position_y_m", "center_y_m", "pixel_height_m", p.Height, p.Rows, p.Origin[0]}} {
		d, err := f.Dataset(axis.path)
		if err != nil {
			t.Fatal(err)
		}
		positions, err := hdf5.ReadAll[float64](d)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range positions {
			left := (x-value[axis.centre])/value[axis.pixel] + float64(axis.size)/2 - float64(p.N)/2
			if want := axis.at[i] - axis.origin - float64(p.N/2); math.Abs(left-want) > 1e-9 {
				t.Errorf("%s: patch %d begins at pixel %v, want %v", axis.path, i, left, want)
			}
		}
	}
}

// The blank product of a scan must hold every patch.
func TestBlank_HoldsEveryPatch(t *testing.T) {
	s := exampleScan()
	p, err := s.Blank(Provenance{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Rows {
		for _, axis := range [][3]float64{{s.Rows[i], p.Origin[0], float64(p.Height)}, {s.Cols[i], p.Origin[1], float64(p.Width)}} {
			if left := axis[0] - axis[1] - float64(s.N/2); left < 0 || left+float64(s.N) > axis[2] {
				t.Errorf("pattern %d: its patch covers pixels %v to %v of %v", i, left, left+float64(s.N), axis[2])
			}
		}
	}
}

// One position of a wrong unit must not ask for an object that no memory holds.
func TestBlank_RefusesPositionsFarApart(t *testing.T) {
	for _, far := range []float64{9e4, 9e8, -1e301} {
		s := exampleScan()
		s.Rows, s.Cols = slices.Clone(s.Rows), slices.Clone(s.Cols)
		s.Rows[1], s.Cols[1] = far, far
		if _, err := s.Blank(Provenance{}); err == nil || s.CheckBlank() == nil || !strings.Contains(err.Error(), "--rows") {
			t.Errorf("a position at %g: %v", far, err)
		}
	}
}

// Counts that mark bad pixels in a smaller type must be stored in a larger one, and what no type holds must be refused.
func TestStoredAs_LeavesTheMarkersOut(t *testing.T) {
	for _, c := range []struct {
		whole bool
		most  float32
		want  CountType
	}{{true, 65534, countUint16}, {true, 65535, countUint32}, {true, 1 << 31, countUint32}, {true, 1 << 33, countFloat32}, {false, 3, countFloat32}} {
		if got := CountTypeOf(c.whole, c.most); got != c.want {
			t.Errorf("whole %v up to %v: %v, want %v", c.whole, c.most, got, c.want)
		}
	}
	s := exampleScan()
	s.Each = func(visit func([]float32) error) error {
		return visit(append(make([]float32, 47), 70000))
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "scan.cxi"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteCXIScan(f, s); err == nil || !strings.Contains(err.Error(), "pattern 2, pixel (3, 3)") {
		t.Errorf("70000 counts in 16 bits: %v", err)
	}
}

func TestWrote_RecognisesItsFiles(t *testing.T) {
	dir := t.TempDir()
	writeExamples(t, dir)
	for name, want := range map[string]bool{"product.h5": true, "image.cxi": true, "scan.cxi": true, "scan.h5": true, "scan.ptyd": true, "nm.tif": false, "missing": false} {
		if got := Wrote(filepath.Join(dir, name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Wrote("../acquisition/testdata/plain.cxi") {
		t.Error("a file of another program")
	}
}

// TestWriteTIFF_IsBaseline follows the directory of the file as TIFF 6.0 describes it.
func TestWriteTIFF_IsBaseline(t *testing.T) {
	values := example().Coverage
	var b bytes.Buffer
	if err := WriteTIFF(&b, values, 5, 7, 30e-9, [2]float64{-3.25, 40}, "0.1.0"); err != nil {
		t.Fatal(err)
	}
	le, file := binary.LittleEndian, b.Bytes()
	if string(file[:4]) != "II*\x00" {
		t.Fatalf("% x", file[:4])
	}
	at := le.Uint32(file[4:])
	n := int(le.Uint16(file[at:]))
	tags, last := map[uint16]uint32{}, uint16(0)
	for i := range n {
		e := file[int(at)+2+12*i:]
		tag := le.Uint16(e)
		if tag <= last {
			t.Errorf("tag %d after %d", tag, last)
		}
		last = tag
		tags[tag] = le.Uint32(e[8:])
	}
	if next := le.Uint32(file[int(at)+2+12*n:]); next != 0 {
		t.Errorf("another directory at %d", next)
	}
	strip := file[tags[tiffStripOffsets]:]
	if len(strip) != 4*35 || tags[tiffStripByteCounts] != 4*35 || tags[tiffWidth] != 7 || tags[tiffLength] != 5 || tags[tiffSampleFormat] != 3 {
		t.Fatalf("%d bytes in the strip, tags %v", len(strip), tags)
	}
	for i, want := range values {
		if got := math.Float32frombits(le.Uint32(strip[4*i:])); got != want {
			t.Fatalf("pixel %d is %v, want %v", i, got, want)
		}
	}
	r := file[tags[tiffXResolution]:]
	if perNM := float64(le.Uint32(r)) / float64(le.Uint32(r[4:])); math.Abs(perNM*30-1) > 1e-7 {
		t.Errorf("%v pixels per nm", perNM)
	}
	if err := WriteTIFF(&b, values, 4, 7, 0, [2]float64{}, ""); err == nil {
		t.Error("35 values for 4×7 pixels were written")
	}
}

// TestExchange_OtherProgramsRead has h5py, tifffile and Ptychodus read all files, as far as they are installed.
func TestExchange_OtherProgramsRead(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if exec.Command(python, "-c", "import h5py").Run() != nil {
		t.Skipf("%s has no h5py", python)
	}
	dir := t.TempDir()
	writeExamples(t, dir)
	out, err := exec.Command(python, "testdata/read.py", dir).CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "h5py: all paths") {
		t.Errorf("%v", err)
	}
}
