package wire

import (
	"strconv"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// checkPatches compares the description of patches with the batch of the plan.
func (e *expectation) checkPatches(m *pb.Patches, i int, p backend.ReconPlan) error {
	const op = "reconstruct"
	if err := checkBatch(op, m.GetBatch(), i, p.Batches); err != nil {
		return err
	}
	field := "data of batch " + strconv.Itoa(i)
	value, err := backend.PatchValue(e.program)
	if err != nil {
		return err
	}
	groups, err := p.Batches[i].Groups(e.program)
	if err != nil {
		return err
	}
	shape := e.types[value].Shape.At(groups)
	images, h, w := 1, shape[len(shape)-2], shape[len(shape)-1]
	for _, d := range shape[:len(shape)-2] {
		images *= d
	}
	return array(op, field, m.GetData(), e.element(program.Complex), []int{images, h, w})
}

// finitePatches checks that all patches are finite. Padding (patterns of weight zero) may hold any value.
func finitePatches(t tensor.Tensor, i int, b backend.Batch) error {
	shape := t.Shape()
	if len(shape) == 0 || shape[0] == 0 {
		return nil
	}
	pixels := t.Len() / shape[0]
	at, v, found := firstNotFinite(t, func(k int) bool { return len(b.Weights) != shape[0] || b.Weights[k/pixels] != 0 })
	if found {
		return diverged("reconstruct", "batch %d: the patch of pattern %d is %s at pixel %d", i, at/pixels, v, at%pixels)
	}
	return nil
}

// checkInspected compares the description of inspected values with the requested ones. Values that are not finite are
// accepted: inspection is used to find them.
func (e *expectation) checkInspected(op string, m *pb.Inspected, names []string, b backend.BatchRef) error {
	groups, err := b.Batch.Groups(e.program)
	if err != nil {
		return err
	}
	if op == "gradient" {
		if names, _, err = b.Gradients(e.program, names); err != nil {
			return err
		}
		if err := e.checkSums(op, "the batch", m.GetScalars(), weightOf([]backend.Batch{b.Batch})); err != nil {
			return err
		}
	}
	left := map[string]bool{}
	for _, name := range names {
		left[name] = true
	}
	for _, t := range m.GetTensors() {
		if !left[t.GetName()] {
			return breach(op, "tensors", "has the name %s, expected the requested names, each once", quoted(t.GetName()))
		}
		delete(left, t.GetName())
		of := e.types[t.GetName()]
		if err := array(op, t.GetName(), t.GetTensor(), e.element(of.Kind), of.Shape.At(groups)); err != nil {
			return err
		}
	}
	for name := range left {
		return breach(op, "tensors", "lacks %s, which was requested", name)
	}
	return nil
}
