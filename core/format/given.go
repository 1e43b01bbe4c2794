package format

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/scan"
)

// give completes and changes the description of an npz archive by what the caller says of it. d.N stays the side of the patterns in
// the file; d.plan has that of the patterns that are used.
func (d *Description) give(g acquisition.Given) error {
	for _, flag := range []struct { // with --data-path, package acquisition reads the file
		name  string
		given bool
	}{{"y-path", g.Y != ""}, {"x-path", g.X != ""}, {"probe-path", g.Probe != ""}} {
		if flag.given {
			return flagError(d.Path, "is an npz archive with %s, %s and %s, which --%s does not reach", d.Key, keyCols, keyRows, flag.name).Hint("leave the flag out")
		}
	}
	if g.Format != "" { // not raw, which package acquisition reads
		return flagError(d.Path, "is an npz archive, and --format %s names a layout of HDF5 files", g.Format).Hint("leave the flag out")
	}
	if side := g.Prepare.Side; side != 0 && d.N >= MinSide && (side > d.N || side%2 != 0 || side < MinSide) {
		return flagError(d.Path, "patterns have %d×%d pixels, and --crop %d cannot be taken of them", d.Height, d.Width, side).Hint("give an even number from %d to %d", MinSide, d.N)
	}
	if err := d.prepare(g.Prepare); err != nil {
		return err
	}
	if err := d.giveGeometry(g); err != nil {
		return err
	}
	if err := d.givePositions(g); err != nil {
		return err
	}
	d.scale()
	return nil
}

// closeEnough is the relative difference up to which two values count as the same; samePixel that for object pixels, which people
// round.
const closeEnough, samePixel = 1e-4, 1e-3

// giveGeometry completes the geometry. A value that the file has too must be the same, unless it may be replaced.
func (d *Description) giveGeometry(g acquisition.Given) error {
	for _, v := range []struct {
		flag  string
		given float64
		has   *float64
	}{{"wavelength", g.Wavelength, &d.Geometry.Wavelength}, {"distance", g.Distance, &d.Geometry.Distance}, {"detector-pixel-size", g.DetectorSize, &d.Geometry.DetectorPixel}} {
		if v.given == 0 {
			continue
		}
		if *v.has != 0 && !g.Override && math.Abs(*v.has/v.given-1) > closeEnough {
			return flagError(d.Path, "the file says %s %.6g m, and %.6g m was given", v.flag, *v.has, v.given).Hint("leave the flag out, or let it replace the file's with --override")
		}
		*v.has = v.given
	}
	if pixel := d.Geometry.ObjectPixel(d.N); pixel > 0 {
		if d.PixelSize > 0 && !g.Override && math.Abs(d.PixelSize/pixel-1) > closeEnough {
			return npz.Errorf(d.Path, "the file says object pixels of %.6g m, and wavelength, distance and detector pixel give %.6g m", d.PixelSize, pixel).
				Hint("correct them, or let them replace the file's with --override")
		}
		d.PixelSize = pixel
	}
	if g.PixelSize == 0 {
		return d.checkPixel()
	}
	wide := float64(d.plan.Asked())
	pixel := g.PixelSize * (wide / float64(d.N)) // of the whole patterns
	if d.PixelSize > 0 && math.Abs(d.PixelSize/pixel-1) > samePixel {
		if !g.Override {
			return flagError(d.Path, "object pixels have %.5g m by the file and the flags for the geometry, and --pixel-size is %.5g m", d.PixelSize*float64(d.N)/wide, g.PixelSize).
				Hint("leave it out, or let it replace the others with --override")
		}
		d.Geometry = scan.Geometry{}
	}
	d.PixelSize = pixel
	return d.checkPixel()
}

// checkPixel rejects an object pixel that only a wrong unit can give.
func (d *Description) checkPixel() error {
	if p := d.PixelSize; p != 0 && !physics.PossibleObjectPixel.Has(p) {
		return npz.Errorf(d.Path, "object pixels of %.3g m, which no ptychography has", p).Hint("correct --pixel-size, or --energy, --distance and --detector-pixel-size")
	}
	return nil
}

// givePositions converts positions with a unit to object pixels, and exchanges and mirrors them. Then the smallest is at 0, and the
// object in the file no longer belongs to them.
func (d *Description) givePositions(g acquisition.Given) error {
	if g.PositionUnit == 0 && !g.Exchange && !g.FlipRows && !g.FlipColumns {
		return nil
	}
	scale := 1.0
	if g.PositionUnit != 0 {
		if d.PixelSize == 0 {
			return flagError(d.Path, "positions with --position-units need the object pixel").Hint("give --pixel-size, or --energy, --distance and --detector-pixel-size")
		}
		scale = g.PositionUnit / d.PixelSize
		d.Notes = append(d.Notes, fmt.Sprintf("positions are multiplied by %.6g, because of --position-units and object pixels of %.5g nm", scale, 1e9*d.PixelSize))
	}
	if g.Exchange {
		d.Rows, d.Cols = d.Cols, d.Rows
	}
	turn := func(at []float64, mirror bool) {
		low := math.Inf(1)
		for i := range at {
			if at[i] *= scale; mirror {
				at[i] = -at[i]
			}
			low = min(low, at[i])
		}
		for i := range at {
			at[i] -= low
		}
	}
	turn(d.Rows, g.FlipRows)
	turn(d.Cols, g.FlipColumns)
	d.dropObject("the positions are changed")
	return nil
}

// dropObject leaves the object out.
func (d *Description) dropObject(why string) {
	if d.ObjectHeight > 0 {
		d.ObjectHeight, d.ObjectWidth = 0, 0
		d.Notes = append(d.Notes, fmt.Sprintf("%s is left out, because %s", keyObject, why))
	}
}
