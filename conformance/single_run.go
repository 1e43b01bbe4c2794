package conformance

import (
	"fmt"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// examples returns the programs that test an operation alone.
func examples(k program.OpKind) []*single {
	small, large := newSingle(k, "small", 3, 2), newSingle(k, "large", 1, 3)
	for _, family := range []map[program.OpKind]func(small, large *single){pointwiseExamples, structureExamples, networkExamples, physicsExamples, lossExamples} {
		if build, ok := family[k]; ok {
			build(small, large)
		}
	}
	out := []*single{small}
	if len(large.shown) > 0 {
		out = append(out, large)
	}
	return out
}

// alone compares the value of an operation and the gradient of each operand with core/reference, without other operations that
// could hide a difference.
func (s *subject) alone(k program.OpKind) error {
	all := examples(k)
	for _, e := range all {
		if err := s.lists(e.p); err != nil {
			return err
		}
	}
	if err := s.need(backend.CanInspect); err != nil {
		return err
	}
	for _, e := range all {
		if err := s.agreesAlone(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) agreesAlone(e *single) error {
	w := e.work()
	look, ref, want, err := s.openToLook(w)
	if err != nil {
		return err
	}
	got, err := look.Forward(s.ctx, ref, e.shown...)
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	for _, name := range e.shown {
		if err := s.compare(OperationValue, fmt.Sprintf("the value of %s alone, example %q", e.kind, name), got[name], want.values[name], 0); err != nil {
			return err
		}
	}
	_, grads, err := look.Gradient(s.ctx, ref)
	if err != nil && s.withoutGradients(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("gradient: %w", err)
	}
	for _, q := range e.p.Params {
		v := want.grads[q.Name]
		if v == nil {
			v = reference.NewValue(q.Kind, q.Shape)
		}
		g, ok := grads[q.Name]
		if !ok {
			return fmt.Errorf("the gradient of %s to %q is missing", e.kind, q.Name)
		}
		if err := s.compare(OperationGradient, fmt.Sprintf("the gradient of %s alone, whose value agrees, to %q", e.kind, q.Name), g, v, 0); err != nil {
			return s.located(w, err)
		}
	}
	return nil
}

// lists excludes the case when the program has an operation that the backend does not list.
func (s *subject) lists(p *program.Program) error {
	for _, op := range p.Ops {
		if !slices.Contains(s.info.Operations, op.Kind) {
			return &skip{fmt.Sprintf("the backend does not list the operation %s", op.Kind), "operation " + string(op.Kind)}
		}
	}
	return nil
}
