package format

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/internal/plural"
)

// Units says what the values of a diffraction array are.
type Units string

// The units. Counts are photons, amplitudes their square roots, normalised values amplitudes divided by the file's
// intensity_scale.
const (
	Auto       Units = "auto"
	Counts     Units = "counts"
	Amplitude  Units = "amplitude"
	Normalised Units = "normalised"
)

// ParseUnits reads the value of --diffraction-units; "" is Auto.
func ParseUnits(s string) (Units, error) {
	switch u := Units(s); u {
	case "":
		return Auto, nil
	case Auto, Counts, Amplitude, Normalised:
		return u, nil
	}
	return "", fmt.Errorf("diffraction units %q: want auto, counts, amplitude or normalised", s)
}

// Tolerances of "a whole number". A float32 amplitude is off by at most 6e-8 of itself, its square by 1.2e-7; scaling
// by a float32 number and back brings that to less than 4e-7. The constant covers values near zero.
const (
	wholeRelative = 4e-7
	wholeAbsolute = 1e-4
	// Up to here the tolerance, 0.04, still tells whole numbers from others; from 1.25e6 on everything passes.
	tellingCount = 1e5
)

// whole rounds k when it is a whole number but for rounding.
func whole(k float64) (float64, bool) {
	r := math.Round(k)
	return r, math.Abs(k-r) <= wholeRelative*k+wholeAbsolute
}

// converter turns the values of a diffraction array into counts and gathers what its decision rests on.
type converter struct {
	key    string  // of the array
	dtype  element // of the array
	units  Units   // Counts, Amplitude, Normalised, or Auto: amplitudes if the values prove it
	strict bool    // counts must be whole numbers, or the file's author meant something else
	scale  float64 // of Normalised
	given  Units   // what was asked for
	hidden bool    // the file has an intensity_scale that is not used

	values  int     // seen
	partial int     // kept although no whole numbers
	telling int     // of Auto: values that prove amplitudes
	most    float64 // counts
}

// newConverter decides what it can before the values are seen. scale is 0 when the file has none.
//
// The rule: an intensity_scale s makes the values d normalised amplitudes, counts = (d·s)²; an integer type holds
// counts; floats whose squares are whole numbers, while they are not, hold amplitudes; anything else is for the user to
// say. No photon number is ever assumed.
func newConverter(path, key string, e element, scale float64, given Units) (*converter, error) {
	c := &converter{key: key, dtype: e, given: given, units: given, scale: scale}
	const say = "say what it holds with --diffraction-units counts|amplitude|normalised"
	switch {
	case given == Normalised && scale == 0:
		return nil, errorf(path, "%s is said to be normalised, but the file has no intensity_scale", key).
			fix("add it, or give counts or amplitudes, or train with --nphotons, the mean photons of a pattern; no photon number is ever assumed")
	case given != Auto:
		c.hidden = scale != 0 && given != Normalised
	case scale != 0 && (e.integral() || key == keyIntensity):
		return nil, errorf(path, "%s (%v) looks like counts, but the file has an intensity_scale, which goes with normalised amplitudes",
			key, e).fix(say)
	case scale != 0:
		c.units = Normalised
	case e.integral():
		c.units = Counts
	case key == keyIntensity:
		c.units, c.strict = Counts, true
	}
	return c, nil
}

// convert turns one value into counts. It fails with what is wrong with the value.
func (c *converter) convert(d float64) (float32, error) {
	if !(d >= 0) || math.IsInf(d, 0) {
		return 0, fmt.Errorf("is %v, want a finite number that is not negative", d)
	}
	k := d
	switch c.units {
	case Counts:
		if k != math.Trunc(k) {
			if c.strict {
				return 0, fmt.Errorf("is %v, which is not a whole number", d)
			}
			c.partial++
		}
	default:
		if c.units == Normalised {
			k = d * c.scale
		}
		k *= k
		r, ok := whole(k)
		switch {
		case ok:
			k = r
		case c.units == Auto:
			return 0, fmt.Errorf("is %v and its square %.9g; neither floats whose squares are whole numbers (amplitudes) nor integers (counts)", d, k)
		default:
			c.partial++
		}
		if c.units == Auto && c.telling == 0 && k <= tellingCount && math.Abs(d-math.Round(d)) > 1e-6*(1+d) {
			c.telling++
		}
	}
	if k > math.MaxFloat32 {
		return 0, fmt.Errorf("is %v, too many photons", d)
	}
	c.values++
	c.most = max(c.most, k)
	return float32(k), nil
}

// finish makes the decision that needs all values and gives its reason, one sentence.
func (c *converter) finish(path string) (string, error) {
	const units = "--diffraction-units counts|amplitude|normalised"
	if c.most == 0 {
		return "", errorf(path, "%s is zero everywhere: the patterns hold no photons", c.key)
	}
	if c.units == Auto && c.telling == 0 {
		return "", errorf(path, "%s is %v and holds whole numbers only: counts, or amplitudes of square numbers of photons", c.key, c.dtype).
			fix("say which with " + units)
	}
	note := ""
	switch {
	case c.given == Counts:
		note = fmt.Sprintf("%s is read as counts because --diffraction-units says so", c.key)
	case c.given == Amplitude:
		note = fmt.Sprintf("counts = %s², because --diffraction-units says amplitude", c.key)
	case c.given == Normalised:
		note = fmt.Sprintf("counts = (%s · %.9g)², because --diffraction-units says normalised and %.9g is the file's intensity_scale", c.key, c.scale, c.scale)
	case c.units == Normalised:
		note = fmt.Sprintf("counts = (%s · %.9g)², because the file gives intensity_scale %.9g", c.key, c.scale, c.scale)
	case c.units == Auto:
		note = fmt.Sprintf("counts = %s², because its squares are whole numbers and its values are not", c.key)
	case c.strict:
		note = fmt.Sprintf("%s holds counts, because its name says intensity and all values are whole numbers", c.key)
	default:
		note = fmt.Sprintf("%s holds counts, because its type %s is an integer", c.key, c.dtype.numpy())
	}
	if c.given == Amplitude || c.units == Auto || c.units == Normalised {
		note += " (rounded where they are whole numbers within float32's accuracy)"
	}
	if c.hidden {
		note += "; the file's intensity_scale is not used"
	}
	if c.partial > 0 {
		note += fmt.Sprintf("; %d of %s not whole and kept unchanged", c.partial, plural.Of(c.values, "value")+" "+plural.Verb(c.partial, "is", "are"))
	}
	return note, nil
}
