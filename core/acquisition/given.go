package acquisition

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// Given says where a file has its arrays, and what it does not say itself. A path is /group/dataset, with the name of another
// file and a colon before it, and for positions a colon and the number of a column (or row) of a table behind it, such as
// motors.h5:/scan/positions:1.
type Given struct {
	Format            string // name of the layout; "": recognised by the contents
	Data, Y, X, Probe string
	Numbers           Numbers // for the format FormatRaw

	PositionUnit float64 // m; 0: that of the layout, or of the array of Y and X, or metres
	Wavelength   float64 // m; 0: the file's, and so on
	Distance     float64 // m
	DetectorSize float64 // m, of a pixel
	PixelSize    float64 // m, of the object, for the square that is used

	Exchange, FlipRows, FlipColumns bool // of the positions, in this order
	Override                        bool // the values given here replace those of the file, without an error

	Prepare Preparation
}

// Open reads all of a scan but the patterns. It recognises the file by its contents; the error for an unknown layout of HDF5 lists the
// datasets. g has what the caller says of the file: a value that the file has too must be the same.
func Open(path string, g Given) (*Acquisition, error) {
	var a *Acquisition
	var err error
	if g.Data != "" && g.Format != "" {
		return nil, FlagErrorf("%s: --format and --data-path exclude each other", path)
	}
	switch kind := Kind(path); {
	case g.Format == FormatRaw:
		a, err = g.openOther(path)
	case kind != "HDF5" && kind != "" && g.Format != "":
		return nil, FlagErrorf("%s: --format names a layout of HDF5 files, and this is %s; leave the flag out", path, kind)
	case kind != "HDF5" && kind != "":
		a, err = g.openOther(path)
	case g.Data == "":
		a, err = open(path, g.Format)
	default:
		a, err = g.open(path)
	}
	if err != nil {
		return nil, err
	}
	if err = g.apply(a); err == nil {
		err = a.check()
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// open reads a file of which only the paths are known.
func (g Given) open(path string) (*Acquisition, error) {
	var missing []string
	for _, need := range []struct {
		flag    string
		missing bool
	}{{"--y-path", g.Y == ""}, {"--x-path", g.X == ""}, {"--position-units", g.PositionUnit == 0}, {"--energy or --wavelength", g.Wavelength == 0 && g.PixelSize == 0},
		{"--distance", g.Distance == 0 && g.PixelSize == 0}, {"--detector-pixel-size", g.DetectorSize == 0 && g.PixelSize == 0}} {
		if need.missing {
			missing = append(missing, need.flag)
		}
	}
	if missing != nil {
		return nil, FlagErrorf("%s: --data-path needs %s too", path, strings.Join(missing, ", "))
	}
	f, err := hdf5.Open(path)
	if err != nil {
		return nil, err
	}
	a := &Acquisition{Path: path, Format: "HDF5", file: f, main: hdf5File{f}, open: []io.Closer{f}}
	d, err := f.Dataset(g.Data)
	if err == nil {
		if err = a.stack(d); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

// apply replaces and completes what the file says.
func (g Given) apply(a *Acquisition) error {
	if g.Y != "" && g.Y == g.X {
		return FlagErrorf("%s: --y-path and --x-path are the same, %s; the positions along rows and columns differ", a.Path, g.Y)
	}
	if err := g.place(a); err != nil {
		return err
	}
	for _, v := range []struct {
		flag  string
		given float64
		has   *float64
	}{{"wavelength", g.Wavelength, &a.Wavelength}, {"distance", g.Distance, &a.Distance},
		{"detector-pixel-size", g.DetectorSize, &a.PixelHeight}, {"detector-pixel-size", g.DetectorSize, &a.PixelWidth}} {
		if v.given == 0 {
			continue
		}
		if *v.has != 0 && !g.Override && math.Abs(*v.has/v.given-1) > 1e-4 {
			return FlagErrorf("%s: the file says %s %.6g m, and %.6g m was given; leave the flag out, or let it replace the file's with --override", a.Path, v.flag, *v.has, v.given)
		}
		*v.has = v.given
	}
	if g.Probe != "" {
		d, err := a.elsewhere(g.Probe)
		if err != nil {
			return err
		}
		if err := a.takeProbe(d); err != nil {
			return err
		}
	}
	if side := g.Prepare.Side; side > min(a.Height, a.Width) || side%2 != 0 {
		return FlagErrorf("%s: patterns have %d×%d pixels, and the middle %d cannot be taken: the number must be even and not larger", a.Path, a.Height, a.Width, side)
	}
	if err := g.Prepare.begin(a); err != nil {
		return err
	}
	g.orient(a)
	return g.sizePixels(a)
}

// closeEnough is the relative difference up to which an object pixel that is given counts as that of the geometry.
const closeEnough = 1e-3

// sizePixels sets the object pixel that is given. One that contradicts the geometry needs Override, and then replaces it.
func (g Given) sizePixels(a *Acquisition) error {
	if g.PixelSize == 0 {
		return nil
	}
	n := a.plan.Asked()
	if _, known := a.pixelSize(n); known > 0 && finite(known) && math.Abs(known/g.PixelSize-1) > closeEnough {
		if !g.Override {
			return FlagErrorf("%s: wavelength, distance and detector pixel give object pixels of %.5g nm for %d detector pixels, and --pixel-size is %.5g nm; leave it out, or let it replace the others with --override",
				a.Path, 1e9*known, n, 1e9*g.PixelSize)
		}
		a.Wavelength, a.Distance, a.PixelHeight, a.PixelWidth = 0, 0, 0, 0
		a.Notes = append(a.Notes, fmt.Sprintf("wavelength, distance and detector pixel are not used, because they would give object pixels of %.5g nm", 1e9*known))
	}
	a.ObjectPixel = g.PixelSize * (float64(n) / float64(a.largest()))
	return nil
}

// orient exchanges and mirrors the positions.
func (g Given) orient(a *Acquisition) {
	if g.Exchange || g.FlipRows || g.FlipColumns || g.Y != "" {
		a.zero = nil
	}
	if g.Exchange {
		a.Y, a.X = a.X, a.Y
	}
	mirror := func(v []float64) {
		for i := range v {
			v[i] = -v[i]
		}
	}
	if g.FlipRows {
		mirror(a.Y)
	}
	if g.FlipColumns {
		mirror(a.X)
	}
}

// elsewhere opens an array of this file or, behind the name of a file and a colon, of another. A path that this file does not have
// may be the name of a file with one array.
func (a *Acquisition) elsewhere(path string) (Array, error) {
	name, inside, other := strings.Cut(path, ":/")
	if !other {
		d, err := a.main.find(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return d, err
		}
		if Kind(path) == "" {
			if st, statErr := os.Stat(path); statErr == nil && st.Mode().IsRegular() {
				return nil, notNumbers(path)
			}
			return d, err
		}
		inside = ""
	} else {
		inside = "/" + inside
	}
	c, known := a.others[name]
	if !known {
		var err error
		if c, err = openContainer(name); err != nil {
			return nil, err
		}
		a.open = append(a.open, c)
		if a.others == nil {
			a.others = map[string]container{}
		}
		a.others[name] = c
	}
	return c.find(inside)
}

// Files returns the names of files that paths may name.
func (g Given) Files() []string {
	var names []string
	for _, path := range []string{g.Data, g.Y, g.X, g.Probe, g.Prepare.Dark, g.Prepare.Flat, g.Prepare.Mask} {
		name, _, _ := strings.Cut(path, ":/")
		names = append(names, name)
		if i := strings.LastIndex(name, ":"); i > 0 {
			names = append(names, name[:i])
		}
	}
	return names
}
