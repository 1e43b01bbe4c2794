package format

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
)

// rectangular returns an archive of patterns of h×w pixels in the order of bytes of a layout, one pixel masked.
func rectangular(t *testing.T, h, w int, layout Layout, fortran bool, value func(p, y, x int) int, bad [2]int, more ...rawArray) string {
	t.Helper()
	n := min(11, 1<<22/(h*w))
	extent := [3]int{n, h, w}
	if layout == LayoutHWN {
		extent = [3]int{h, w, n}
	}
	stored := make([]uint16, n*h*w)
	for p := range n {
		for y := range h {
			for x := range w {
				at := [3]int{p, y, x}
				if layout == LayoutHWN {
					at = [3]int{y, x, p}
				}
				i := (at[0]*extent[1]+at[1])*extent[2] + at[2]
				if fortran {
					i = (at[2]*extent[1]+at[1])*extent[0] + at[0]
				}
				stored[i] = uint16(value(p, y, x))
			}
		}
	}
	stack := raw("intensity", stored, extent[:]...)
	stack.Fortran = fortran
	rows, cols, mask := make([]float64, n), make([]float64, n), make([]uint8, h*w)
	for i := range rows {
		rows[i], cols[i] = 10+1.5*float64(i), 20-0.5*float64(i)
	}
	for i := range mask {
		mask[i] = 1
	}
	mask[bad[0]*w+bad[1]] = 0
	return file(t, "scan.npz", archive(t, h*w < 1<<16, append([]rawArray{stack, raw("ycoords", rows, n), raw("xcoords", cols, n), raw("mask", mask, h, w)}, more...)...))
}

// TestReadScan_RectanglesBecomeSquares reads patterns that are not square, in all orders of bytes and with all changes of their shape, as the
// middle square cut by hand, with the same positions, probe and object.
func TestReadScan_RectanglesBecomeSquares(t *testing.T) {
	const side, spare = 24, 10
	value := func(p, y, x int) int { return 500*p + 19*y + 23*x + y*x }
	probe := make([]complex64, side*side)
	for i := range probe {
		probe[i] = complex(float32(i%side), 3)
	}
	more := []rawArray{raw("probeGuess", probe, side, side), raw("objectGuess", make([]complex64, 60*60), 60, 60)}
	read := func(path string, o ScanOptions) (scan.Scan, []string) {
		s, err := ReadScan(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		notes := s.Notes
		s.Notes, s.Source = nil, ""
		return *s, notes
	}
	for name, q := range map[string]prepare.Steps{
		"plain": {}, "crop": {Side: 16}, "bin": {Bin: 3, Pad: 16}, "pad": {Pad: 30}, "exchange": {Exchange: true, FlipRows: true},
		"adapt": {Adapt: func(int) int { return 16 }},
	} {
		for _, size := range [][2]int{{side, side + spare}, {side + spare, side}} {
			top, left := (size[0]-side)/2, (size[1]-side)/2
			for i, rows := range []string{"", "3,7:9"} {
				o := ScanOptions{Rows: rows, Given: acquisition.Given{Prepare: acquisition.Preparation{Steps: q}}}
				cut := func(y0, x0 int) scan.Scan {
					hand := func(p, y, x int) int { return value(p, y+y0, x+x0) }
					s, _ := read(rectangular(t, side, side, LayoutNHW, false, hand, [2]int{10 - top, 13 - left}, more...), o)
					return s
				}
				want, layout := cut(top, left), []Layout{LayoutNHW, LayoutHWN}[i]
				for _, fortran := range []bool{false, true} {
					got, notes := read(rectangular(t, size[0], size[1], layout, fortran, value, [2]int{10, 13}, more...), o)
					if !reflect.DeepEqual(got, want) || reflect.DeepEqual(got, cut(top+1, left)) {
						t.Errorf("%s of %d, %s, Fortran %v: the scan differs from that cut by hand", name, size, layout, fortran)
					}
					if said := fmt.Sprintf("%d×%d pixels (rows×columns)", size[0], size[1]); !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, said) }) {
						t.Errorf("%s: the notes do not say what is left out: %q", name, notes)
					}
				}
			}
		}
	}
}

// TestReadScan_RectangleIsThatOfOtherReaders reads an archive by its names and, with paths, as any file: with a centre, a mask, a dark and a
// crop, the patterns are the same.
func TestReadScan_RectangleIsThatOfOtherReaders(t *testing.T) {
	value := func(p, y, x int) int { return 200*p + 7*y + 11*x + y*x }
	dark := make([]float64, 26*40)
	for i := range dark {
		dark[i] = float64(i%5) / 2
	}
	path := rectangular(t, 26, 40, LayoutNHW, false, value, [2]int{11, 20}, raw("dark", dark, 26, 40))
	q := acquisition.Preparation{Dark: "/dark", Hot: [][2]int{{11, 20}, {3, 25}}, Steps: prepare.Steps{Centre: &[2]int{12, 23}, Side: 20, FlipColumns: true, Gain: 2}}
	own, err := ReadScan(t.Context(), path, ScanOptions{Given: acquisition.Given{Prepare: q}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := ReadScan(t.Context(), path, ScanOptions{Given: acquisition.Given{Data: "/intensity", Y: "/ycoords", X: "/xcoords", PositionUnit: 1e-8, PixelSize: 1e-8, Prepare: q}})
	if err != nil {
		t.Fatal(err)
	}
	if own.N != 20 || !slices.Equal(own.Mask, other.Mask) || !slices.Equal(own.Counts, other.Counts) || !slices.Contains(own.Mask, 0) {
		t.Errorf("%d×%d pixels of one reader and %d×%d of the other differ", own.N, own.N, other.N, other.N)
	}
}

// TestReadScan_SidesAreChecked reads patterns too small, too large, and large ones of which the middle is taken.
func TestReadScan_SidesAreChecked(t *testing.T) {
	value := func(p, y, x int) int { return p + y + x }
	crop := func(s prepare.Steps) ScanOptions {
		return ScanOptions{Given: acquisition.Given{Prepare: acquisition.Preparation{Steps: s}}}
	}
	for _, c := range []struct {
		h, w int
		o    ScanOptions
		want string
	}{
		{14, 14, ScanOptions{}, "want a side from 16 to 1024; crop or pad them with --crop or --pad"}, {40, 15, ScanOptions{}, "want a side from 16 to 1024"},
		{14, 20, crop(prepare.Steps{Pad: 16}), ""}, {1030, 1028, ScanOptions{}, "want a side from 16 to 1024"}, {1030, 1028, crop(prepare.Steps{Side: 32}), ""},
		{2, 30, crop(prepare.Steps{Side: 24}), "leave the patterns' 2×30"},
		{20, 30, crop(prepare.Steps{Side: 24}), "20×30 pixels, and --crop 24 cannot be taken"},
	} {
		path := rectangular(t, c.h, c.w, LayoutNHW, false, value, [2]int{1, 9})
		if _, err := ReadScan(t.Context(), path, c.o); c.want != "" {
			wantError(t, fmt.Sprint(c.h, "×", c.w), err, path, c.want)
		} else if err != nil {
			t.Errorf("%d×%d: %v", c.h, c.w, err)
		}
	}
}
