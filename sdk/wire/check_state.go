package wire

import (
	"maps"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// history records what a session's state can contain, given what the host has set and requested.
type history struct {
	set       map[backend.Slot][]string // names in each slot that the host set; nil: nothing was set
	notFinite bool                      // the host itself set numbers that are not finite
	least     int64                     // lower limit of the steps done
	most      int64                     // upper limit of the steps done
	allowed   []backend.Slot            // slots in addition to those that were set
	required  []backend.Slot            // slots that must be complete for the trainable parameters, since a step has used them
}

// replaced records a state that the plugin has accepted.
func (h *history) replaced(st backend.State) {
	*h = history{set: map[backend.Slot][]string{}, least: st.Step, most: st.Step}
	for slot, arrays := range st.Slots {
		h.set[slot] = slices.Collect(maps.Keys(arrays))
		for _, t := range arrays {
			if _, _, found := firstNotFinite(t, nil); found {
				h.notFinite = true
			}
		}
	}
}

// slotsOf returns the slots that a step of a plan writes, in addition to the weights.
func slotsOf(p backend.StepPlan) []backend.Slot {
	slots := optim.Slots(p.Optimiser)
	if p.EMADecay > 0 {
		slots = append(slices.Clone(slots), backend.EMA)
	}
	return slots
}

// requested records a plan before it is sent: from then on, any number of its steps may have been done.
func (h *history) requested(p backend.StepPlan) {
	h.allowed = append(h.allowed, slotsOf(p)...)
	for _, st := range p.Steps {
		h.least, h.most = min(h.least, st.Number), max(h.most, st.Number)
	}
}

// done records the last step of a plan that ended well (0: none).
func (h *history) done(p backend.StepPlan, before history, last int64) {
	h.least, h.most = before.least, before.most
	if last > 0 {
		h.least, h.most, h.required = last, last, slotsOf(p)
	}
}

// known lists the slots of the contract.
var known = []backend.Slot{backend.Weights, backend.Moment1, backend.Moment2, backend.Velocity, backend.EMA, backend.Buffers}

// checkStateHead compares the description of a state with the program and with the history.
func (e *expectation) checkStateHead(m *pb.StateHead, session uint64, h *history) error {
	const op = "state"
	switch {
	case m.GetSession() != session:
		return breach(op, "session", "is %d, expected %d", m.GetSession(), session)
	case m.GetStep() < h.least || m.GetStep() > h.most:
		return breach(op, "step", "is %d, expected %s", m.GetStep(), between(h.least, h.most))
	case len(m.GetSlots()) > len(known):
		return breach(op, "slots", "has %d entries, expected at most %d", len(m.GetSlots()), len(known))
	}
	have := map[backend.Slot]map[string]bool{}
	for _, s := range m.GetSlots() {
		slot := backend.Slot(s.GetName())
		_, wasSet := h.set[slot]
		switch {
		case !slices.Contains(known, slot) || have[slot] != nil:
			return breach(op, "name", "of a slot is %s, expected one of %v, each once", quoted(s.GetName()), known)
		case h.set != nil && !wasSet && !slices.Contains(h.allowed, slot):
			return breach(op, "slots", "has the slot %s, which neither the state that was set nor the optimiser has", slot)
		}
		var err error
		if have[slot], err = e.checkSlot(slot, s.GetTensors()); err != nil {
			return err
		}
	}
	return e.checkComplete(have, h)
}

func between(least, most int64) string {
	if least == most {
		return fmtInt(least)
	}
	return fmtInt(least) + " to " + fmtInt(most)
}

// checkSlot compares the arrays of a slot with the parameters or buffers of the program.
func (e *expectation) checkSlot(slot backend.Slot, list []*pb.NamedTensor) (map[string]bool, error) {
	const op = "state"
	most := len(e.program.Params) + len(e.program.Buffers)
	if len(list) > most {
		return nil, breach(op, "tensors", "of the slot %s are %d, expected at most %d", slot, len(list), most)
	}
	// A backend may keep its state in higher precision than it computes in, as the reference does.
	stored := expectation{dtype: tensor.Invalid}
	have := map[string]bool{}
	for _, t := range list {
		kind, shape, ok := e.holds(slot, t.GetName())
		if !ok || have[t.GetName()] {
			return nil, breach(op, "name", "of an array of the slot %s is %s, expected names of the program, each once", slot, quoted(t.GetName()))
		}
		have[t.GetName()] = true
		if err := array(op, string(slot)+" of "+t.GetName(), t.GetTensor(), stored.element(kind), shape); err != nil {
			return nil, err
		}
	}
	return have, nil
}

// holds returns the kind and shape that a slot has for a name.
func (e *expectation) holds(slot backend.Slot, name string) (program.Kind, []int, bool) {
	if slot == backend.Buffers {
		for _, b := range e.program.Buffers {
			if b.Name == name {
				return b.Kind, b.Shape, true
			}
		}
		return "", nil, false
	}
	q, ok := e.program.Param(name)
	return q.Kind, q.Shape, ok
}

// checkComplete finds arrays that are missing in the state: those that were set, and those that an optimiser step creates.
func (e *expectation) checkComplete(have map[backend.Slot]map[string]bool, h *history) error {
	for slot, names := range h.set {
		for _, name := range names {
			if !have[slot][name] {
				return breach("state", "tensors", "of the slot %s lack %s, which was set", slot, name)
			}
		}
	}
	for _, slot := range h.required {
		for _, name := range e.program.Trainable() {
			if !have[slot][name] {
				return breach("state", "tensors", "of the slot %s lack %s, which the optimiser has changed", slot, name)
			}
		}
	}
	return nil
}

// checkState checks the numbers of a state. A number that is not finite means that the network diverged, unless the host
// set one.
func (h *history) checkState(st backend.State) error {
	if h.notFinite {
		return nil
	}
	for _, slot := range slices.Sorted(maps.Keys(st.Slots)) {
		for _, name := range slices.Sorted(maps.Keys(st.Slots[slot])) {
			if i, v, found := firstNotFinite(st.Slots[slot][name], nil); found {
				return diverged("state", "%s of %s is %s at element %d after step %d: the state is not finite", slot, name, v, i, st.Step)
			}
		}
	}
	return nil
}

// newHistory returns the history of a session that has done no step.
func newHistory() *history { return &history{most: math.MaxInt64} }
