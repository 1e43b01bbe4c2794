package conformance

import (
	"fmt"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// optimises has the cases about parameters whose size or numbers are unusual.
var optimises = []Case{
	{Learns, "train/wide/adam", "both moments, the moving average and clipping cover every element of parameters of 65 535, on three threads and in micro-batches", wideSteps(adam)},
	{Learns, "train/wide/momentum", "the velocity covers every element of parameters of 65 535, on three threads and in micro-batches", wideSteps(backend.Optimiser{Kind: backend.SGD, Momentum: 0.9, WeightDecay: 0.1})},
	{Learns, "train/ledger/clip-floor", "adaptive clipping takes weights of a norm below 1e-3 as 1e-3, also weights of 0", withOracle(clipsSmall, backend.CanTrain)},
}

// wide returns a program with two parameters that are larger than what an engine updates at a time, and end with a part of it.
func wide() *work {
	const rows, columns, groups = 255, 257, 2 // one element less than a power of two
	p := &program.Program{Name: "wide", N: 8, Group: 1}
	w := &work{program: p, groups: groups, given: map[string]*reference.Value{}, order: []int32{2, 0}, weights: []float32{0.5, 1.25}}
	rng := rand.New(rand.NewPCG(4, 9))
	fill := func(name string, shape ...int) {
		v := reference.NewValue(program.Real, shape)
		for i := range v.Real {
			v.Real[i] = float64(float32(rng.Float64() + 0.25))
		}
		w.given[name] = v
	}
	p.Inputs = []program.Input{{Name: "field", Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1, rows, columns}}}}
	fill("field", groups, 1, rows, columns)
	for _, name := range []string{"gain", "shift"} {
		p.Params = append(p.Params, program.Param{Name: name, Kind: program.Real, Shape: []int{rows, columns}, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true})
		fill(name, rows, columns)
	}
	p.Ops = []program.Op{{Kind: program.Mul, Out: "gained", In: []string{"field", "gain"}}, {Kind: program.Add, Out: "shifted", In: []string{"gained", "shift"}},
		{Kind: program.Square, Out: "square", In: []string{"shifted"}}, {Kind: program.MeanPixels, Out: "mean", In: []string{"square"}}}
	p.Scalars = []program.Scalar{{Name: "mean", Value: "mean", Loss: true}}
	return w
}

func wideSteps(rule backend.Optimiser) func(*subject) error {
	return func(s *subject) error {
		if err := s.need(backend.CanTrain); err != nil {
			return err
		}
		w := wide()
		theirs, mine, err := s.openBothWith(w, func(o *backend.OpenOptions) { o.Threads = 3 })
		if err != nil {
			return err
		}
		p := plan(theirs.ref, rule, 0.1, 3)
		p.LossWeights = map[string]float64{"mean": 1000}
		p.Clip = backend.Clip{Kind: backend.ClipNorm, Limit: 2}
		p.Steps[1].Batches = []backend.Batch{w.part(1), w.batch(), w.part(0)}
		if s.info.Has(backend.CanEMA) {
			p.EMADecay = 0.5
		}
		return s.follow(theirs, mine, p, AdaptiveWeights)
	}
}

// clipsSmall sets some weights to 0 and others to a norm below the floor.
func clipsSmall(s *subject, theirs, mine runner, w *work) error {
	st := w.state()
	for name, factor := range map[string]float64{"scale": 0, "bias": 0, "gain": 1e-6} {
		v := *w.given[name]
		v.Real, v.Complex = scaled(v.Real, factor), scaled(v.Complex, complex(factor, 0))
		st.Slots[backend.Weights][name] = v.Tensor()
	}
	for _, r := range []runner{theirs, mine} {
		if err := r.session.SetState(s.ctx, st); err != nil {
			return fmt.Errorf("small weights: %w", err)
		}
	}
	for i, clip := range []float64{0.01, 10} {
		p := plan(theirs.ref, descent, 1e-2, 2)
		p.Clip = backend.Clip{Kind: backend.ClipAdaptive, Limit: clip}
		for j := range p.Steps {
			p.Steps[j].Number = int64(2*i + j + 1)
		}
		if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
			return fmt.Errorf("adaptive clipping to %v of small weights: %w", clip, err)
		}
	}
	return nil
}

func scaled[T float64 | complex128](list []T, by T) []T {
	var out []T
	for _, x := range list {
		out = append(out, T(by)*x)
	}
	return out
}
