package program

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Text formats the program for people: one line per input, parameter and operation, with types and counts.
func (p *Program) Text() string {
	var b strings.Builder
	types, err := p.Types()
	fmt.Fprintf(&b, "program %s: patterns of %d×%d pixels, groups of %d, %d parameters, %d operations\n", p.Name, p.N, p.N, p.Group, p.Parameters(), len(p.Ops))
	if err != nil {
		fmt.Fprintf(&b, "invalid: %v\n", err)
	}
	section(&b, "inputs", p.Inputs, func(in Input) (line, note string) {
		return fmt.Sprintf("%s: %v", in.Name, in.Type), in.Doc
	})
	section(&b, "constants", p.Buffers, func(c Buffer) (line, note string) {
		return fmt.Sprintf("%s: %s %s", c.Name, c.Kind, extents(c.Shape)), c.Doc
	})
	section(&b, "parameters", p.Params, func(q Param) (line, note string) {
		return fmt.Sprintf("%s: %s %s", q.Name, q.Kind, extents(q.Shape)), q.note()
	})
	section(&b, "operations", p.Ops, func(op Op) (line, note string) {
		t := "?" // only in an invalid program
		if known, ok := types[op.Out]; ok {
			t = known.String()
		}
		return fmt.Sprintf("%s: %s = %s(%s)%s", op.Out, t, op.Kind, strings.Join(op.In, ", "), op.settings()), ""
	})
	section(&b, "scalars, one number for each pattern", p.Scalars, func(s Scalar) (line, note string) {
		if s.Loss {
			note = "loss"
		}
		return s.Name + " = " + s.Value, note
	})
	section(&b, "outputs", p.Outputs, func(o Output) (line, note string) {
		return o.Name + " = " + o.Value, types[o.Value].String()
	})
	return b.String()
}

func section[T any](b *strings.Builder, title string, all []T, describe func(T) (line, note string)) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, v := range all {
		line, note := describe(v)
		if note != "" {
			note = "  # " + note
		}
		fmt.Fprintf(b, "  %s%s\n", line, note)
	}
}

func extents(shape []int) string {
	s := make(Shape, len(shape))
	for i, d := range shape {
		s[i] = Dim(d)
	}
	return s.String()
}

// note describes a parameter: the number of its elements, its initial values and whether it is trained.
func (q Param) note() string {
	note := fmt.Sprintf("%d", Count(q.Shape))
	if q.Kind == Complex {
		note = fmt.Sprintf("2×%d", Count(q.Shape))
	}
	note += ", " + string(q.Init.Kind)
	if q.Init.Kind == Constant || q.Init.Value != 0 {
		note += fmt.Sprintf(" %g", q.Init.Value)
	}
	if !q.Trainable {
		note += ", fixed"
	}
	if q.Group != "" {
		note += ", group " + q.Group
	}
	return note
}

// settings formats the attributes that are set; the shape of a reshape is visible in the type of its result.
func (o Op) settings() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(o.Attrs)) {
		parts = append(parts, fmt.Sprintf("%s: %g", name, o.Attrs[name]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " {" + strings.Join(parts, ", ") + "}"
}
