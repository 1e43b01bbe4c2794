package physics

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Constants of nature (CODATA 2018). ElectronVolt is in J.
const (
	planck       = 6.62607015e-34 // J s
	lightSpeed   = 299792458      // m/s
	ElectronVolt = 1.602176634e-19
	electronMass = 9.1093837015e-31 // kg
)

// A kind is a physical quantity with its units.
type kind struct {
	name  string             // with its article
	units map[string]float64 // value in SI by the spelling in lower case, or exactly where the case matters
	names string             // for people
	such  string             // examples
}

// Lower case "mev" is missing on purpose: it may be a thousandth of an electronvolt.
var (
	lengths = kind{"a length", map[string]float64{"m": 1, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "pm": 1e-12, "a": 1e-10, "å": 1e-10},
		"m, mm, um, nm, pm or A", "75um or 1.9m"}
	energies = kind{"an energy", map[string]float64{"j": 1, "ev": ElectronVolt, "kev": 1e3 * ElectronVolt, "MeV": 1e6 * ElectronVolt, "MEV": 1e6 * ElectronVolt},
		"eV, keV, MeV or J", "10keV"}
)

// capital are the units whose first letter has another meaning as a capital: mega and peta are not milli and pico.
var capital = []string{"Mm", "Pm"}

// of returns the value of a unit in SI. Micro may be u or µ, and capitals are accepted where they change nothing.
func (k kind) of(unit string) (float64, bool) {
	for _, c := range capital {
		if unit == c {
			return 0, false
		}
	}
	if v, ok := k.units[unit]; ok {
		return v, true
	}
	lower := strings.ToLower(unit)
	for _, micro := range []string{"µ", "μ"} { // the sign, and the Greek letter
		lower = strings.Replace(lower, micro, "u", 1)
	}
	v, ok := k.units[lower]
	return v, ok
}

// ParseLengthUnit returns the metres of a unit of length.
func ParseLengthUnit(unit string) (float64, error) {
	m, ok := lengths.of(strings.TrimSpace(unit))
	if !ok {
		return 0, fmt.Errorf("is not a unit of length: write %s", lengths.names)
	}
	return m, nil
}

// UnitName returns the name of a unit of length by its metres, and a number of metres for others.
func UnitName(m float64) string {
	for _, name := range []string{"m", "mm", "um", "nm", "pm"} {
		if math.Abs(m/lengths.units[name]-1) < 1e-9 {
			return name
		}
	}
	if math.Abs(m/1e-10-1) < 1e-9 {
		return "A"
	}
	return fmt.Sprintf("units of %.4g m", m)
}

// ParseLength reads a positive length with its unit, such as 75um, in m. The error completes a sentence that begins with the text.
func ParseLength(s string) (float64, error) { return lengths.read(s) }

// ParseEnergy reads a positive energy with its unit, such as 10keV, in J.
func ParseEnergy(s string) (float64, error) { return energies.read(s) }

func (k kind) read(s string) (float64, error) {
	s = strings.TrimSpace(s)
	end := strings.LastIndexFunc(s, func(r rune) bool { return unicode.IsDigit(r) || r == '.' }) + 1
	unit := strings.TrimSpace(s[end:])
	v, err := strconv.ParseFloat(s[:end], 64)
	switch {
	case end == 0 || err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("is not %s: write a number and its unit, such as %s", k.name, k.such)
	case unit == "":
		return 0, fmt.Errorf("has no unit: write it behind the number, as in %s (%s)", k.such, k.names)
	}
	scale, ok := k.of(unit)
	if !ok {
		return 0, fmt.Errorf("is not %s: the unit %q is unknown, write %s", k.name, unit, k.names)
	}
	if v *= scale; !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("is not %s: it must be above 0", k.name)
	}
	return v, nil
}

// PhotonWavelength returns the wavelength in m of photons of that energy in J.
func PhotonWavelength(energy float64) float64 { return planck * lightSpeed / energy }

// PhotonEnergy returns the energy in J of photons of that wavelength in m; 0 if the wavelength is not above 0.
func PhotonEnergy(wavelength float64) float64 {
	if wavelength <= 0 {
		return 0
	}
	return planck * lightSpeed / wavelength
}

// ElectronWavelength returns the wavelength in m of electrons accelerated to that energy in J, with relativity.
func ElectronWavelength(energy float64) float64 {
	return planck / math.Sqrt(2*electronMass*energy*(1+energy/(2*electronMass*lightSpeed*lightSpeed)))
}
