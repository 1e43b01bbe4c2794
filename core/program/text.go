package program

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Text is the program for people: one line per input, parameter and operation, with types and counts.
func (p *Program) Text() string {
	var b strings.Builder
	types, err := p.Types()
	fmt.Fprintf(&b, "program %s: patterns of %d×%d pixels, groups of %d, %d parameters\n", p.Name, p.N, p.N, p.Group, p.Parameters())
	if err != nil {
		fmt.Fprintf(&b, "invalid: %v\n", err)
	}
	b.WriteString("\ninputs\n")
	for _, in := range p.Inputs {
		fmt.Fprintf(&b, "  %s: %v  # %s\n", in.Name, in.Type, in.Doc)
	}
	b.WriteString("\nconstants\n")
	for _, c := range p.Buffers {
		fmt.Fprintf(&b, "  %s: %s %v  # %s\n", c.Name, c.Kind, c.Shape, c.Doc)
	}
	b.WriteString("\nparameters\n")
	for _, q := range p.Params {
		fmt.Fprintf(&b, "  %s: %s %v  # %s\n", q.Name, q.Kind, q.Shape, q.Init.Kind)
	}
	b.WriteString("\noperations\n")
	for _, op := range p.Ops {
		fmt.Fprintf(&b, "  %s: %v = %s(%s)", op.Out, types[op.Out], op.Kind, strings.Join(op.In, ", "))
		for _, name := range slices.Sorted(maps.Keys(op.Attrs)) {
			fmt.Fprintf(&b, " %s=%g", name, op.Attrs[name])
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nresults\n")
	for _, s := range p.Scalars {
		kind := "reported"
		if s.Loss {
			kind = "loss"
		}
		fmt.Fprintf(&b, "  %s = %s  # %s, one per pattern\n", s.Name, s.Value, kind)
	}
	for _, o := range p.Outputs {
		fmt.Fprintf(&b, "  %s = %s  # %v\n", o.Name, o.Value, types[o.Value])
	}
	return b.String()
}
