package format

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/internal/words"
)

// Units is the unit of a diffraction array's values.
type Units string

// The units. Counts are photons, amplitudes are their square roots, normalised values are amplitudes divided by the
// file's intensity_scale.
const (
	Auto       Units = "auto"
	Counts     Units = "counts"
	Amplitude  Units = "amplitude"
	Normalised Units = "normalised"
)

// ParseUnits reads the value of --diffraction-units; "" means Auto.
func ParseUnits(s string) (Units, error) {
	switch u := Units(s); u {
	case "":
		return Auto, nil
	case Auto, Counts, Amplitude, Normalised:
		return u, nil
	}
	return "", acquisition.FlagErrorf("--diffraction-units %q: want auto, counts, amplitude or normalised", s)
}

// Up to decisiveCount the tolerance of acquisition.Whole, 0.04, still separates whole numbers from others; from 1.25e6 on every
// value passes.
const decisiveCount = 1e5

// converter converts the values of a diffraction array to counts and collects the evidence for the unit.
type converter struct {
	key    string      // of the array
	dtype  npz.Element // of the array
	units  Units       // Counts, Amplitude, Normalised, or Auto: amplitudes if the values prove it
	strict bool        // reject counts that are not whole numbers
	scale  float64     // of Normalised
	given  Units       // requested
	hidden bool        // the file has an unused intensity_scale
	told   bool        // the file says that it holds counts
	raw    bool        // counts are made of the file's numbers before convert

	values  int     // processed
	partial int     // kept although not whole numbers
	proofs  int     // Auto: values that prove amplitudes
	most    float64 // counts
}

// newConverter makes the decisions that do not need the values. scale is 0 if the file has none.
//
// The rule: an intensity_scale s makes the values d normalised amplitudes, counts = (d·s)²; an integer type means
// counts; floats that are not whole numbers but have whole squares are amplitudes; everything else the user must
// specify. A photon number is never assumed.
func newConverter(path, key string, e npz.Element, scale float64, given Units) (*converter, error) {
	c := &converter{key: key, dtype: e, given: given, units: given, scale: scale}
	const say = "give its unit with --diffraction-units counts|amplitude|normalised"
	switch {
	case given == Normalised && scale == 0:
		return nil, npz.Errorf(path, "%s is normalised by --diffraction-units, but the file lacks intensity_scale", key).
			Hint("add it, or save counts or amplitudes, or train with --nphotons, the mean photons of a pattern")
	case given != Auto:
		c.hidden = scale != 0 && given != Normalised
	case scale != 0 && (e.Integral() || key == keyIntensity):
		return nil, npz.Errorf(path, "%s (%v) looks like counts, but the file has an intensity_scale, which belongs to normalised amplitudes",
			key, e).Hint(say)
	case scale != 0:
		c.units = Normalised
	case e.Integral():
		c.units = Counts
	case key == keyIntensity:
		c.units, c.strict = Counts, true
	}
	return c, nil
}

// bytes returns the size of the smallest type that holds all counts.
func (c *converter) bytes() int {
	const float32Size = 4
	if c.units == Counts && c.dtype.Integral() && !c.raw {
		return min(c.dtype.Size(), float32Size)
	}
	return float32Size
}

// convert converts one value to counts. Its error describes the value.
func (c *converter) convert(d float64) (float32, error) {
	if !(d >= 0) || math.IsInf(d, 0) {
		return 0, fmt.Errorf("is %v, want a finite number, at least 0", d)
	}
	k := d
	switch c.units {
	case Counts:
		if k != math.Trunc(k) {
			if c.strict && !c.raw && !c.told {
				return 0, fmt.Errorf("is %v, which is not a whole number", d)
			}
			c.partial++
		}
	default:
		if c.units == Normalised {
			k = d * c.scale
		}
		var ok bool
		if k, ok = acquisition.Whole(k * k); !ok {
			if c.units == Auto {
				return 0, fmt.Errorf("is %v and its square %.9g; the values are neither amplitudes, whose squares are whole numbers, nor integer counts", d, k)
			}
			c.partial++
		}
		if c.units == Auto && c.proofs == 0 && k <= decisiveCount && math.Abs(d-math.Round(d)) > 1e-6*(1+d) {
			c.proofs++
		}
	}
	if k > math.MaxFloat32 {
		return 0, fmt.Errorf("is %v, too many photons", d)
	}
	c.values++
	c.most = max(c.most, k)
	return float32(k), nil
}

// finish makes the decision that needs all values and returns its reason, one sentence.
func (c *converter) finish(path string) (string, error) {
	const units = "--diffraction-units counts|amplitude|normalised"
	if c.most == 0 {
		if c.raw {
			return "", npz.Errorf(path, "%s has no value above the dark and the offset, so that the patterns have no photons", c.key).Hint("correct --dark or --offset")
		}
		return "", npz.Errorf(path, "%s is zero everywhere: the patterns have no photons", c.key)
	}
	if c.units == Auto && c.proofs == 0 {
		return "", npz.Errorf(path, "%s is %v and has only whole numbers: counts, or amplitudes of square numbers of photons", c.key, c.dtype).
			Hint("give " + units)
	}
	note := ""
	switch {
	case c.raw:
		note = fmt.Sprintf("%s holds numbers of a detector, because flags say how counts are made of them", c.key)
	case c.given == Counts:
		note = fmt.Sprintf("%s is read as counts, because of --diffraction-units", c.key)
	case c.given == Amplitude:
		note = fmt.Sprintf("counts = %s², because of --diffraction-units amplitude", c.key)
	case c.given == Normalised:
		note = fmt.Sprintf("counts = (%s · %.9g)², because of --diffraction-units normalised and the file's intensity_scale %.9g", c.key, c.scale, c.scale)
	case c.units == Normalised:
		note = fmt.Sprintf("counts = (%s · %.9g)², because the file has intensity_scale %.9g", c.key, c.scale, c.scale)
	case c.units == Auto:
		note = fmt.Sprintf("counts = %s², because its squares are whole numbers and its values are not", c.key)
	case c.strict && c.told:
		note = fmt.Sprintf("%s holds counts, because its file says so", c.key)
	case c.strict:
		note = fmt.Sprintf("%s holds counts, because of its name and because all values are whole numbers", c.key)
	default:
		note = fmt.Sprintf("%s holds counts, because its type %s is an integer", c.key, c.dtype.Numpy())
	}
	if c.given == Amplitude || c.units == Auto || c.units == Normalised {
		note += " (rounded if whole numbers within float32's accuracy)"
	}
	if c.hidden {
		note += "; the file's intensity_scale is not used"
	}
	if c.partial > 0 {
		note += fmt.Sprintf("; %d of %s not whole and kept unchanged", c.partial, words.Of(c.values, "value")+" "+words.Verb(c.partial, "is", "are"))
	}
	return note, nil
}
