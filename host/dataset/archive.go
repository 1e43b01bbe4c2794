package dataset

import (
	"context"
	"fmt"
	"math"
	"os"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// readArchive reads the selected patterns of an npz file, with the geometry and the directions that flags give.
func readArchive(ctx context.Context, o Conversion) (*scan.Scan, error) {
	g := o.Given
	for _, flag := range []struct {
		name  string
		given bool
	}{{"data-path", g.Data != ""}, {"y-path", g.Y != ""}, {"x-path", g.X != ""}, {"probe-path", g.Probe != ""}, {"crop", g.Side != 0}} {
		if _, err := os.Stat(o.From); err == nil && flag.given {
			return nil, host.Failf(host.ExitUsage, "convert: %s is not a file with positions in metres, and --%s is only for these: leave it out", o.From, flag.name)
		}
	}
	s, err := Source{Path: o.From, Rows: o.Rows, Draw: o.Draw, Seed: o.Seed, Unchecked: true}.Read(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err := giveGeometry(s, g); err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", o.From, err)
	}
	if g.Exchange || g.FlipRows || g.FlipColumns {
		orient(s, g)
	}
	return s, nil
}

// closeEnough is the relative difference up to which two values count as the same.
const closeEnough = 1e-4

// giveGeometry completes the geometry of a scan. A value that the scan has too must be the same, unless it may be replaced.
func giveGeometry(s *scan.Scan, g acquisition.Given) error {
	for _, v := range []struct {
		flag  string
		given float64
		has   *float64
	}{{"wavelength", g.Wavelength, &s.Geometry.Wavelength}, {"distance", g.Distance, &s.Geometry.Distance}, {"detector-pixel-size", g.DetectorSize, &s.Geometry.DetectorPixel}} {
		if v.given == 0 {
			continue
		}
		if *v.has != 0 && !g.Override && math.Abs(*v.has/v.given-1) > closeEnough {
			return fmt.Errorf("the file says %s %.6g m, and %.6g m was given; leave the flag out, or let it replace the file's with --override", v.flag, *v.has, v.given)
		}
		*v.has = v.given
	}
	pixel := s.Geometry.ObjectPixel(s.N)
	if pixel == 0 {
		return nil
	}
	if s.PixelSize > 0 && !g.Override && math.Abs(s.PixelSize/pixel-1) > closeEnough {
		return fmt.Errorf("the file says object pixels of %.6g m, and wavelength, distance and detector pixel give %.6g m; correct them, or let them replace the file's with --override", s.PixelSize, pixel)
	}
	s.PixelSize = pixel
	return nil
}

// orient exchanges and mirrors the positions, and moves the smallest to 0. The object in the file no longer belongs to them.
func orient(s *scan.Scan, g acquisition.Given) {
	if g.Exchange {
		s.Rows, s.Cols = s.Cols, s.Rows
	}
	turn := func(at []float64, mirror bool) []float64 {
		out := make([]float64, len(at))
		low := math.Inf(1)
		for i, v := range at {
			if mirror {
				v = -v
			}
			out[i], low = v, min(low, v)
		}
		for i := range out {
			out[i] -= low
		}
		return out
	}
	s.Rows, s.Cols = turn(s.Rows, g.FlipRows), turn(s.Cols, g.FlipColumns)
	if s.Object != nil {
		s.Object, s.ObjectHeight, s.ObjectWidth = nil, 0, 0
		s.Notes = append(s.Notes, "objectGuess is left out, because the positions are changed")
	}
}
