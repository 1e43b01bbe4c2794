package acquisition

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/physics"
)

// is reports whether the file is one that Open may read. An npz archive with positions in object pixels is not: package format
// reads it.
func is(path string) bool {
	switch kind := Kind(path); kind {
	case "npz":
		z, err := npz.Open(path)
		if err != nil {
			return true // Open says why it cannot be read
		}
		defer z.Close()
		c := &npzFile{Archive: z}
		return firstName(c, patternNames) != "" && (firstName(c, []string{"xcoords"}) == "" || firstName(c, []string{"ycoords"}) == "")
	case "table":
		return false
	default:
		return kind != ""
	}
}

// Reads reports whether Open reads the file; the other files are npz archives in object pixels.
func (g Given) Reads(path string) bool { return g.Data != "" || g.Format == FormatRaw || is(path) }

// Names of arrays in npz and MAT files of other programs, in the order in which they are tried.
var (
	patternNames = []string{"patterns", "reciprocal", "dp", "cbed"} // Ptychodus, PtychoNN, fold_slice, PtyRAD
	probeNames   = []string{"probe", "probeGuess"}
	badNames     = []string{"bad_pixels"}
)

// firstName returns the first of several names that a file has, "" if it has none.
func firstName(c container, names []string) string {
	for _, n := range names {
		if _, err := c.find(n); !errors.Is(err, fs.ErrNotExist) {
			return n
		}
	}
	return ""
}

// openOther reads a file that is not HDF5.
func (g Given) openOther(path string) (*Acquisition, error) {
	var c container
	var err error
	if g.Format == FormatRaw {
		c, err = openNumbers(path, g.Numbers)
	} else {
		c, err = openContainer(path)
	}
	if err != nil {
		return nil, err
	}
	a := &Acquisition{Path: path, Format: c.kind(), main: c, open: []io.Closer{c}}
	if err = g.describe(a, c); err == nil {
		err = g.enough(a)
	}
	if err != nil {
		a.Close()
		if !strings.HasPrefix(err.Error(), path) {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return nil, err
	}
	return a, nil
}

// describe finds the patterns, and what else the file has under names that are known.
func (g Given) describe(a *Acquisition, c container) error {
	name := g.Data
	if name == "" {
		name = firstName(c, patternNames)
	}
	patterns, err := c.find(name)
	if err != nil {
		return err
	}
	if err := a.add(patterns); err != nil {
		return err
	}
	if _, ok := a.parts[0].Array.(clipped); ok {
		a.Notes = append(a.Notes, "readings of the EMPAD are taken as counts, and negative ones, noise around the dark level, as 0")
	} else if !a.parts[0].Type().Integer() {
		a.Notes = append(a.Notes, fmt.Sprintf("the patterns are %s, and are taken as counts; --diffraction-units amplitude takes them as square roots of counts", a.parts[0].Type()))
	}
	if told, ok := c.(interface{ notes() []string }); ok {
		a.Notes = append(a.Notes, told.notes()...)
	}
	if n := firstName(c, badNames); n != "" {
		if err := a.takeBad(c, n); err != nil {
			return err
		}
	}
	if n := firstName(c, probeNames); n != "" {
		p, err := c.find(n)
		if err != nil {
			return err
		}
		if err := a.takeProbe(p); err != nil {
			return err
		}
	}
	return a.product(c)
}

// takeBad masks the pixels that are true in an array [H, W].
func (a *Acquisition) takeBad(c container, name string) error {
	values, err := all(c, name)
	if err != nil {
		return err
	}
	if len(values) != a.Height*a.Width {
		return fmt.Errorf("%s has %d values, the patterns have %d×%d pixels", name, len(values), a.Height, a.Width)
	}
	a.Mask = make([]uint8, len(values))
	for i, v := range values {
		if v == 0 {
			a.Mask[i] = 1
		}
	}
	return nil
}

// product takes the positions and the geometry that Ptychodus and fold_slice name, where the file has them.
func (a *Acquisition) product(c container) error {
	one := map[string]float64{}
	for _, name := range []string{"detector_object_distance_m", "p.lambda", "photon_energy_eV", "probe_energy_eV", "probe_pixel_width_m", "probe_pixel_height_m"} {
		if firstName(c, []string{name}) == "" {
			continue
		}
		v, err := all(c, name)
		if err != nil {
			return err
		}
		if len(v) == 1 && v[0] > 0 && !math.IsInf(v[0], 0) {
			one[name] = v[0]
		}
	}
	a.Distance = one["detector_object_distance_m"]
	if e := max(one["photon_energy_eV"], one["probe_energy_eV"]); e > 0 {
		a.Wavelength = physics.PhotonWavelength(e * electron)
	}
	if l := one["p.lambda"]; l > 0 { // fold_slice
		a.Wavelength = l
	}
	if h, w := one["probe_pixel_height_m"], one["probe_pixel_width_m"]; h > 0 && w > 0 {
		a.PixelHeight, a.PixelWidth = a.Wavelength*a.Distance/(float64(a.Height)*h), a.Wavelength*a.Distance/(float64(a.Width)*w)
	}
	for name, to := range map[string]*[]float64{"probe_position_y_m": &a.Y, "probe_position_x_m": &a.X} {
		if firstName(c, []string{name}) == "" {
			continue
		}
		v, err := all(c, name)
		if err != nil {
			return err
		}
		*to = v
	}
	return nil
}

// all reads an array of at most maxPositions values.
func all(c container, name string) ([]float64, error) {
	d, err := c.find(name)
	if err != nil {
		return nil, err
	}
	n := uint64(1)
	for _, k := range d.Shape() {
		if n *= min(k, maxPositions+1); n > maxPositions {
			return nil, fmt.Errorf("%s has the shape %d, too many values", name, d.Shape())
		}
	}
	v := make([]float64, n)
	return v, readAll(d, v)
}

// enough returns an error that names all flags that are needed for what neither the file nor the flags say.
func (g Given) enough(a *Acquisition) error {
	var missing []string
	for _, need := range []struct {
		flag    string
		missing bool
	}{
		{"--y-path and --x-path (FILE:/NAME, or FILE:COLUMN of a table)", g.Y == "" && (a.Y == nil || a.X == nil)},
		{"--position-units", g.PositionUnit == 0 && (g.Y != "" || a.Y == nil || a.X == nil)},
		{"--energy or --wavelength", g.Wavelength == 0 && a.Wavelength == 0 && g.PixelSize == 0},
		{"--distance", g.Distance == 0 && a.Distance == 0 && g.PixelSize == 0},
		{"--detector-pixel-size", g.DetectorSize == 0 && a.PixelWidth == 0 && g.PixelSize == 0},
	} {
		if need.missing {
			missing = append(missing, need.flag)
		}
	}
	if missing == nil {
		return nil
	}
	what := a.Format + " file"
	if a.Format == folderOfTIFF {
		what = a.Format
	}
	return fmt.Errorf("this %s (%s) does not say all positions and geometry; it is read with %s", what, a.main.contents(), strings.Join(missing, ", "))
}
