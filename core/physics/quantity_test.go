package physics_test

import (
	"math"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/physics"
)

func TestLength_ReadsUnits(t *testing.T) {
	for s, want := range map[string]float64{"75um": 75e-6, "75 µm": 75e-6, "75μm": 75e-6, "75UM": 75e-6, "1.9m": 1.9, "1.9 M": 1.9, "0.124nm": 1.24e-10, "1.24A": 1.24e-10, "1.24Å": 1.24e-10,
		"1.24\u212b": 1.24e-10, "12pm": 12e-12, "2mm": 2e-3, "1.24e-10m": 1.24e-10, " 3 Nm ": 3e-9} {
		if got, err := physics.ParseLength(s); err != nil || math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%s: %v m, %v", s, got, err)
		}
	}
}

func TestRead_SaysWhatToWrite(t *testing.T) {
	for _, c := range []struct {
		read func(string) (float64, error)
		text string
		says string
	}{
		{physics.ParseEnergy, "10", "has no unit: write it behind the number, as in 10keV (eV, keV, MeV or J)"},
		{physics.ParseEnergy, "10meV", `the unit "meV" is unknown, write eV, keV, MeV or J`},
		{physics.ParseEnergy, "10mev", `the unit "mev" is unknown`},
		{physics.ParseEnergy, "10nm", "is not an energy"},
		{physics.ParseEnergy, "keV", "write a number and its unit, such as 10keV"},
		{physics.ParseEnergy, "", "write a number and its unit"},
		{physics.ParseLength, "75", "has no unit: write it behind the number, as in 75um or 1.9m"},
		{physics.ParseLength, "10keV", "is not a length"},
		{physics.ParseLength, "1Mm", `the unit "Mm" is unknown`},
		{physics.ParseLength, "1 km", `the unit "km" is unknown`},
		{physics.ParseLength, "-1m", "must be above 0"},
		{physics.ParseLength, "0m", "must be above 0"},
		{physics.ParseLength, "1e999m", "must be above 0"},
		{physics.ParseLength, "1.2.3m", "is not a length"},
		{physics.ParseLength, "NaNm", "is not a length"},
		{physics.ParseLengthUnit, "furlong", "is not a unit of length: write m, mm, um, nm, pm or A"},
		{physics.ParseLengthUnit, "", "is not a unit of length"},
	} {
		if v, err := c.read(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, %v; want %q", c.text, v, err, c.says)
		}
	}
}

func TestWavelength_OfPhotonsAndElectrons(t *testing.T) {
	e, err := physics.ParseEnergy("10keV")
	if err != nil || math.Abs(physics.PhotonWavelength(e)/1.2398419843e-10-1) > 1e-9 {
		t.Errorf("photons of 10 keV have %v m, %v", physics.PhotonWavelength(e), err)
	}
	if e, err = physics.ParseEnergy("300 KEV"); err != nil || math.Abs(physics.ElectronWavelength(e)/1.96875e-12-1) > 1e-4 {
		t.Errorf("electrons of 300 keV have %v m, %v", physics.ElectronWavelength(e), err)
	}
	if e, err = physics.ParseEnergy("0.3MeV"); err != nil || math.Abs(physics.ElectronWavelength(e)/1.96875e-12-1) > 1e-4 {
		t.Errorf("electrons of 0.3 MeV have %v m, %v", physics.ElectronWavelength(e), err)
	}
}
