package quantity_test

import (
	"math"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/quantity"
)

func TestLength_ReadsUnits(t *testing.T) {
	for s, want := range map[string]float64{"75um": 75e-6, "75 µm": 75e-6, "75μm": 75e-6, "75UM": 75e-6, "1.9m": 1.9, "1.9 M": 1.9, "0.124nm": 1.24e-10, "1.24A": 1.24e-10, "1.24Å": 1.24e-10,
		"1.24\u212b": 1.24e-10, "12pm": 12e-12, "2mm": 2e-3, "1.24e-10m": 1.24e-10, " 3 Nm ": 3e-9} {
		if got, err := quantity.Length(s); err != nil || math.Abs(got/want-1) > 1e-12 {
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
		{quantity.Energy, "10", "has no unit: write it behind the number, as in 10keV (eV, keV, MeV or J)"},
		{quantity.Energy, "10meV", `the unit "meV" is unknown, write eV, keV, MeV or J`},
		{quantity.Energy, "10mev", `the unit "mev" is unknown`},
		{quantity.Energy, "10nm", "is not an energy"},
		{quantity.Energy, "keV", "write a number and its unit, such as 10keV"},
		{quantity.Energy, "", "write a number and its unit"},
		{quantity.Length, "75", "has no unit: write it behind the number, as in 75um or 1.9m"},
		{quantity.Length, "10keV", "is not a length"},
		{quantity.Length, "1Mm", `the unit "Mm" is unknown`},
		{quantity.Length, "1 km", `the unit "km" is unknown`},
		{quantity.Length, "-1m", "must be above 0"},
		{quantity.Length, "0m", "must be above 0"},
		{quantity.Length, "1e999m", "must be above 0"},
		{quantity.Length, "1.2.3m", "is not a length"},
		{quantity.Length, "NaNm", "is not a length"},
		{quantity.Unit, "furlong", "is not a unit of length: write m, mm, um, nm, pm or A"},
		{quantity.Unit, "", "is not a unit of length"},
	} {
		if v, err := c.read(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, %v; want %q", c.text, v, err, c.says)
		}
	}
}

func TestWavelength_OfPhotonsAndElectrons(t *testing.T) {
	e, err := quantity.Energy("10keV")
	if err != nil || math.Abs(quantity.PhotonWavelength(e)/1.2398419843e-10-1) > 1e-9 {
		t.Errorf("photons of 10 keV have %v m, %v", quantity.PhotonWavelength(e), err)
	}
	if e, err = quantity.Energy("300 KEV"); err != nil || math.Abs(quantity.ElectronWavelength(e)/1.96875e-12-1) > 1e-4 {
		t.Errorf("electrons of 300 keV have %v m, %v", quantity.ElectronWavelength(e), err)
	}
	if e, err = quantity.Energy("0.3MeV"); err != nil || math.Abs(quantity.ElectronWavelength(e)/1.96875e-12-1) > 1e-4 {
		t.Errorf("electrons of 0.3 MeV have %v m, %v", quantity.ElectronWavelength(e), err)
	}
}
