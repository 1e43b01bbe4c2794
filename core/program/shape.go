package program

import (
	"fmt"
	"slices"
	"strings"
)

// String formats a shape with ×B for per-group extents: [4×B, 3, 64, 64].
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		switch {
		case d == -1:
			parts[i] = "B"
		case d < 0:
			parts[i] = fmt.Sprintf("%d×B", -d)
		default:
			parts[i] = fmt.Sprint(int(d))
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// String formats kind and shape.
func (t Type) String() string { return string(t.Kind) + " " + t.Shape.String() }

func equal(a, b Type) bool { return a.Kind == b.Kind && slices.Equal(a.Shape, b.Shape) }

// isSuffix reports whether b equals the last axes of a; a scalar is a suffix of everything.
func isSuffix(b, a Shape) bool {
	return len(b) <= len(a) && slices.Equal(b, a[len(a)-len(b):])
}

func checkShape(s Shape) error {
	if len(s) > 8 {
		return fmt.Errorf("rank %d, at most 8", len(s))
	}
	for i, d := range s {
		if d == 0 || d > 1<<24 || d < -(1<<20) || (d < 0 && i > 0) {
			return fmt.Errorf("shape %v: extents must be positive, and only the first axis may be per group", s)
		}
	}
	return nil
}

func want(t Type, k Kind) error {
	if t.Kind != k {
		return fmt.Errorf("is %v, want %s", t, k)
	}
	return nil
}

// image requires at least two axes, real or complex, of which the last two are fixed.
func image(t Type) error {
	n := len(t.Shape)
	if t.Kind == Index || n < 2 || t.Shape[n-1] < 1 || t.Shape[n-2] < 1 {
		return fmt.Errorf("is %v, want images [.., H, W]", t)
	}
	return nil
}

func imageStack(t Type, k Kind, rank int) error {
	if t.Kind != k || len(t.Shape) != rank {
		return fmt.Errorf("is %v, want %s of rank %d", t, k, rank)
	}
	return image(t)
}

func halve(t Type) (Type, error) {
	if err := imageStack(t, Real, 4); err != nil {
		return Type{}, err
	}
	s := t.Shape
	if s[2]%2 != 0 || s[3]%2 != 0 {
		return Type{}, fmt.Errorf("is %v: height and width must be even to be halved", t)
	}
	return Type{Real, Shape{s[0], s[1], s[2] / 2, s[3] / 2}}, nil
}

func border(sign Dim) func(Op, []Type) (Type, error) {
	return func(op Op, in []Type) (Type, error) {
		if err := image(in[0]); err != nil {
			return Type{}, err
		}
		out := slices.Clone(in[0].Shape)
		for i := len(out) - 2; i < len(out); i++ {
			if out[i] += sign * Dim(op.Attr("amount")); out[i] < 1 {
				return Type{}, fmt.Errorf("the result of %v is empty", in[0])
			}
		}
		return Type{in[0].Kind, out}, nil
	}
}

func binary(op Op, in []Type) (Type, error) {
	a, b := in[0], in[1]
	ok := a.Kind == b.Kind && a.Kind != Index || op.Kind == Mul && a.Kind == Complex && b.Kind == Real
	if op.Kind == Div && (a.Kind != Real || b.Kind != Real) {
		ok = false
	}
	if !ok || !isSuffix(b.Shape, a.Shape) {
		return Type{}, fmt.Errorf("cannot combine %v with %v", a, b)
	}
	return a, nil
}

func pairToComplex(_ Op, in []Type) (Type, error) {
	if in[0].Kind != Real || !equal(in[0], in[1]) {
		return Type{}, fmt.Errorf("cannot pair %v with %v", in[0], in[1])
	}
	return Type{Complex, in[0].Shape}, nil
}

func complexToReal(_ Op, in []Type) (Type, error) {
	return Type{Real, in[0].Shape}, want(in[0], Complex)
}

func inferConv2D(_ Op, in []Type) (Type, error) {
	x, w, b := in[0], in[1].Shape, in[2].Shape
	if err := imageStack(x, Real, 4); err != nil {
		return Type{}, err
	}
	if in[1].Kind != Real || in[2].Kind != Real || len(w) != 4 || len(b) != 1 || w[1] != x.Shape[1] || b[0] != w[0] ||
		w[0] < 1 || w[2] != w[3] || w[2]%2 != 1 {
		return Type{}, fmt.Errorf("weight %v and bias %v for %v: want [co, ci, k, k] with odd k, and [co]", in[1], in[2], x)
	}
	return Type{Real, Shape{x.Shape[0], w[0], x.Shape[2], x.Shape[3]}}, nil
}

func inferDense(_ Op, in []Type) (Type, error) {
	x, w, b := in[0].Shape, in[1].Shape, in[2].Shape
	for _, t := range in {
		if t.Kind != Real {
			return Type{}, fmt.Errorf("is %v, want real", t)
		}
	}
	if len(x) != 2 || len(w) != 2 || len(b) != 1 || w[1] != x[1] || b[0] != w[0] || w[0] < 1 {
		return Type{}, fmt.Errorf("weight %v and bias %v for %v: want [o, f], [o] and [P, f]", in[1], in[2], in[0])
	}
	return Type{Real, Shape{x[0], w[0]}}, nil
}

func inferIlluminate(_ Op, in []Type) (Type, error) {
	o, p := in[0], in[1]
	if err := imageStack(o, Complex, 4); err != nil {
		return Type{}, err
	}
	ok := p.Kind == Complex && (len(p.Shape) == 3 || len(p.Shape) == 5 && p.Shape[0] == o.Shape[0] && p.Shape[1] == o.Shape[1])
	if n := len(p.Shape); !ok || p.Shape[n-3] < 1 || p.Shape[n-2] != o.Shape[2] || p.Shape[n-1] != o.Shape[3] {
		return Type{}, fmt.Errorf("probe %v for objects %v", p, o)
	}
	return Type{Complex, Shape{o.Shape[0], o.Shape[1], p.Shape[len(p.Shape)-3], o.Shape[2], o.Shape[3]}}, nil
}

func offsetsFor(t Type, groups, members Dim) error {
	if t.Kind != Real || !slices.Equal(t.Shape, Shape{groups, members, 2}) {
		return fmt.Errorf("offsets %v, want real %v", t, Shape{groups, members, 2})
	}
	return nil
}

func objectsOffsetsWeight(in []Type) error {
	if err := imageStack(in[0], Complex, 4); err != nil {
		return err
	}
	s, w := in[0].Shape, in[2]
	if w.Kind != Real || len(w.Shape) < 2 || len(w.Shape) == 3 || !isSuffix(w.Shape, s) {
		return fmt.Errorf("weight %v for objects %v", w, in[0])
	}
	return offsetsFor(in[1], s[0], s[1])
}
