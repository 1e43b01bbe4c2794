package format

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
)

// read reads arrays as a scan.
func read(t *testing.T, o ScanOptions, arrays ...rawArray) (counts []float32, notes string, path string, err error) {
	t.Helper()
	path = file(t, "scan.npz", archive(t, true, arrays...))
	s, err := ReadScan(t.Context(), path, o)
	if err != nil {
		return nil, "", path, err
	}
	return s.Counts, s.Notes[0], path, nil
}

// Long: one table, a line for each way of storing patterns.
func TestReadScan_UnitRule(t *testing.T) {
	const s = 73.98 // as float32 in the file
	scale := raw("intensity_scale", []float32{s})
	squares := func(key string) []rawArray { // amplitudes of 0, 1, 4, 9: whole numbers
		a := scanArrays(3, stackF4(key, func(k float64) float64 { return math.Floor(math.Sqrt(k)) }))
		v := a[0].Payload
		copy(v, v[4:8]) // away with the 2
		return a
	}
	integral, amplitude := stackF4("diff3d", same), stackF4("diff3d", math.Sqrt)
	normal := stackF4("diff3d", func(k float64) float64 { return math.Sqrt(k) / float64(float32(s)) })
	odd := stackF4("diff3d", func(k float64) float64 { return 0.37 * k })
	amplitude64 := func(c []float64) rawArray { return raw("diffraction", mapped(c, math.Sqrt), len(c)/256, 16, 16) }
	for _, c := range []struct {
		name   string
		units  Units
		arrays []rawArray
		want   func(float64) float64 // nil: an error
		say    string                // in the note or the error
	}{
		{"integers are counts", Auto, scanArrays(3, stackU2("diff3d")), same, "its type uint16 is an integer"},
		{"integers called intensity", Auto, scanArrays(3, stackU2("intensity")), same, "integer"},
		{"amplitudes", Auto, scanArrays(3, amplitude), same, "counts = diff3d², because its squares are whole numbers and its values are not"},
		{"float64 amplitudes", Auto, scanArrays(3, amplitude64), same, "counts = diffraction²"},
		{"normalised", Auto, append(scanArrays(3, normal), scale), same, "intensity_scale 73.98"},
		{"intensity in floats", Auto, scanArrays(3, stackF4("intensity", same)), same, "because of its name"},
		{"intensity that is none", Auto, scanArrays(3, stackF4("intensity", math.Sqrt)), nil, "is not a whole number"},
		{"float counts are ambiguous", Auto, scanArrays(3, integral), nil, "has only whole numbers"},
		{"amplitudes of squares are ambiguous", Auto, squares("diff3d"), nil, "give --diffraction-units counts|amplitude|normalised"},
		{"neither", Auto, scanArrays(3, odd), nil, "give the unit of diff3d with --diffraction-units counts|amplitude|normalised"},
		{"integers and a scale contradict", Auto, append(scanArrays(3, stackU2("diff3d")), scale), nil, "belongs to normalised amplitudes"},
		{"zero everywhere", Auto, scanArrays(3, stackF4("diff3d", func(float64) float64 { return 0 })), nil, "no photons"},
		{"zero everywhere, integers", Auto, scanArrays(3, func(c []float64) rawArray { return stackU2("diff3d")(make([]float64, len(c))) }), nil, "no photons"},
		{"given counts", Counts, scanArrays(3, integral), same, "because of --diffraction-units"},
		{"given counts, no whole numbers", Counts, scanArrays(3, odd), func(k float64) float64 { return float64(float32(0.37 * k)) }, "kept unchanged"},
		{"given amplitude", Amplitude, scanArrays(3, integral), func(k float64) float64 { return k * k }, "--diffraction-units amplitude"},
		{"given amplitude of integers", Amplitude, scanArrays(3, stackU2("diff3d")), func(k float64) float64 { return k * k }, "--diffraction-units amplitude"},
		{"given normalised", Normalised, append(scanArrays(3, normal), scale), same, "--diffraction-units normalised"},
		{"given normalised without a scale", Normalised, scanArrays(3, normal), nil, "lacks intensity_scale"},
		{"given amplitude in spite of a scale", Amplitude, append(scanArrays(3, amplitude), scale), same, "intensity_scale is not used"},
		{"no such units", "photons", scanArrays(3, integral), nil, "want auto, counts"},
	} {
		got, note, _, err := read(t, ScanOptions{Units: c.units}, c.arrays...)
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%s: got %v, want an error with %q", c.name, err, c.say)
			}
			continue
		}
		if err != nil || !strings.Contains(note, c.say) {
			t.Errorf("%s: got %q, %v, want %q", c.name, note, err, c.say)
			continue
		}
		base := make([]float64, 0, 3*256)
		scanArrays(3, func(k []float64) rawArray { base = append(base, k...); return stackU2("x")(k) })
		base[0] = 2
		for i, k := range base {
			if want := float32(c.want(k)); got[i] != want && math.Abs(float64(got[i]-want)) > 1e-6*float64(want) {
				t.Errorf("%s: value %d is %v, want %v", c.name, i, got[i], want)
				break
			}
		}
	}
}

// Squares of float32 amplitudes must give exact photon numbers up to the precision of float32: an amplitude has a
// relative error of 2^-24, its square 2^-23, which is half a photon at 2^22.
func TestReadScan_AmplitudesGiveExactCounts(t *testing.T) {
	c := &converter{units: Auto}
	for k := 0; k < 1<<22; k += 1 + k/1000 {
		got, err := c.convert(float64(float32(math.Sqrt(float64(k)))))
		if err != nil || got != float32(k) {
			t.Fatalf("√%d gives %v, %v", k, got, err)
		}
	}
}

func TestReadScan_Layouts(t *testing.T) {
	for _, c := range []struct {
		shape []int
		n     int
		say   Layout
		want  Layout
		h, w  int
		err   string
	}{
		{[]int{100, 64, 64}, 100, "", LayoutNHW, 64, 64, ""},
		{[]int{100, 64, 64, 1}, 100, "", LayoutNHW, 64, 64, ""},
		{[]int{64, 64, 100}, 100, "", LayoutHWN, 64, 64, ""},
		{[]int{100, 64, 64}, 99, "", "", 0, 0, "xcoords has 99 values"},
		{[]int{64, 64, 64}, 64, "", "", 0, 0, "--diffraction-layout"},
		{[]int{64, 64, 64}, 64, LayoutNHW, LayoutNHW, 64, 64, ""},
		{[]int{64, 64, 64}, 64, LayoutHWN, LayoutHWN, 64, 64, ""},
		{[]int{64, 32, 64}, 64, "", "", 0, 0, "--diffraction-layout"},
		{[]int{64, 32, 64}, 64, LayoutHWN, LayoutHWN, 64, 32, ""},
		{[]int{100, 64, 32}, 100, "", LayoutNHW, 64, 32, ""},
		{[]int{64, 32, 100}, 100, "", LayoutHWN, 64, 32, ""},
		{[]int{100, 0, 32}, 100, "", "", 0, 0, "need pixels"},
		{[]int{64, 64, 100}, 100, LayoutNHW, "", 0, 0, "xcoords has 100 values"},
		{[]int{100, 63, 63}, 100, "", LayoutNHW, 63, 63, ""},
		{[]int{100, 64}, 100, "", "", 0, 0, "want [patterns, N, N]"},
		{[]int{100, 64, 64, 2}, 100, "", "", 0, 0, "want [patterns, N, N]"},
	} {
		got, h, w, err := chooseLayout("diff3d", c.shape, c.n, c.say)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v for %d: got %v, want %q", c.shape, c.n, err, c.err)
			}
			continue
		}
		if err != nil || got != c.want || h != c.h || w != c.w {
			t.Errorf("%v for %d: got %s, %d×%d, %v", c.shape, c.n, got, h, w, err)
		}
	}
}

// For every layout and order in the file, a pattern's pixel must be at its place.
func TestReadScan_LayoutsAgree(t *testing.T) {
	const n, side = 37, 16
	at := func(p, y, x int) uint16 { return uint16(p*1000 + y*30 + x) }
	rows := make([]float64, n)
	for _, legacy := range []bool{false, true} {
		for _, fortran := range []bool{false, true} {
			extent := [3]int{n, side, side}
			if legacy {
				extent = [3]int{side, side, n}
			}
			stored := make([]uint16, 0, n*side*side)
			put := func(a, b, c int) {
				if legacy {
					a, b, c = c, a, b
				}
				stored = append(stored, at(a, b, c))
			}
			if fortran {
				for c := range extent[2] {
					for b := range extent[1] {
						for a := range extent[0] {
							put(a, b, c)
						}
					}
				}
			} else {
				for a := range extent[0] {
					for b := range extent[1] {
						for c := range extent[2] {
							put(a, b, c)
						}
					}
				}
			}
			stack := raw("intensity", stored, extent[:]...)
			stack.Fortran = fortran
			for _, expr := range []string{"", "36,3,17:20"} {
				path := file(t, "s.npz", archive(t, false, stack, raw("xcoords", rows, n), raw("ycoords", rows, n)))
				s, err := ReadScan(t.Context(), path, ScanOptions{Rows: expr})
				if err != nil {
					t.Fatalf("legacy %v, fortran %v: %v", legacy, fortran, err)
				}
				if expr != "" && !slices.Equal(s.Index, []int{3, 17, 18, 19, 36}) {
					t.Errorf("rows %v", s.Index)
				}
				for i, p := range s.Index {
					for y := range side {
						for x := range side {
							if got := s.Pattern(i)[y*side+x]; got != float32(at(p, y, x)) {
								t.Fatalf("legacy %v, fortran %v: pattern %d (%d, %d) is %v, want %v", legacy, fortran, p, y, x, got, at(p, y, x))
							}
						}
					}
				}
			}
		}
	}
}

func TestReadScan_AllArrays(t *testing.T) {
	const n = 6
	probe := make([]complex64, 2*256)
	for i := range probe {
		probe[i] = complex(float32(i), 1)
	}
	mask := make([]uint8, 256)
	for i := range mask {
		mask[i] = 1
	}
	mask[5] = 0
	arrays := append(scanArrays(n, stackU2("diff3d")),
		raw("diffraction", make([]uint16, n*256), n, 16, 16),
		raw("probeGuess", probe, 2, 16, 16),
		raw("objectGuess", []complex128{1, 2i, 3, 4, 5, 6}, 2, 3),
		raw("split", []int64{0, 0, 1, 1, 0, 1}, n),
		raw("scan_index", make([]int64, n), n),
		raw("mask", mask, 16, 16),
		raw("metadata_json", []uint8(`{"pixel_size_m": 5e-9}`), 22),
		raw("surprise", []float32{1}, 1),
		rawArray{Name: "_metadata", Descr: "|O", Shape: []int{}, Payload: []byte("x")},
	)
	path := file(t, "s.npz", archive(t, true, arrays...))
	s, err := ReadScan(t.Context(), path, ScanOptions{Rows: "split=1"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Source != path || s.N != 16 || s.Modes != 2 || !slices.Equal(s.Probe, probe) || s.ObjectHeight != 2 || s.ObjectWidth != 3 ||
		s.Object[1] != 2i || !slices.Equal(s.Index, []int{2, 3, 5}) || !slices.Equal(s.Split, []uint8{1, 1, 1}) || s.PixelSize != 5e-9 {
		t.Errorf("got %+v", s)
	}
	if !slices.Equal(s.Rows, []float64{13, 14.5, 17.5}) || !slices.Equal(s.Cols, []float64{19, 18.5, 17.5}) {
		t.Errorf("positions %v %v: rows are ycoords", s.Rows, s.Cols)
	}
	notes := strings.Join(s.Notes, "\n")
	for _, want := range []string{"integer", "diff3d is read; diffraction", "surprise, _metadata", "1 of 256 detector pixels"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q:\n%s", want, notes)
		}
	}
	all, err := ReadScan(t.Context(), path, ScanOptions{Draw: 4, Seed: 3})
	if err != nil || all.Len() != 4 || !slices.IsSorted(all.Index) || !strings.Contains(strings.Join(all.Notes, "\n"), "split array is ignored") {
		t.Errorf("draw: %v, %v", all, err)
	}
	d, err := Describe(path, LayoutAuto, acquisition.Given{})
	if err != nil || d.N != 16 || d.Patterns != n || d.Modes != 2 || d.Key != "diff3d" || !d.HasMask || d.Layout != LayoutNHW || len(d.Arrays) != len(arrays) {
		t.Errorf("description: %+v, %v", d, err)
	}
}

func TestReadScan_RejectsWithReason(t *testing.T) {
	base := func(change func([]float64)) []rawArray {
		return scanArrays(3, func(c []float64) rawArray {
			change(c)
			return raw("intensity", c, 3, 16, 16)
		})
	}
	good := func(more ...rawArray) []rawArray { return append(scanArrays(3, stackU2("diff3d")), more...) }
	without := func(i int) []rawArray { a := good(); return append(a[:i:i], a[i+1:]...) }
	set := func(i int, v float64) []rawArray { return base(func(c []float64) { c[i] = v }) }
	inf := math.Inf(1)
	for _, c := range []struct {
		name   string
		arrays []rawArray
		o      ScanOptions
		want   string
	}{
		{"no patterns", without(0), ScanOptions{}, "lacks diffraction patterns"},
		{"no y", without(1), ScanOptions{}, `lacks array "ycoords"; it has diff3d, xcoords`},
		{"nothing of a scan", []rawArray{raw("data", []float32{1}, 1)}, ScanOptions{}, `lacks diffraction patterns (diff3d, diffraction or intensity) and array "xcoords" and array "ycoords"; it has data; save a scan, with positions in object pixels, by numpy.savez(`},
		{"no x", without(2), ScanOptions{}, `lacks array "xcoords"`},
		{"NaN", set(256+17, nan), ScanOptions{}, "intensity of pattern 1, pixel (1, 1) (row, column) is NaN"},
		{"negative", set(2*256+255, -1), ScanOptions{}, "pattern 2, pixel (15, 15) (row, column) is -1"},
		{"negative, the fix", set(3, -1), ScanOptions{}, "mark bad pixels with 0 in an array mask [16, 16]"},
		{"infinite", set(3, inf), ScanOptions{}, "pixel (0, 3) (row, column) is +Inf"},
		{"infinite count", set(3, 1e300), ScanOptions{}, "too many photons"},
		{"half a photon", set(3, 0.5), ScanOptions{}, "is not a whole number"},
		{"rows and columns differ", []rawArray{good()[0], good()[1], raw("xcoords", []float64{1, 2}, 2)}, ScanOptions{}, "xcoords has 2 values but ycoords has 3; each pattern needs one position"},
		{"two-dimensional positions", []rawArray{good()[0], raw("ycoords", make([]float64, 6), 3, 2), good()[2]}, ScanOptions{}, "want [patterns]; each pattern needs one position"},
		{"NaN position", []rawArray{good()[0], raw("ycoords", []float64{1, nan, 2}, 3), good()[2]}, ScanOptions{}, "ycoords of pattern 1 is NaN"},
		{"positions in another unit", []rawArray{good()[0], raw("ycoords", []float64{1e18, 1e18, 2e18}, 3), good()[2]}, ScanOptions{}, "no position is below 2.15e+09 object pixels: ycoords of pattern 0 is 1e+18; they are in another unit; check their unit (--position-units) and the object pixel (--pixel-size)"},
		{"position beyond all", []rawArray{good()[0], raw("ycoords", []float64{1, 1e18, 2}, 3), good()[2]}, ScanOptions{}, "1 pattern has an invalid position: ycoords of pattern 1 is 1e+18; correct xcoords and ycoords, or leave it out with --rows 0:1,2:"},
		{"text positions", []rawArray{good()[0], {Name: "ycoords", Descr: "<U1", Shape: []int{3}, Payload: make([]byte, 12)}, good()[2]}, ScanOptions{}, "want real numbers"},
		{"complex patterns", append(good()[1:], raw("diff3d", make([]complex64, 3*256), 3, 16, 16)), ScanOptions{}, "want real numbers"},
		{"pickled patterns", append(good()[1:], rawArray{Name: "diff3d", Descr: "|O", Shape: []int{3}, Payload: []byte("x")}), ScanOptions{}, "pickled"},
		{"two stacks of different shape", good(raw("diffraction", make([]uint16, 256), 1, 16, 16)), ScanOptions{}, "different shapes"},
		{"wrong count", append(good()[1:], raw("diff3d", make([]uint16, 4*256), 4, 16, 16)), ScanOptions{}, "diff3d has 4 patterns but xcoords has 3 values; each pattern needs one position"},
		{"probe size", good(raw("probeGuess", make([]complex64, 64), 8, 8)), ScanOptions{}, "want [16, 16] or [modes, 16, 16]"},
		{"dark probe", good(raw("probeGuess", make([]complex64, 256), 16, 16)), ScanOptions{}, "probeGuess is zero everywhere"},
		{"NaN probe", good(raw("probeGuess", append(make([]complex64, 255), complex(float32(nan), 0)), 16, 16, 1)), ScanOptions{}, "probeGuess has 1 value that is not finite, the first in mode 0 at pixel (15, 15)"},
		{"object shape", good(raw("objectGuess", make([]complex64, 8), 2, 2, 2)), ScanOptions{}, "want [rows, columns]"},
		{"split length", good(raw("split", []uint8{1, 2}, 2)), ScanOptions{}, "split has shape [2], want [3]"},
		{"split value", good(raw("split", []int32{1, 2, 300}, 3)), ScanOptions{}, "want 0 to 255"},
		{"scan_index length", good(raw("scan_index", []int64{1}, 1)), ScanOptions{}, "scan_index has shape"},
		{"zero scale", good(raw("intensity_scale", []float32{0})), ScanOptions{}, "want one positive number"},
		{"many scales", good(raw("intensity_scale", []float32{1, 2}, 2)), ScanOptions{}, "want one positive number"},
		{"mask shape", good(raw("mask", make([]uint8, 4), 2, 2)), ScanOptions{}, "want [16, 16]"},
		{"mask value", good(raw("mask", append(make([]uint8, 255), 7), 16, 16)), ScanOptions{}, "want 1 (valid) or 0 (bad)"},
		{"all masked", good(raw("mask", make([]uint8, 256), 16, 16)), ScanOptions{}, "every pixel as bad"},
		{"rows", good(), ScanOptions{Rows: "3"}, "pattern 3 does not exist"},
		{"split absent", good(), ScanOptions{Rows: "split=0"}, "no split array"},
		{"photons of counts", good(), ScanOptions{Photons: 4}, "leave --nphotons out"},
	} {
		_, _, path, err := read(t, c.o, c.arrays...)
		wantError(t, c.name, err, path, c.want)
	}
}
