package backend

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
)

// The parts of arrays, in addition to the slots of the state.
const (
	inputPart    = "input"    // of the program
	valuePart    = "value"    // of the program
	gradientPart = "gradient" // of a parameter
	planPart     = "plan"     // numbers of a plan
)

// The arrays of a plan.
var (
	patternWeights = engine.Array{Part: planPart, Name: "pattern weights"} // [B·C] of the device
	seeds          = engine.Array{Part: planPart, Name: "seeds"}           // [losses], factors in the cost
	ruleNumbers    = engine.Array{Part: planPart, Name: "rule"}            // [parameter groups, coefficients], float64
	clipLimit      = engine.Array{Part: planPart, Name: "limit"}           // float64
	emaDecay       = engine.Array{Part: planPart, Name: "decay"}           // float64
	knownLoss      = engine.Array{Part: planPart, Name: "loss"}            // float64, of the micro-batches before an update
	scalarValues   = engine.Array{Part: planPart, Name: "scalars"}         // [scalars, B·C] of the device
	outcome        = engine.Array{Part: planPart, Name: "outcome"}         // float64 [3]: norm, clipped, finite
)

// maxFunctions is how many compiled functions a session keeps. A run needs three, for steps, evaluation and prediction, and
// further ones if the last batch of an epoch is smaller.
const maxFunctions = 24

// function returns the compiled function for a key, and compiles it on first use: one for each shape. groups is the number of
// groups on each device; what describes the function in the log.
func (s *session) function(key, what string, groups int, training bool, build func(b *engine.Builder) error) (*engine.Function, error) {
	if f := s.functions[key]; f != nil {
		return f, nil
	}
	if err := s.fits(groups, training); err != nil {
		return nil, err
	}
	if len(s.functions) >= maxFunctions {
		for _, f := range s.functions {
			f.Close()
		}
		clear(s.functions)
	}
	slog.Debug("compiling", "function", key)
	s.progress(backend.Event{Phase: "compile", Message: what})
	began := time.Now()
	f, err := s.client.Compile(s.program.Name, build)
	if err != nil {
		return nil, err
	}
	s.progress(backend.Event{Phase: "compile", Message: what, Done: 1, Total: 1, Seconds: time.Since(began).Seconds()})
	s.functions[key] = f
	return f, nil
}

// what describes a function in the log.
func (s *session) what(does string, groups int) string {
	text := fmt.Sprintf("%s of %d patterns", does, groups*s.program.Group)
	if n := s.client.Devices(); n > 1 {
		text += fmt.Sprintf(" on each of %d devices", n)
	}
	return text
}

// declareInputs declares the weights, buffers and inputs that the named values read, for a number of groups on each device. It
// returns the nodes of the parameters.
func (s *session) declareInputs(b *engine.Builder, l *lowering, groups int, donate bool, also []string, values ...string) map[string]*G.Node {
	read := s.program.Read(values...)
	for _, name := range also {
		read[name] = true
	}
	params := map[string]*G.Node{}
	for _, q := range s.program.Params {
		if read[q.Name] {
			params[q.Name] = b.Parameter(part(backend.Weights, q.Name), s.stored(q.Name, 1), donate && q.Trainable)
			l.Give(q.Name, params[q.Name])
		}
	}
	for _, q := range s.program.Buffers {
		if read[q.Name] {
			l.Give(q.Name, b.Parameter(part(backend.Buffers, q.Name), s.stored(q.Name, 1), false))
		}
	}
	for _, in := range s.program.Inputs {
		if read[in.Name] {
			l.Give(in.Name, b.Parameter(engine.Array{Part: inputPart, Name: in.Name}, s.stored(in.Name, groups), false))
		}
	}
	return params
}

// forwardFunction returns the function that computes named values.
func (s *session) forwardFunction(groups int, values []string) (*engine.Function, error) {
	return s.function(fmt.Sprintf("forward of %d groups: %q", groups, values), s.what("predictions", groups), groups, false, func(b *engine.Builder) error {
		l, err := newLowering(b.Graph, s.program, groups, s.dtype)
		if err != nil {
			return err
		}
		s.declareInputs(b, l, groups, false, nil, values...)
		if err := l.Run(values...); err != nil {
			return err
		}
		for _, v := range values {
			b.Result(engine.Array{Part: valuePart, Name: v}, l.Stored(v))
		}
		return nil
	})
}

// backward lowers the scalars and their gradients. It returns the weights, and the cost and the gradients of params for the
// groups on this device.
func (s *session) backward(b *engine.Builder, groups int, losses, params []string, donate bool) (cost *G.Node, weights, grads []*G.Node, err error) {
	l, err := newLowering(b.Graph, s.program, groups, s.dtype)
	if err != nil {
		return nil, nil, nil, err
	}
	scalars := s.program.ScalarValues()
	given := s.declareInputs(b, l, groups, donate, params, scalars...)
	if err := l.Run(scalars...); err != nil {
		return nil, nil, nil, err
	}
	patterns := groups * s.program.Group
	weight := b.Parameter(patternWeights, shapes.Make(s.dtype, patterns), false)
	factors := b.Parameter(seeds, shapes.Make(s.dtype, len(losses)), false)
	cost = G.ScalarZero(b.Graph, s.dtype)
	for i, v := range s.program.LossValues(losses...) {
		each := G.Reshape(l.Stored(v), patterns)
		each = G.Where(G.Equal(weight, G.ZerosLike(weight)), G.ZerosLike(each), G.Mul(weight, each))
		cost = G.Add(cost, G.Mul(G.Reshape(G.SliceAxis(factors, 0, G.AxisElem(i))), G.ReduceAllSum(each)))
	}
	rows := make([]*G.Node, len(scalars))
	for i, v := range scalars {
		rows[i] = G.Reshape(l.Stored(v), 1, patterns)
	}
	b.Result(scalarValues, G.Concatenate(rows, 0))

	flows := s.program.Reached(s.program.LossValues(losses...)...)
	var reached []*G.Node
	for _, name := range params {
		if flows[name] {
			reached = append(reached, given[name])
		}
	}
	var found []*G.Node
	if len(reached) > 0 {
		found = G.Gradient(cost, reached...)
	}
	for _, name := range params {
		weights = append(weights, given[name])
		if flows[name] {
			grads, found = append(grads, found[0]), found[1:]
		} else {
			grads = append(grads, G.ZerosLike(given[name]))
		}
	}
	return cost, weights, grads, nil
}

// gradientFunction returns the function that computes scalars and gradients. With add it adds the gradients to those of
// earlier micro-batches.
func (s *session) gradientFunction(groups int, losses, params []string, add bool) (*engine.Function, error) {
	key := fmt.Sprintf("gradient of %d groups: %q %q %v", groups, losses, params, add)
	return s.function(key, s.what("the gradient", groups), groups, true, func(b *engine.Builder) error {
		_, _, grads, err := s.backward(b, groups, losses, params, false)
		if err != nil {
			return err
		}
		for i, name := range params {
			a := engine.Array{Part: gradientPart, Name: name}
			if add {
				grads[i] = G.Add(b.Parameter(a, s.stored(name, 1), true), grads[i])
			}
			b.Result(a, grads[i])
		}
		return nil
	})
}

// shardGradient returns the name of the gradient of a parameter for the shards of a round.
func shardGradient(round int, name string) engine.Array {
	return engine.Array{Part: fmt.Sprintf("%s of round %d", gradientPart, round), Name: name}
}

// sumFunction returns the function that adds the gradients of shards. With add it adds their sum to the gradients of earlier
// micro-batches.
func (s *session) sumFunction(shards, rounds int, params []string, add bool) (*engine.Function, error) {
	key := fmt.Sprintf("sum of %d shards in %d rounds: %q %v", shards, rounds, params, add)
	return s.function(key, fmt.Sprintf("the sum of the gradients of %d shards", shards), 0, true, func(b *engine.Builder) error {
		each := make([][]*G.Node, rounds)
		for r := range each {
			for _, name := range params {
				each[r] = append(each[r], b.Parameter(shardGradient(r, name), s.stored(name, 1), false))
			}
		}
		sums := b.Sum(shards, each...)
		for i, name := range params {
			a := engine.Array{Part: gradientPart, Name: name}
			if add {
				sums[i] = G.Add(b.Parameter(a, s.stored(name, 1), true), sums[i])
			}
			b.Result(a, sums[i])
		}
		return nil
	})
}

// ruleKey names the settings of a plan that change the graph of an update. The numbers of the plan are inputs.
func ruleKey(p backend.StepPlan) string {
	return fmt.Sprintf("%s momentum %v nesterov %v clip %q ema %v", p.Optimiser.Kind, p.Optimiser.Momentum != 0, p.Optimiser.Nesterov, p.Clip.Kind, p.EMADecay > 0)
}

// stepFunction returns the function of an optimiser step on one batch.
func (s *session) stepFunction(groups int, losses, params []string, p backend.StepPlan) (*engine.Function, error) {
	key := fmt.Sprintf("step of %d groups: %q %s", groups, losses, ruleKey(p))
	return s.function(key, s.what("a step", groups), groups, true, func(b *engine.Builder) error {
		cost, weights, grads, err := s.backward(b, groups, losses, params, true)
		if err != nil {
			return err
		}
		s.update(b, p, params, weights, grads, G.ConvertDType(cost, dtypes.Float64))
		return nil
	})
}

// updateFunction returns the function that ends a step after its gradients were accumulated.
func (s *session) updateFunction(params []string, p backend.StepPlan) (*engine.Function, error) {
	return s.function("update: "+ruleKey(p), "the update", 0, true, func(b *engine.Builder) error {
		var weights, grads []*G.Node
		for _, name := range params {
			weights = append(weights, b.Parameter(part(backend.Weights, name), s.stored(name, 1), true))
			grads = append(grads, b.Parameter(engine.Array{Part: gradientPart, Name: name}, s.stored(name, 1), false))
		}
		loss := b.Parameter(knownLoss, shapes.Make(dtypes.Float64), false)
		s.update(b, p, params, weights, grads, loss)
		return nil
	})
}

// update clips the gradients and writes the new state, or the old state if a gradient or the loss is not finite.
func (s *session) update(b *engine.Builder, p backend.StepPlan, params []string, weights, grads []*G.Node, loss *G.Node) {
	wide := func(a engine.Array, dims ...int) *G.Node {
		return b.Parameter(a, shapes.Make(dtypes.Float64, dims...), false)
	}
	norm := gradientNorm(grads...)
	finite := G.LogicalAnd(G.IsFinite(norm), G.IsFinite(loss))
	clipped := G.Const(b.Graph, false)
	if p.Clip.Kind != backend.ClipNone {
		grads, clipped = clip(p.Clip.Kind, wide(clipLimit), norm, weights, grads)
	}
	groups := s.parameterGroups()
	numbers := wide(ruleNumbers, len(groups), coefficients)
	optimiser, rules := optimiserRule{Optimiser: p.Optimiser}, map[string]updateRule{}
	for i, g := range groups {
		rules[g] = optimiser.Rule(G.Reshape(G.SliceAxis(numbers, 0, G.AxisElem(i)), coefficients), s.dtype)
	}
	var decay *G.Node
	if p.EMADecay > 0 {
		decay = wide(emaDecay)
	}
	for i, name := range params {
		q, _ := s.program.Param(name)
		var state []*G.Node
		for _, slot := range optimiser.Slots() {
			state = append(state, b.Parameter(part(slot, name), s.stored(name, 1), true))
		}
		w, fresh := rules[q.Group].Update(weights[i], grads[i], state...)
		w = G.Where(finite, w, weights[i])
		b.Result(part(backend.Weights, name), w)
		for j, slot := range optimiser.Slots() {
			b.Result(part(slot, name), G.Where(finite, fresh[j], state[j]))
		}
		if decay != nil {
			average := b.Parameter(part(backend.EMA, name), s.stored(name, 1), true)
			b.Result(part(backend.EMA, name), G.Where(finite, movingAverage(average, w, decay), average))
		}
	}
	flag := func(n *G.Node) *G.Node { return G.ConvertDType(n, dtypes.Float64) }
	b.Result(outcome, G.Stack([]*G.Node{norm, flag(clipped), flag(finite)}, 0))
}

// parameterGroups lists the groups of trainable parameters in the order of their first member.
func (s *session) parameterGroups() []string {
	var out []string
	seen := map[string]bool{}
	for _, q := range s.program.Params {
		if q.Trainable && !seen[q.Group] {
			seen[q.Group] = true
			out = append(out, q.Group)
		}
	}
	return out
}
