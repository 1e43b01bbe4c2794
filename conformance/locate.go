package conformance

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// probed returns the work with a parameter of zeros added to the result of every operation. The gradient to it is that to the
// result, summed over the groups of the batch.
func (w *work) probed() (*work, map[string]string, error) {
	types, err := w.program.Types()
	if err != nil {
		return nil, nil, err
	}
	p, out := *w.program, *w
	p.Params, p.Ops = slices.Clone(p.Params), nil
	out.program, out.given = &p, maps.Clone(w.given)
	probes := map[string]string{}
	for _, op := range w.program.Ops {
		t := types[op.Out]
		shape := t.Shape.At(1)
		if len(t.Shape) > 0 && t.Shape[0] < 0 {
			shape = shape[1:]
		}
		name, before := op.Out+", gradient", op.Out+", before its gradient"
		zeros := reference.NewValue(t.Kind, append([]int{}, shape...))
		p.Params = append(p.Params, program.Param{Name: name, Kind: t.Kind, Shape: zeros.Shape, Init: program.Init{Kind: program.Constant}, Trainable: true})
		out.given[name], probes[op.Out] = zeros, name
		after := program.Op{Kind: program.Add, Out: op.Out, In: []string{before, name}}
		op.Out = before
		p.Ops = append(p.Ops, op, after)
	}
	return &out, probes, nil
}

// located adds to an error about a gradient the name of the operation at which the gradients begin to differ: the gradient to its
// result agrees, that to an operand does not.
func (s *subject) located(w *work, differs error) error {
	q, probes, err := w.probed()
	if err != nil || s.lists(q.program) != nil {
		return differs
	}
	session, ref, err := s.open(q, 1)
	if err != nil {
		return differs
	}
	look, err := inspector(session)
	if err != nil {
		return differs
	}
	want, err := q.truth(ref)
	if err != nil {
		return differs
	}
	_, grads, err := look.Gradient(s.ctx, ref)
	if err != nil {
		return differs
	}
	agrees := func(param string) bool {
		v, kind := want.grads[param], q.given[param]
		if v == nil {
			v = reference.NewValue(kind.Kind, kind.Shape)
		}
		_, err := differ(param, grads[param], v, limit(OperationGradient, s.dtype()), 1e-6)
		return err == nil
	}
	for _, op := range slices.Backward(w.program.Ops) {
		if !agrees(probes[op.Out]) {
			continue
		}
		for _, j := range program.Differentiable(op.Kind, len(op.In)) {
			operand := op.In[j]
			if name, made := probes[operand]; made {
				operand = name
			} else if _, isParam := w.program.Param(operand); !isParam {
				continue
			}
			if _, computed := grads[operand]; computed && !agrees(operand) {
				return fmt.Errorf("%w; the gradient to the result of %s (%s) agrees, that to its operand %s does not: the gradient of %s differs", differs, op.Kind, op.Out, op.In[j], op.Kind)
			}
		}
	}
	return fmt.Errorf("%w; the gradient agrees when every result is also read by an addition: an operation differs only together with the one after it", differs)
}
