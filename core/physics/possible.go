package physics

// Possible is a range of lengths in m that no ptychography leaves, with room on both sides: a value beyond it has a wrong unit.
type Possible struct{ Low, High float64 }

// The ranges of a scan's geometry: from electrons of GeV to visible light.
var (
	PossibleWavelength    = Possible{1e-14, 1e-5}
	PossibleDistance      = Possible{1e-5, 1e3}
	PossibleDetectorPixel = Possible{1e-8, 1e-2}
	PossibleObjectPixel   = Possible{1e-13, 1e-3}
)

// Has reports whether a length, in m, is in the range. NaN is not.
func (p Possible) Has(length float64) bool { return length >= p.Low && length <= p.High }
