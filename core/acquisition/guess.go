package acquisition

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/internal/words"
)

// listed is the number of datasets that an error names, examined the number of those that are looked at.
const (
	listed   = 12
	examined = 4096
	longest  = 120 // runes of a dataset in an error
)

// A tree is the datasets of a file that no layout fits.
type tree struct {
	all  []*hdf5.Dataset
	more int // that were not looked at
	data *hdf5.Dataset
	err  error
}

// treeOf lists the datasets of a file. The largest stack of images is taken for the patterns.
func treeOf(f *hdf5.File) *tree {
	t := &tree{}
	t.err = f.Walk(func(_ string, o hdf5.Object, _ hdf5.Link, _ error) error {
		d, ok := o.(*hdf5.Dataset)
		switch {
		case !ok:
		case len(t.all) < examined:
			t.all = append(t.all, d)
		default:
			t.more++
		}
		return nil
	})
	for _, d := range t.all {
		if patternsIn(d) > 0 && (t.data == nil || d.Len() > t.data.Len()) {
			t.data = d
		}
	}
	return t
}

// patternsIn returns the number of images in a dataset that may hold patterns, else 0.
func patternsIn(d *hdf5.Dataset) uint64 {
	s, kind := d.Shape(), d.Type().Kind
	if len(s) != 3 && len(s) != 4 || kind != hdf5.Int && kind != hdf5.Uint && kind != hdf5.Float {
		return 0
	}
	h, w := s[len(s)-2], s[len(s)-1]
	if h < MinSide || w < MinSide || h > maxPixels || w > maxPixels || s[0] > math.MaxInt32 || s[1] > math.MaxInt32 {
		return 0
	}
	if len(s) == 4 {
		return s[0] * s[1]
	}
	return s[0]
}

// String names the patterns, then what has as many values, then other datasets.
func (t *tree) String() string {
	if t.err != nil {
		return "an error: " + t.err.Error()
	}
	if len(t.all) == 0 {
		return "no datasets"
	}
	rank := func(d *hdf5.Dataset) int {
		switch {
		case d == t.data:
			return 0
		case t.data != nil && slices.Contains(d.Shape(), patternsIn(t.data)):
			return 1
		case d.Len() > 1:
			return 2
		}
		return 3
	}
	sorted := slices.Clone(t.all)
	slices.SortStableFunc(sorted, func(a, b *hdf5.Dataset) int { return rank(a) - rank(b) })
	var parts []string
	for _, d := range sorted[:min(len(sorted), listed)] {
		parts = append(parts, words.Line(fmt.Sprintf("%s %d %s", d.Path(), d.Shape(), d.Type()), longest))
	}
	if more := len(t.all) - len(parts) + t.more; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(parts, ", "), more)
	}
	return strings.Join(parts, ", ")
}

// command returns a command that would read the file, as far as shapes and names say, with words in capitals for what they do not
// say; "" where no dataset may hold patterns.
func (t *tree) command(file string) string {
	if t.data == nil {
		return ""
	}
	y, x, unit := t.positions(patternsIn(t.data))
	words := []string{"ptycho convert", quoted(file), "OUT.npz", "--data-path", quoted(t.data.Path()), "--y-path", quoted(y), "--x-path", quoted(x), "--position-units", unit}
	wavelength := t.value(regexp.MustCompile(`(?i)(wavelength|lambda)`), physics.ParseLength, "")
	if wavelength != "" {
		words = append(words, "--wavelength", wavelength)
	} else {
		words = append(words, "--energy", t.value(regexp.MustCompile(`(?i)energy`), physics.ParseEnergy, "ENERGY"))
	}
	words = append(words, "--distance", t.value(regexp.MustCompile(`(?i)(^|_)(distance|det_dist|z)(_|$)`), physics.ParseLength, "DISTANCE"),
		"--detector-pixel-size", t.value(regexp.MustCompile(`(?i)(pixel_?size|pixel_?width|psize)`), physics.ParseLength, "SIZE"))
	return strings.Join(words, " ")
}

// positions returns the paths of the coordinates and their unit.
func (t *tree) positions(n uint64) (y, x, unit string) {
	at := map[string]*hdf5.Dataset{}
	for _, d := range t.all {
		if d.Len() == n && d != t.data && numeric(d) {
			at[d.Path()] = d
		}
	}
	for _, d := range t.all {
		if at[d.Path()] == nil {
			continue
		}
		for i, letter := range d.Path() {
			for _, pair := range [][2]rune{{'x', 'y'}, {'X', 'Y'}} {
				other := d.Path()[:i] + string(pair[1]) + d.Path()[i+1:]
				if letter == pair[0] && at[other] != nil {
					return other, d.Path(), unitOf(d)
				}
			}
		}
	}
	names := regexp.MustCompile(`(?i)(pos|motor|transl|encoder|coord|point|scan)`)
	for _, d := range t.all {
		s := d.Shape()
		if len(s) == 2 && numeric(d) && names.MatchString(path.Base(d.Path())) && (s[0] == n && s[1] >= 2 && s[1] <= 16 || s[1] == n && s[0] >= 2 && s[0] <= 16) {
			return d.Path() + ":1", d.Path() + ":0", unitOf(d)
		}
	}
	return "[FILE:]/PATH", "[FILE:]/PATH", "UNIT"
}

func numeric(d *hdf5.Dataset) bool {
	k := d.Type().Kind
	return k == hdf5.Float || k == hdf5.Int || k == hdf5.Uint
}

// unitOf returns the unit that a dataset of positions states, or a word for it.
func unitOf(d *hdf5.Dataset) string {
	if unit, err := attributeText(d, "units"); err == nil {
		if _, err := physics.ParseLengthUnit(unit); err == nil {
			return strings.TrimSpace(unit)
		}
	}
	return "UNIT"
}

// value returns the first number whose name matches and whose attribute states a unit that read knows; absent where there is none.
func (t *tree) value(name *regexp.Regexp, read func(string) (float64, error), absent string) string {
	for _, d := range t.all {
		if d.Len() != 1 || !numeric(d) || !name.MatchString(path.Base(d.Path())) {
			continue
		}
		unit, err := attributeText(d, "units")
		if unit = strings.TrimSpace(unit); err != nil {
			continue
		}
		if _, err := read("1" + unit); err != nil {
			continue
		}
		if v, err := hdf5.ReadAll[float64](d); err == nil && len(v) == 1 && finite(v[0]) && v[0] != 0 {
			return strconv.FormatFloat(math.Abs(v[0]), 'g', -1, 64) + unit
		}
	}
	return absent
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,\[\]-]+$`)

// quoted returns a word as a shell reads it.
func quoted(word string) string {
	if plainWord.MatchString(word) && !strings.ContainsAny(word, "[]") || word == "[FILE:]/PATH" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// unknown is the error for an HDF5 file that no layout fits.
func unknown(f *hdf5.File) error {
	t := treeOf(f)
	if command := t.command(f.Name()); command != "" {
		return fmt.Errorf("%s: an HDF5 file of a layout that is not known; by shapes and names this may read it (electrons: --electron-energy in place of --energy): %s; it contains %s", f.Name(), words.Line(command, 4*longest+len(f.Name())), t)
	}
	return fmt.Errorf("%s: an HDF5 file of a layout that is not known, without a dataset [patterns, rows, columns]; it contains %s", f.Name(), t)
}
