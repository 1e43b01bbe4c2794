package golden

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// seeds is the number of draws that are tried to find one far from kinks in all steps.
const seeds = 60

// The steps of the network are small, so that no ReLU or pool comes near its kink.
var (
	descent = rule{optimiser: backend.Optimiser{Kind: backend.SGD}, rate: 1e-3}
	moments = rule{optimiser: adam, rate: 1e-4}
)

// patternWeights are the weights of the batch; one pattern is padding.
var patternWeights = []float32{1, 0.5, 1, 0, 1.25, 1, 0.75, 1}

// network returns the default architecture with the narrowest layers, its results, and its weights after some steps.
func network() (object, error) {
	p, err := arch.Build(arch.Config{N: 16, BaseWidth: 1, FiltersScale: 1, Gridsize: 2})
	if err != nil {
		return nil, err
	}
	m, err := reference.New(p)
	if err != nil {
		return nil, err
	}
	var best *course
	for seed := range uint64(seeds) {
		c := &course{program: p, machine: m, margin: math.Inf(1)}
		if err := c.run(seed); err != nil {
			return nil, err
		}
		if best == nil || c.margin > best.margin {
			best = c
		}
	}
	return best.document()
}

// course holds the results of the network at its first weights, and the weights after steps.
type course struct {
	program    *program.Program
	machine    *reference.Machine
	margin     float64 // smallest distance to a kink in all steps
	given      map[string]*reference.Value
	values     map[string]*reference.Value
	gradients  map[string]*reference.Value
	loss       float64
	sgd, adam  map[string]*reference.Value
	names      []string // of parameters
	lossWeight map[string]float64
}

func (c *course) run(seed uint64) error {
	var err error
	if c.given, err = reference.RandomValues(c.program, groups, seed); err != nil {
		return err
	}
	for _, v := range c.given { // few digits
		for i, x := range v.Real {
			v.Real[i] = math.Round(x*1024) / 1024
		}
		for i, z := range v.Complex {
			v.Complex[i] = complex(math.Round(real(z)*1024)/1024, math.Round(imag(z)*1024)/1024)
		}
	}
	c.lossWeight = map[string]float64{arch.Deviance: 1}
	weights := map[string]*reference.Value{}
	for _, q := range c.program.Params {
		c.names, weights[q.Name] = append(c.names, q.Name), c.given[q.Name]
	}
	if c.values, c.loss, c.gradients, err = c.compute(c.given); err != nil {
		return err
	}
	if c.sgd, err = c.train(descent, weights, 1); err != nil {
		return err
	}
	c.adam, err = c.train(moments, weights, 3)
	return err
}

// compute computes values, loss and gradients, and updates the margin.
func (c *course) compute(given map[string]*reference.Value) (map[string]*reference.Value, float64, map[string]*reference.Value, error) {
	values, err := c.machine.Forward(groups, given)
	if err != nil {
		return nil, 0, nil, err
	}
	loss, cotangents := c.machine.LossSeeds(values, c.lossWeight, patternWeights, 0)
	gradients := c.machine.Backward(values, cotangents)
	c.margin = min(c.margin, c.lead(values))
	for _, name := range c.names {
		if !slices.ContainsFunc(flat(gradients[name]), func(x float64) bool { return x != 0 }) {
			c.margin = -1 // a dead layer would make the test meaningless
		}
	}
	return values, loss, gradients, nil
}

// lead returns the distance of the values to the nearest relevant kink: the smallest |x| at a ReLU, and the smallest
// difference of the two largest values in a pool's window. Pools read results of ReLUs, so windows of zeros are ignored:
// the ReLU stops the gradient of their ties.
func (c *course) lead(values map[string]*reference.Value) float64 {
	least := math.Inf(1)
	for _, op := range c.program.Ops {
		x := values[op.In[0]]
		switch op.Kind {
		case program.ReLU:
			for _, v := range x.Real {
				least = min(least, math.Abs(v))
			}
		case program.MaxPool2:
			w := x.Shape[3]
			for i := range values[op.Out].Real {
				row, col := i/(w/2), i%(w/2)
				at := 2*row*w + 2*col
				four := []float64{x.Real[at], x.Real[at+1], x.Real[at+w], x.Real[at+w+1]}
				slices.Sort(four)
				if four[3] > 0 {
					least = min(least, four[3]-four[2])
				}
			}
		}
	}
	return least
}

func (c *course) train(r rule, weights map[string]*reference.Value, steps int) (map[string]*reference.Value, error) {
	u := newUpdate(r, c.names, weights)
	for range steps {
		given := map[string]*reference.Value{}
		for name, v := range c.given {
			given[name] = v
		}
		for name, v := range u.weights {
			given[name] = v
		}
		_, _, gradients, err := c.compute(given)
		if err != nil {
			return nil, err
		}
		if err := u.step(gradients); err != nil {
			return nil, err
		}
	}
	return u.weights, nil
}

func (c *course) document() (object, error) {
	p := c.program
	var inputs, buffers, scalars list
	for _, in := range p.Inputs {
		inputs = append(inputs, named(in.Name, c.given[in.Name]))
	}
	for _, b := range p.Buffers {
		buffers = append(buffers, named(b.Name, c.given[b.Name]))
	}
	for _, s := range p.Scalars {
		scalars = append(scalars, named(s.Name, c.values[s.Value]))
	}
	return object{
		{"groups", groups},
		{"program", programDocument(p)},
		{"inputs", inputs},
		{"buffers", buffers},
		{"parameters", arrays(c.names, c.given)},
		{"pattern_weights", patternWeights},
		{"loss_weights", c.lossWeight},
		{"margin", c.margin},
		{"patches", array(c.values[program.Patches])},
		{"merged", array(c.values[arch.Merged])},
		{"lambda", array(c.values["lambda"])},
		{"scalars", scalars},
		{"loss", c.loss},
		{"gradients", arrays(c.names, c.gradients)},
		{"after_1_step", append(descent.settings(), field{"parameters", arrays(c.names, c.sgd)})},
		{"after_3_steps", append(moments.settings(), field{"parameters", arrays(c.names, c.adam)})},
	}, nil
}

// programDocument returns the program as it is sent to a backend, one item per line.
func programDocument(p *program.Program) object {
	return object{
		{"name", p.Name}, {"n", p.N}, {"group", p.Group},
		{"inputs", lines(p.Inputs)}, {"params", lines(p.Params)}, {"buffers", lines(p.Buffers)}, {"ops", lines(p.Ops)},
		{"scalars", lines(p.Scalars)}, {"outputs", lines(p.Outputs)},
	}
}

func lines[T any](all []T) list {
	var out list
	for _, v := range all {
		out = append(out, v)
	}
	return out
}
