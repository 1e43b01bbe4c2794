package model

import (
	"math/cmplx"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// The start that the host computes is that of the program, with several modes.
func TestStart_IsThatOfProgram(t *testing.T) {
	c := arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Modes: 2, Start: arch.BackProjection}
	p, err := arch.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	given, err := reference.RandomValues(p, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := reference.New(p)
	if err != nil {
		t.Fatal(err)
	}
	values, err := r.Forward(1, given)
	if err != nil {
		t.Fatal(err)
	}
	m := &Model{Config: c, Program: p, Probe: Probe{N: 16, Count: 2}}
	for _, v := range given[program.Probe].Complex {
		m.Probe.Modes = append(m.Probe.Modes, complex64(v))
	}
	start := m.Start()
	for pattern := range 4 {
		got := start(single(given[program.Counts].Real[pattern*256:][:256]))
		for i, z := range got {
			want := values["object.start"].Complex[pattern*256+i]
			if cmplx.Abs(complex128(z)-want) > 1e-5*(1+cmplx.Abs(want)) {
				t.Fatalf("pattern %d, pixel %d starts as %v, want %v", pattern, i, z, want)
			}
		}
	}
	m.Config.Start = ""
	if m.Start() != nil {
		t.Error("a network that corrects the empty beam has a start")
	}
}

func single(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
