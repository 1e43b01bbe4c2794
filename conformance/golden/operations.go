package golden

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// groups is the number of groups in every case.
const groups = 2

// argument is an input of an operation.
type argument struct {
	name  string
	kind  program.Kind
	shape program.Shape
	draw  draw
}

// example is one use of an operation.
type example struct {
	note  string
	attrs map[string]float64
	shape program.Shape // only for reshape
	in    []argument
}

// operations returns a document for each kind.
func operations() (map[string]object, error) {
	out := map[string]object{}
	for _, k := range program.Kinds() {
		var cases list
		for i, e := range examples[k] {
			c, err := e.compute(k, fmt.Sprintf("%s/%d", k, i))
			if err != nil {
				return nil, fmt.Errorf("golden: %s, case %d: %w", k, i, err)
			}
			cases = append(cases, c)
		}
		if len(cases) == 0 {
			return nil, fmt.Errorf("golden: the operation %s has no cases", k)
		}
		out[string(k)] = object{{"operation", string(k)}, {"cases", cases}}
	}
	return out, nil
}

// listing returns the table of operations as Markdown.
func listing() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Operations\n\nWritten by `make golden`. Letters, F, T, assemble and extract are explained in [../README.md](../README.md).\n\n| operation | inputs | output |\n|---|---|---|\n")
	for _, k := range program.Kinds() {
		w, ok := words[k]
		if !ok {
			return nil, fmt.Errorf("golden: the operation %s has no description", k)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", k, w.inputs, strings.ReplaceAll(w.output, "|", `\|`))
	}
	return b.Bytes(), nil
}

// compute draws the inputs and an output cotangent, and computes the output and the gradients with core/reference.
func (e example) compute(k program.OpKind, name string) (object, error) {
	op := program.Op{Kind: k, Out: "output", Attrs: e.attrs, Shape: e.shape}
	p := &program.Program{Name: name, N: 2, Group: 1}
	rng, given := stream(name), map[string]*reference.Value{}
	var inputs list
	for _, a := range e.in {
		p.Inputs = append(p.Inputs, program.Input{Name: a.name, Type: program.Type{Kind: a.kind, Shape: a.shape}})
		op.In = append(op.In, a.name)
		given[a.name] = drawn(rng, a.kind, a.shape.At(groups), a.draw)
		inputs = append(inputs, named(a.name, given[a.name]))
	}
	p.Ops = []program.Op{op}
	m, err := reference.New(p)
	if err != nil {
		return nil, err
	}
	values, err := m.Forward(groups, given)
	if err != nil {
		return nil, err
	}
	doc := object{}
	if e.note != "" {
		doc = append(doc, field{"note", e.note})
	}
	attrs := map[string]float64{}
	for _, a := range program.Attributes(k) {
		attrs[a.Name] = op.Attr(a.Name)
	}
	out := values["output"]
	doc = append(doc, field{"attributes", attrs}, field{"inputs", inputs}, field{"output", array(out)})
	flows := program.Differentiable(k, len(op.In))
	if len(flows) == 0 {
		return doc, nil
	}
	cotangent := drawn(rng, out.Kind, out.Shape, signed)
	grads := m.Backward(values, map[string]*reference.Value{"output": cotangent})
	var back list
	for i, a := range e.in {
		if slices.Contains(flows, i) && a.kind != program.Index {
			back = append(back, named(a.name, grads[a.name]))
		}
	}
	return append(doc, field{"cotangent", array(cotangent)}, field{"gradients", back}), nil
}
