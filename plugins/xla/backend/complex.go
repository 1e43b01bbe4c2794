package backend

import (
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/program"
)

var complexRules = map[program.OpKind]rule{
	program.MakeComplex: makeComplex,
	program.Polar:       polar,
	program.RealPart:    realPart,
	program.ImagPart:    imagPart,
	program.Abs2:        abs2Op,
	program.Conj:        conj,
}

func makeComplex(c call) value { return value{re: c.in[0].rows(), im: c.in[1].rows()} }

func polar(c call) value {
	amplitude, phase := c.in[0].rows(), c.in[1].rows()
	return value{re: G.Mul(amplitude, G.Cos(phase)), im: G.Mul(amplitude, G.Sin(phase))}
}

func realPart(c call) value { return value{re: c.in[0].re} }

func imagPart(c call) value { return value{re: c.in[0].im} }

func abs2Op(c call) value { return value{re: abs2(c.in[0].re, c.in[0].im)} }

func conj(c call) value { return value{re: c.in[0].re, im: G.Neg(c.in[0].im)} }

// abs2 returns |z|².
func abs2(re, im *G.Node) *G.Node { return G.Add(G.Square(re), G.Square(im)) }
