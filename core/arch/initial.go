package arch

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Initial draws the initial weights, float32, from the seed. Each parameter has its own random stream, selected by its
// name, so that adding a layer does not change the others. The host draws all random numbers of a run.
func Initial(p *program.Program, seed uint64) (map[string]tensor.Tensor, error) {
	out := make(map[string]tensor.Tensor, len(p.Params))
	for _, q := range p.Params {
		if q.Kind != program.Real {
			return nil, fmt.Errorf("arch: parameter %s: complex parameters cannot be initialised", q.Name)
		}
		w := make([]float32, program.Count(q.Shape))
		h := fnv.New64a()
		h.Write([]byte(q.Name))
		rng := rand.New(rand.NewPCG(seed, h.Sum64()))
		factor := q.Init.Value
		if factor == 0 {
			factor = 1
		}
		fanIn, fanOut := fans(q.Shape)
		switch q.Init.Kind {
		case program.Constant:
			for i := range w {
				w[i] = float32(q.Init.Value)
			}
		case program.HeNormal:
			sigma := factor * math.Sqrt(2/fanIn)
			for i := range w {
				w[i] = float32(sigma * rng.NormFloat64())
			}
		case program.GlorotUniform:
			limit := factor * math.Sqrt(6/(fanIn+fanOut))
			for i := range w {
				w[i] = float32(limit * (2*rng.Float64() - 1))
			}
		case program.KaimingUniform:
			limit := factor / math.Sqrt(fanIn)
			for i := range w {
				w[i] = float32(limit * (2*rng.Float64() - 1))
			}
		default:
			return nil, fmt.Errorf("arch: parameter %s: unknown initialisation %q", q.Name, q.Init.Kind)
		}
		t, err := tensor.New(w, q.Shape...)
		if err != nil {
			return nil, err
		}
		out[q.Name] = t
	}
	return out, nil
}

// fans returns the inputs and outputs of one unit: for a convolution [co, ci, kh, kw], ci·kh·kw and co·kh·kw.
func fans(shape []int) (in, out float64) {
	if len(shape) < 2 {
		return 1, 1
	}
	field := 1.0
	for _, d := range shape[2:] {
		field *= float64(d)
	}
	return float64(shape[1]) * field, float64(shape[0]) * field
}
