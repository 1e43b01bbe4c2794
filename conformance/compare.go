package conformance

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"strings"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// complexes returns the numbers of a value; real ones get an imaginary part of 0.
func complexes(v *reference.Value) []complex128 {
	if v.Kind == program.Complex {
		return v.Complex
	}
	out := make([]complex128, len(v.Real)+len(v.Index))
	for i, x := range v.Real {
		out[i] = complex(x, 0)
	}
	for i, x := range v.Index {
		out[i] = complex(float64(x), 0)
	}
	return out
}

func norm(v []complex128) float64 {
	n := 0.0
	for _, z := range v {
		n += real(z)*real(z) + imag(z)*imag(z)
	}
	return math.Sqrt(n)
}

// distance returns the relative L2 error, against the norm of want or floor if that is larger. For NaN it is infinite.
func distance(got, want []complex128, floor float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	d := make([]complex128, len(got))
	for i := range got {
		d[i] = got[i] - want[i]
	}
	e := norm(d) / max(norm(want), floor, 1e-300)
	if math.IsNaN(e) {
		return math.Inf(1)
	}
	return e
}

// compare measures the distance of got from want, relative to the norm of want or to floor if that is larger. Above the
// tolerance it returns an error with the distance, the worst element with both values, and a known mistake that would
// explain it.
func (s *subject) compare(q Quantity, what string, got tensor.Tensor, want *reference.Value, floor float64) error {
	e, err := differ(what, got, want, limit(q, s.dtype()), floor)
	if s.measured == nil {
		s.measured = measurements{}
	}
	m := measurement{e, e}
	if floor > 0 {
		m.bare, _ = differ(what, got, want, math.Inf(1), 0)
	}
	s.measured[q] = append(s.measured[q], m)
	return err
}

// near compares two numbers.
func (s *subject) near(q Quantity, what string, got, want float64) error {
	one := &reference.Value{Kind: program.Real, Shape: []int{1}, Real: []float64{want}}
	return s.compare(q, what, tensor.Must([]float64{got}, 1), one, 0)
}

// same returns an error unless got equals want bit by bit.
func same(what string, got tensor.Tensor, want *reference.Value) error {
	_, err := differ(what, got, want, 0, 0)
	return err
}

// differ returns the relative error, infinite where shape or kind differ, and describes the difference when it is above a
// limit.
func differ(what string, got tensor.Tensor, want *reference.Value, limit, floor float64) (float64, error) {
	if fmt.Sprint(got.Shape()) != fmt.Sprint(want.Shape) {
		return math.Inf(1), fmt.Errorf("%s has shape %v, want %v", what, got.Shape(), want.Shape)
	}
	g, err := reference.FromTensor(got)
	if err != nil {
		return math.Inf(1), fmt.Errorf("%s: %w", what, err)
	}
	if g.Kind != want.Kind {
		return math.Inf(1), fmt.Errorf("%s is %s, want %s", what, g.Kind, want.Kind)
	}
	a, b := complexes(g), complexes(want)
	e := distance(a, b, floor)
	if e <= limit {
		return e, nil
	}
	worst, far := 0, -1.0
	for i := range b {
		if d := cmplx.Abs(a[i] - b[i]); d > far || math.IsNaN(d) {
			worst, far = i, d
			if math.IsNaN(d) {
				break
			}
		}
	}
	text := fmt.Sprintf("%s: relative error %.2g, at most %.2g is allowed; worst at %v: got %s, want %s",
		what, e, limit, position(worst, want.Shape), number(a[worst], want.Kind), number(b[worst], want.Kind))
	if e <= math.Sqrt(limit) {
		return e, fmt.Errorf("%s; possible causes of such a small error: rounding, a lower precision or an ε", text)
	}
	if cause := guess(a, b, want.Shape, math.Sqrt(limit)); cause != "" {
		text += "; it would agree if the backend had " + cause
	}
	return e, errors.New(text)
}

func number(z complex128, k program.Kind) string {
	if k == program.Complex {
		return fmt.Sprintf("%.6g", z)
	}
	return fmt.Sprintf("%.6g", real(z))
}

// position returns the index of element i.
func position(i int, shape []int) []int {
	at := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		at[k], i = i%shape[k], i/shape[k]
	}
	return at
}

// guess finds a known transformation that maps got to want within a loose limit.
func guess(got, want []complex128, shape []int, loose float64) string {
	fits := func(v []complex128) bool { return distance(v, want, 0) <= loose }
	var found []string
	try := func(name string, f func(i int) complex128) {
		v := make([]complex128, len(got))
		for i := range v {
			v[i] = f(i)
		}
		if fits(v) {
			found = append(found, name)
		}
	}
	try("not conjugated", func(i int) complex128 { return cmplx.Conj(got[i]) })
	// One factor for everything: a scale, a sign, a global phase.
	var dot complex128
	for i := range got {
		dot += cmplx.Conj(got[i]) * want[i]
	}
	if n := norm(got); n > 0 {
		f := dot / complex(n*n, 0)
		switch {
		case math.Abs(cmplx.Abs(f)-1) < loose && imag(f) != 0 && math.Abs(imag(f)) > loose:
			try("no global phase", func(i int) complex128 { return f * got[i] })
		case math.Abs(imag(f)) < loose*cmplx.Abs(f):
			try(fmt.Sprintf("a factor of %.6g on it (a mean for a sum, another normalisation, a sign)", real(f)), func(i int) complex128 { return f * got[i] })
		}
	}
	if k := len(shape); k >= 2 {
		h, w := shape[k-2], shape[k-1]
		moved := func(name string, at func(y, x int) (int, int)) {
			try(name, func(i int) complex128 {
				base, y, x := i/(h*w)*(h*w), i/w%h, i%w
				v, u := at(y, x)
				return got[base+v*w+u]
			})
		}
		if h == w {
			moved("not swapped rows and columns", func(y, x int) (int, int) { return x, y })
		}
		moved("not flipped up and down", func(y, x int) (int, int) { return h - 1 - y, x })
		moved("not flipped left and right", func(y, x int) (int, int) { return y, w - 1 - x })
		moved("not turned by 180°", func(y, x int) (int, int) { return h - 1 - y, w - 1 - x })
		moved("shifted by half the image (fftshift)", func(y, x int) (int, int) { return (y + h/2) % h, (x + w/2) % w })
		moved("not moved by a row", func(y, x int) (int, int) { return (y + 1) % h, x })
		moved("not moved by a column", func(y, x int) (int, int) { return y, (x + 1) % w })
	}
	return strings.Join(found, " or ")
}
