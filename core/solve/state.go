package solve

// state is what the engines change.
type state struct {
	object     []complex64   // [h, w]
	probe      [][]complex64 // [modes][size]
	background []float32     // [size] counts; nil: none
	intensity  []float32     // factor of each pattern's coherent part
	top, left  []float64     // canvas coordinate of each patch's pixel (0, 0)
}

// copied returns a copy.
func (s state) copied() state {
	c := state{object: clone(s.object), background: clone(s.background), intensity: clone(s.intensity), top: clone(s.top), left: clone(s.left)}
	for _, mode := range s.probe {
		c.probe = append(c.probe, clone(mode))
	}
	return c
}

// set copies from, which has the same sizes, into the memory of s.
func (s state) set(from state) {
	copy(s.object, from.object)
	copy(s.background, from.background)
	copy(s.intensity, from.intensity)
	copy(s.top, from.top)
	copy(s.left, from.left)
	for m, mode := range from.probe {
		copy(s.probe[m], mode)
	}
}

// begin begins an iteration with a copy of the state in began, whose memory it uses again: an image may need a large part of the
// machine's.
func (v *solver) begin(began *state) {
	if began.object == nil {
		*began = v.copied()
	} else {
		began.set(v.state)
	}
	v.before = began.object
}

func clone[T any](x []T) []T { return append([]T(nil), x...) }
