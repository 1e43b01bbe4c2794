package solve

// snapshot is a copy of the state that the engines change.
type snapshot struct {
	object     []complex64
	probe      [][]complex64
	background []float32
	intensity  []float32
	top, left  []float64
}

func (v *solver) snapshot() snapshot {
	s := snapshot{object: clone(v.object), background: clone(v.background), intensity: clone(v.intensity), top: clone(v.top), left: clone(v.left)}
	for _, mode := range v.probe {
		s.probe = append(s.probe, clone(mode))
	}
	return s
}

// begin begins an iteration with a snapshot, whose memory it uses again: an image may need a large part of the machine's.
func (v *solver) begin(s *snapshot) {
	if s.object == nil {
		*s = v.snapshot()
	}
	v.before = s.object
	copy(s.object, v.object)
	copy(s.background, v.background)
	copy(s.intensity, v.intensity)
	copy(s.top, v.top)
	copy(s.left, v.left)
	for m, mode := range v.probe {
		copy(s.probe[m], mode)
	}
}

func (v *solver) restore(s snapshot) {
	copy(v.object, s.object)
	copy(v.background, s.background)
	copy(v.intensity, s.intensity)
	copy(v.top, s.top)
	copy(v.left, s.left)
	for m, mode := range s.probe {
		copy(v.probe[m], mode)
	}
}

// exchange exchanges the state with that of a snapshot.
func (v *solver) exchange(s snapshot) {
	swap(v.object, s.object)
	swap(v.background, s.background)
	swap(v.intensity, s.intensity)
	swap(v.top, s.top)
	swap(v.left, s.left)
	for m, mode := range s.probe {
		swap(v.probe[m], mode)
	}
}

func swap[T any](a, b []T) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

func clone[T any](x []T) []T { return append([]T(nil), x...) }
