package acquisition

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// lengths are the units of length, in m.
var lengths = map[string]float64{"m": 1, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9, "pm": 1e-12, "A": 1e-10, "Å": 1e-10}

// energies are the units of energy, in J.
var energies = map[string]float64{"J": 1, "eV": electron, "keV": 1e3 * electron, "MeV": 1e6 * electron}

// ParseUnit returns the metres of a unit of length.
func ParseUnit(unit string) (float64, error) {
	m, ok := lengths[unit]
	if !ok {
		return 0, fmt.Errorf("%q: want m, mm, um, nm, pm or A", unit)
	}
	return m, nil
}

// ParseLength reads a positive length with its unit, such as 75um, in m.
func ParseLength(s string) (float64, error) {
	return quantity(s, lengths, "a length such as 75um or 1.9m")
}

// ParseEnergy reads a positive energy with its unit, such as 10keV, in J.
func ParseEnergy(s string) (float64, error) { return quantity(s, energies, "an energy such as 10keV") }

func quantity(s string, units map[string]float64, want string) (float64, error) {
	names := slices.SortedFunc(maps.Keys(units), func(a, b string) int { return len(b) - len(a) }) // nm before m
	for _, unit := range names {
		number, ok := strings.CutSuffix(s, unit)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			break
		}
		return v * units[unit], nil
	}
	return 0, fmt.Errorf("%q: want %s, with its unit", s, want)
}

// ElectronWavelength returns the wavelength in m of electrons accelerated to that energy in J, with relativity.
func ElectronWavelength(energy float64) float64 {
	const mass = 9.1093837015e-31 // kg
	return planck / math.Sqrt(2*mass*energy*(1+energy/(2*mass*lightSpeed*lightSpeed)))
}

// PhotonWavelength returns the wavelength in m of photons of that energy in J.
func PhotonWavelength(energy float64) float64 { return photon(energy) }
