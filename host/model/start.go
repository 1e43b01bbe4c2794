package model

import (
	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/physics"
)

// Start returns a function that computes the start of a pattern [N·N] of counts, without its 1: the network corrects the object 1 + start.
// It serves one goroutine. It is nil for a network that corrects a constant object.
func (m *Model) Start() func(counts []float32) []complex64 {
	if m.Config.Start != arch.BackProjection {
		return nil
	}
	first := make([]complex128, m.Probe.N*m.Probe.N)
	for i := range first {
		first[i] = complex128(m.Probe.Modes[i])
	}
	projector := physics.NewBackProjector(first, m.Probe.N, backProjectionEpsilon(m.Program))
	b, b0 := make([]complex128, len(first)), make([]complex128, len(first))
	projector.Project(b0, m.Probe.flatPattern(make([]float32, len(b0))))
	k := make([]float64, len(first))
	return func(counts []float32) []complex64 {
		for i, v := range counts {
			k[i] = float64(v)
		}
		projector.Project(b, k)
		out := make([]complex64, len(b))
		for i, v := range b {
			out[i] = complex64(v - b0[i])
		}
		return out
	}
}
