package golden

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// rule is an optimiser with its settings for clipping and averaging.
type rule struct {
	note      string
	optimiser backend.Optimiser
	clip      backend.Clip
	rate      float64
	ema       float64
}

var adam = backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3}

var rules = []rule{
	{optimiser: backend.Optimiser{Kind: backend.SGD}, rate: 0.125},
	{note: "momentum", optimiser: backend.Optimiser{Kind: backend.SGD, Momentum: 0.75}, rate: 0.125},
	{note: "Nesterov's momentum", optimiser: backend.Optimiser{Kind: backend.SGD, Momentum: 0.75, Nesterov: true}, rate: 0.125},
	{note: "weight decay", optimiser: backend.Optimiser{Kind: backend.SGD, Momentum: 0.75, WeightDecay: 0.5}, rate: 0.125},
	{optimiser: adam, rate: 0.125},
	{note: "weight decay through the gradient", optimiser: decayed(adam, backend.Adam), rate: 0.125},
	{note: "weight decay apart from the gradient", optimiser: decayed(adam, backend.AdamW), rate: 0.125},
	{note: "clipped by the norm of all gradients", optimiser: backend.Optimiser{Kind: backend.SGD}, clip: backend.Clip{Kind: backend.ClipNorm, Limit: 1.5}, rate: 0.125},
	{note: "each element clipped", optimiser: backend.Optimiser{Kind: backend.SGD}, clip: backend.Clip{Kind: backend.ClipValue, Limit: 0.5}, rate: 0.125},
	{note: "each parameter clipped by the norm of its weights", optimiser: backend.Optimiser{Kind: backend.SGD}, clip: backend.Clip{Kind: backend.ClipAdaptive, Limit: 0.75}, rate: 0.125},
	{note: "a moving average of the weights", optimiser: adam, rate: 0.125, ema: 0.75},
}

func decayed(o backend.Optimiser, k backend.OptimiserKind) backend.Optimiser {
	o.Kind, o.WeightDecay = k, 0.5
	return o
}

// optimisers returns three steps of every rule from given gradients.
func optimisers() (object, error) {
	rng := stream("optimisers")
	kinds := map[string]program.Kind{"a": program.Real, "b": program.Complex, "c": program.Real}
	shapes := map[string][]int{"a": {2, 3}, "b": {2}, "c": {}}
	names := []string{"a", "b", "c"}
	draws := func() map[string]*reference.Value {
		out := map[string]*reference.Value{}
		for _, n := range names {
			out[n] = drawn(rng, kinds[n], shapes[n], signed)
		}
		return out
	}
	weights := draws()
	var gradients []map[string]*reference.Value
	var given list
	for range 3 {
		g := draws()
		gradients, given = append(gradients, g), append(given, arrays(names, g))
	}
	var cases list
	for _, r := range rules {
		w := newUpdate(r, names, weights)
		var after, averages list
		for _, g := range gradients {
			if err := w.step(g); err != nil {
				return nil, err
			}
			after, averages = append(after, arrays(names, w.weights)), append(averages, arrays(names, w.averages))
		}
		c := append(r.settings(), field{"after", after})
		if r.ema > 0 {
			c = append(c, field{"ema", averages})
		}
		cases = append(cases, c)
	}
	return object{{"weights", arrays(names, weights)}, {"gradients", given}, {"cases", cases}}, nil
}

func (r rule) settings() object {
	o := r.optimiser
	doc := object{}
	if r.note != "" {
		doc = append(doc, field{"note", r.note})
	}
	doc = append(doc, field{"optimiser", string(o.Kind)}, field{"learning_rate", r.rate}, field{"weight_decay", o.WeightDecay})
	if o.Kind == backend.SGD {
		doc = append(doc, field{"momentum", o.Momentum}, field{"nesterov", o.Nesterov})
	} else {
		doc = append(doc, field{"beta1", o.Beta1}, field{"beta2", o.Beta2}, field{"epsilon", o.Epsilon})
	}
	if r.clip.Kind != backend.ClipNone {
		doc = append(doc, field{"clip", string(r.clip.Kind)}, field{"clip_limit", r.clip.Limit})
	}
	if r.ema > 0 {
		doc = append(doc, field{"ema_decay", r.ema})
	}
	return doc
}

func arrays(names []string, m map[string]*reference.Value) list {
	var out list
	for _, n := range names {
		out = append(out, named(n, m[n]))
	}
	return out
}

// update holds the weights during the steps of a rule. flat has all numbers, complex ones as pairs.
type update struct {
	rule     rule
	names    []string
	weights  map[string]*reference.Value
	averages map[string]*reference.Value
	slots    map[string][][]float64
	steps    int64
}

func newUpdate(r rule, names []string, weights map[string]*reference.Value) *update {
	u := &update{rule: r, names: names, weights: map[string]*reference.Value{}, averages: map[string]*reference.Value{}, slots: map[string][][]float64{}}
	for _, n := range names {
		v := weights[n]
		u.weights[n], u.averages[n] = unflatten(v, flat(v)), unflatten(v, flat(v))
		for range optim.Slots(r.optimiser) {
			u.slots[n] = append(u.slots[n], make([]float64, len(flat(v))))
		}
	}
	return u
}

func (u *update) step(gradients map[string]*reference.Value) error {
	u.steps++
	var w, g [][]float64
	for _, n := range u.names {
		if gradients[n] == nil {
			return fmt.Errorf("golden: the gradient of %s is missing", n)
		}
		w, g = append(w, flat(u.weights[n])), append(g, flat(gradients[n]))
	}
	optim.Bound(u.rule.clip, optim.Norm(g...), w, g)
	for i, n := range u.names {
		optim.Update(optim.At(u.rule.optimiser, u.steps, u.rule.rate), w[i], g[i], u.slots[n]...)
		u.weights[n] = unflatten(u.weights[n], w[i])
		average := flat(u.averages[n])
		optim.Average(average, w[i], u.rule.ema)
		u.averages[n] = unflatten(u.averages[n], average)
	}
	return nil
}

// flat copies numbers out, complex ones as pairs. unflatten is the inverse.
func flat(v *reference.Value) []float64 {
	out := append([]float64{}, v.Real...)
	for _, z := range v.Complex {
		out = append(out, real(z), imag(z))
	}
	return out
}

func unflatten(like *reference.Value, from []float64) *reference.Value {
	v := reference.NewValue(like.Kind, like.Shape)
	copy(v.Real, from)
	for i := range v.Complex {
		v.Complex[i] = complex(from[2*i], from[2*i+1])
	}
	return v
}
