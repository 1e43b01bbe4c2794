package format

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// Names of the arrays of a scan.
const (
	keyDiff3D      = "diff3d"
	keyDiffraction = "diffraction"
	keyIntensity   = "intensity"
	keyRows        = "ycoords" // y is the row
	keyCols        = "xcoords" // x is the column
	keyProbe       = "probeGuess"
	keyObject      = "objectGuess"
	keyScale       = "intensity_scale"
	keySplit       = "split"
	keyIndex       = "scan_index"
	keyMetadata    = "metadata_json"
	keyMask        = "mask"
)

// known are the arrays that are read, or skipped on purpose: the nominal positions duplicate the positions.
var known = []string{keyDiff3D, keyDiffraction, keyIntensity, keyRows, keyCols, keyProbe, keyObject, keyScale, keySplit,
	keyIndex, keyMetadata, keyMask, "xcoords_start", "ycoords_start"}

// Layout is the order of a diffraction array's axes.
type Layout string

// The layouts: patterns along the first axis (usual), or along the last (some older files).
const (
	LayoutAuto Layout = ""
	LayoutNHW  Layout = "nhw"
	LayoutHWN  Layout = "hwn"
)

// ParseLayout reads the value of --diffraction-layout.
func ParseLayout(s string) (Layout, error) {
	switch l := Layout(s); l {
	case LayoutAuto, "auto":
		return LayoutAuto, nil
	case LayoutNHW, LayoutHWN:
		return l, nil
	}
	return "", acquisition.FlagErrorf("--diffraction-layout %q: want auto, nhw or hwn", s)
}

// Limits of a pattern's side. Fourier transforms and the network's downsampling need an even side.
const (
	MinSide = 16
	MaxSide = 1024
)

// maxCoordinate exceeds every real scan; a position beyond 2^31 could not be indexed as a pixel.
const maxCoordinate = 1 << 31

// Description describes a scan's file without its patterns.
type Description struct {
	Path     string
	Format   string      // npz, or the name of a layout such as CXI
	Arrays   []npz.Array // all, in file order
	Key      string      // array with the patterns
	DType    string      // of that array
	Layout   Layout      // of that array
	Patterns int         // in the file
	N        int         // side of a pattern; in a file whose patterns are not square, of their largest square
	Height   int         // of a pattern in the file
	Width    int
	Rows     []float64 // [Patterns] y
	Cols     []float64 // [Patterns] x
	Split    []uint8   // [Patterns]; nil if absent
	Scale    float64   // intensity_scale; 0 if absent
	Modes    int       // of the probe; 0 if absent

	ObjectHeight, ObjectWidth int // 0 if absent

	HasMask   bool
	Metadata  string
	PixelSize float64 // metres, from the metadata; 0 if unknown
	Geometry  scan.Geometry
	Notes     []string

	patterns *npz.Reader
	plan     *prepare.Plan // of the patterns that are used
	loaded   acquisition.Loaded
}

// Describe reads headers, positions and other small arrays of a scan's file, but not patterns, probe or object. g has what the caller
// says of the file, and changes.
func Describe(path string, layout Layout, g acquisition.Given) (*Description, error) {
	if a, ok, err := openAcquisition(path, g); err != nil {
		return nil, err
	} else if ok {
		defer a.Close()
		return describeAcquisition(a, layout)
	}
	z, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	d, err := z.describe(layout)
	if err != nil {
		return nil, err
	}
	if err := d.give(g); err != nil {
		return nil, err
	}
	d.N = d.plan.N
	d.Height, d.Width = d.N, d.N
	return d, nil
}

func (z scanFile) has(name string) bool {
	_, ok := z.Lookup(name)
	return ok
}

func (z scanFile) describe(layout Layout) (*Description, error) {
	d := &Description{Path: z.Path(), Format: "npz", Arrays: z.Arrays()}
	if err := z.complete(); err != nil {
		return nil, err
	}
	var err error
	if d.Rows, err = z.coordinates(d, keyRows); err != nil {
		return nil, err
	}
	if d.Cols, err = z.coordinates(d, keyCols); err != nil {
		return nil, err
	}
	if len(d.Rows) != len(d.Cols) {
		return nil, npz.Errorf(z.Path(), "%s has %s but %s has %d", keyCols, words.Of(len(d.Cols), "value"), keyRows, len(d.Rows)).Hint(onePosition)
	}
	d.Patterns = len(d.Rows)
	if err := z.choosePatterns(d, layout); err != nil {
		return nil, err
	}
	if err := z.describeShared(d); err != nil {
		return nil, err
	}
	if z.has(keySplit) {
		v, err := z.perPattern(keySplit, d.Patterns)
		if err != nil {
			return nil, err
		}
		d.Split = make([]uint8, len(v))
		for i, s := range v {
			if s < 0 || s > 255 {
				return nil, npz.Errorf(z.Path(), "%s of pattern %d is %d, want 0 to 255", keySplit, i, s)
			}
			d.Split[i] = uint8(s)
		}
	}
	if z.has(keyIndex) {
		if _, err := z.perPattern(keyIndex, d.Patterns); err != nil {
			return nil, err
		}
	}
	z.noteIgnored(d)
	return d, nil
}

// complete reports everything that an archive lacks to be a scan, and how to save one.
func (z scanFile) complete() error {
	var lacks []string
	if !z.has(keyIntensity) && !z.has(keyDiff3D) && !z.has(keyDiffraction) {
		lacks = append(lacks, fmt.Sprintf("diffraction patterns (%s, %s or %s)", keyDiff3D, keyDiffraction, keyIntensity))
	}
	for _, key := range []string{keyCols, keyRows} {
		if !z.has(z.positionsOf(key)) {
			lacks = append(lacks, fmt.Sprintf("array %q", key))
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	what := npz.Errorf(z.Path(), "lacks %s", strings.Join(lacks, " and "))
	if z.has("object") { // a reconstruction, probed for a scan by its reader
		return what.Hint("it has %s", z.Names())
	}
	return what.Hint("it has %s; save a scan, with positions in object pixels, by numpy.savez(FILE, %s=[n, N, N], %s=[n], %s=[n], %s=[N, N]), see docs/tutorial.md", z.Names(), keyDiffraction, keyCols, keyRows, keyProbe)
}

// perPattern reads one integer per pattern.
func (z scanFile) perPattern(key string, n int) ([]int64, error) {
	v, shape, err := z.Int64(key)
	if err != nil {
		return nil, err
	}
	if len(shape) != 1 || shape[0] != n {
		return nil, npz.Errorf(z.Path(), "%s has shape %s, want [%d]", key, dims(shape), n).Hint("save one integer for each pattern")
	}
	return v, nil
}

// choosePatterns finds the array of patterns and its layout.
func (z scanFile) choosePatterns(d *Description, layout Layout) error {
	// intensity comes first because counts need no interpretation; diff3d is the most common name of amplitudes.
	var present []string
	for _, key := range []string{keyIntensity, keyDiff3D, keyDiffraction} {
		if z.has(key) {
			present = append(present, key)
		}
	}
	d.Key = present[0]
	a, err := z.Reader(d.Key)
	if err != nil {
		return err
	}
	for _, key := range present[1:] {
		if other, _ := z.Lookup(key); !slices.Equal(other.Shape, a.Shape()) {
			return npz.Errorf(z.Path(), "%s %s and %s %s have different shapes", d.Key, dims(a.Shape()), key, dims(other.Shape)).
				Hint("keep the array with the patterns")
		}
		d.Notes = append(d.Notes, fmt.Sprintf("%s is read; %s, of the same shape, is not used", d.Key, key))
	}
	if err := a.Want(npz.RealKinds, "real numbers"); err != nil {
		return err
	}
	d.patterns, d.DType = a, a.Element().String()
	d.Layout, d.Height, d.Width, err = chooseLayout(d.Key, a.Shape(), d.Patterns, layout)
	if err != nil {
		return at(z.Path(), err)
	}
	if d.N = min(d.Height, d.Width); max(d.Height, d.Width) > prepare.MaxFrame/d.N {
		return npz.Errorf(z.Path(), "%s has patterns of %d×%d, and at most %d pixels are read", d.Key, d.Height, d.Width, prepare.MaxFrame).Hint("crop them around the centre")
	}
	if d.Layout == LayoutHWN {
		d.Notes = append(d.Notes, fmt.Sprintf("%s %s has its patterns along the last axis", d.Key, dims(a.Shape())))
	}
	return nil
}

// at adds the file to an error without one.
func at(path string, err error) error {
	var e *npz.Error
	if errors.As(err, &e) {
		e.Path = path
	}
	return err
}

// chooseLayout decides between (n, H, W) and (H, W, n) for n positions, and returns H and W: by the axis of length n, then by the axis
// that leaves square patterns. A trailing axis of length 1 is dropped.
func chooseLayout(key string, shape []int, n int, want Layout) (_ Layout, h, w int, err error) {
	if len(shape) == 4 && shape[3] == 1 {
		shape = shape[:3]
	}
	if len(shape) == 4 && shape[0]*shape[1] == n && want != LayoutHWN { // [lines, points, N, N]
		shape = []int{n, shape[2], shape[3]}
	}
	if len(shape) != 3 {
		return "", 0, 0, npz.Errorf("", "%s has shape %s, want [patterns, N, N]", key, dims(shape))
	}
	a, b, c := shape[0], shape[1], shape[2]
	nhw, hwn := a == n && want != LayoutHWN, c == n && want != LayoutNHW
	switch {
	case !nhw && !hwn && b == c && want != LayoutHWN:
		return "", 0, 0, npz.Errorf("", "%s has %s but %s has %s", key, words.Of(a, "pattern"), keyCols, words.Of(n, "value")).Hint(onePosition)
	case !nhw && !hwn:
		return "", 0, 0, npz.Errorf("", "%s has shape %s but %s has %s", key, dims(shape), keyCols, words.Of(n, "value")).Hint(onePosition)
	case nhw && hwn && (b == c || a == b):
		nhw, hwn = b == c, a == b
	}
	if min(a, b, c) < 1 {
		return "", 0, 0, npz.Errorf("", "%s has shape %s, and patterns need pixels", key, dims(shape))
	}
	switch {
	case nhw && hwn:
		return "", 0, 0, npz.Errorf("", "%s has shape %s for %s: patterns may be along the first or the last axis", key, dims(shape), words.Of(n, "position")).
			Hint("give --diffraction-layout nhw or hwn")
	case hwn:
		return LayoutHWN, a, b, nil
	}
	return LayoutNHW, b, c, nil
}

// describeShared reads the data shared by all patterns: scale, metadata, and the shapes of probe, object and mask.
func (z scanFile) describeShared(d *Description) error {
	if z.has(keyScale) {
		v, shape, err := z.Float64(keyScale)
		if err != nil {
			return err
		}
		if len(v) != 1 || !(v[0] > 0) || math.IsInf(v[0], 0) {
			return npz.Errorf(z.Path(), "%s has shape %s and value %v, want one positive number", keyScale, dims(shape), v[:min(len(v), 3)])
		}
		d.Scale = v[0]
	}
	if z.has(keyProbe) {
		a, err := z.Reader(keyProbe)
		if err != nil {
			return err
		}
		if d.Modes, err = probeModes(a, d.N); err != nil {
			return err
		}
	}
	if z.has(keyObject) {
		a, err := z.Reader(keyObject)
		if err != nil {
			return err
		}
		if err := a.Want(npz.NumberKinds, "complex numbers"); err != nil {
			return err
		}
		if s := a.Shape(); len(s) != 2 || s[0] < 1 || s[1] < 1 {
			return a.Errorf("has shape %s, want [rows, columns]", dims(s))
		}
		d.ObjectHeight, d.ObjectWidth = a.Shape()[0], a.Shape()[1]
	}
	if z.has(keyMask) {
		a, err := z.Reader(keyMask)
		if err != nil {
			return err
		}
		if s := a.Shape(); len(s) != 2 || s[0] != d.Height || s[1] != d.Width {
			return a.Errorf("has shape %s, want [%d, %d], one mask for all patterns", dims(s), d.Height, d.Width)
		}
		d.HasMask = true
	}
	if z.has(keyMetadata) {
		return z.describeMetadata(d)
	}
	return nil
}

// probeModes returns the number of modes of a probe (N, N), (N, N, 1) or (modes, N, N).
func probeModes(a *npz.Reader, n int) (int, error) {
	if err := a.Want(npz.NumberKinds, "complex numbers"); err != nil {
		return 0, err
	}
	s := a.Shape()
	switch {
	case len(s) == 2 && s[0] == n && s[1] == n, len(s) == 3 && s[0] == n && s[1] == n && s[2] == 1:
		return 1, nil
	case len(s) == 3 && s[0] > 0 && s[1] == n && s[2] == n:
		return s[0], nil
	}
	return 0, a.Errorf("has shape %s, want [%d, %d] or [modes, %d, %d] for these patterns", dims(s), n, n, n, n).Hint("crop or pad it around its centre, or leave it out to have a probe estimated from the patterns")
}
