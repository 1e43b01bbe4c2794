package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/host"
)

// given returns what the settings say of a scan's file, in metres.
func given(s config.ScanSettings) (acquisition.Given, error) {
	g := acquisition.Given{Format: s.Format, Data: s.DataPath, Y: s.YPath, X: s.XPath, Probe: s.ProbePath, Override: s.Override, Prepare: preparation(s)}
	if known := append(acquisition.Formats(), config.FormatRaw); s.Format != "" && !slices.Contains(known, s.Format) {
		return g, host.Failf(host.ExitUsage, "--format %q: want one of %s", s.Format, strings.Join(known, ", "))
	}
	g.Numbers = numbers(s.Numbers)
	for _, q := range []struct {
		name, text string
		read       func(string) (float64, error)
		to         *float64
		what       string // of which the range holds
		possible   physics.Possible
	}{
		{"position-units", s.PositionUnits, physics.ParseLengthUnit, &g.PositionUnit, "", physics.Possible{High: 1}},
		{"pixel-size", s.PixelSize, physics.ParseLength, &g.PixelSize, "object pixels", physics.PossibleObjectPixel},
		{"energy", s.Energy, photons, &g.Wavelength, "a wavelength", physics.PossibleWavelength},
		{"electron-energy", s.ElectronEnergy, electrons, &g.Wavelength, "a wavelength", physics.PossibleWavelength},
		{"wavelength", s.Wavelength, physics.ParseLength, &g.Wavelength, "a wavelength", physics.PossibleWavelength},
		{"distance", s.Distance, physics.ParseLength, &g.Distance, "a distance", physics.PossibleDistance},
		{"detector-pixel-size", s.DetectorPixelSize, physics.ParseLength, &g.DetectorSize, "pixels", physics.PossibleDetectorPixel},
	} {
		if q.text == "" {
			continue
		}
		var err error
		if *q.to, err = q.read(q.text); err != nil {
			return g, host.Fail(host.ExitUsage, fmt.Errorf("--%s %q %w", q.name, q.text, err))
		}
		if v := *q.to; !q.possible.Has(v) {
			return g, host.Failf(host.ExitUsage, "--%s %q gives %s of %.3g m, which no ptychography has: correct the number or its unit (%v to %v m are possible)", q.name, q.text, q.what, v, q.possible.Low, q.possible.High)
		}
	}
	for _, word := range strings.Split(s.Positions, ",") {
		switch word {
		case "exchange":
			g.Exchange = true
		case "flip-rows":
			g.FlipRows = true
		case "flip-columns":
			g.FlipColumns = true
		}
	}
	return g, nil
}

// numbers returns what the settings, whose forms have been checked, say of a file of numbers.
func numbers(s config.Numbers) acquisition.Numbers {
	n := acquisition.Numbers{Skip: int64(s.SkipBytes), Gap: int64(s.GapBytes)}
	n.Shape, _ = config.Shape(s.Shape)     //nolint:errcheck // see above
	n.Type, _ = config.NumberType(s.DType) //nolint:errcheck // see above
	return n
}

func photons(s string) (float64, error) {
	e, err := physics.ParseEnergy(s)
	return physics.PhotonWavelength(e), err
}

func electrons(s string) (float64, error) {
	e, err := physics.ParseEnergy(s)
	return physics.ElectronWavelength(e), err
}

// given returns what is given of the scan's settings, with the adaptation to a network.
func (s Source) given() (acquisition.Given, error) {
	g, err := given(s.Scan)
	g.Prepare.Adapt = s.Adapt
	return g, err
}

// Describe describes a scan as Read would return it, without its patterns.
func (s Source) Describe() (*format.Description, error) {
	layout, err := format.ParseLayout(s.Layout)
	if err != nil {
		return nil, err
	}
	g, err := s.given()
	if err != nil {
		return nil, err
	}
	return format.Describe(s.Path, layout, g)
}
