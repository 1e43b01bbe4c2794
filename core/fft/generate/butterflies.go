package main

import "fmt"

// The constants of the short transforms in the assembly.
var constants = []struct {
	name  string
	value float32
}{
	{"sin3", 0.86602540378443864676372317075293618},
	{"half", 0.5},
	{"cos51", 0.30901699437494742410229341718281906},
	{"cos52", -0.80901699437494742410229341718281906},
	{"sin51", 0.95105651629515357211643933337938214},
	{"sin52", 0.58778525229247312916870595463907277},
	{"root2", 0.70710678118654752440084436210484904},
}

func constant(name string) string { return name + "<>(SB)" }

type pair = [2]value

// dft2 … dft8 compute the transforms of length 2 … 8; x holds re and im.
func dft2(c *code, x []pair) []pair { return []pair{c.plus(x[0], x[1]), c.minus(x[0], x[1])} }

func dft3(c *code, x []pair) []pair {
	s, d := c.plus(x[1], x[2]), c.minus(x[1], x[2])
	sum := c.plus(x[0], s)
	half, sin := c.cast(constant("half")), c.cast(constant("sin3"))
	m := pair{c.fnma(half, s[0], x[0][0]), c.fnma(half, s[1], x[0][1])}
	return []pair{sum,
		{c.fma(sin, d[1], m[0]), c.fnma(sin, d[0], m[1])},
		{c.fnma(sin, d[1], m[0]), c.fma(sin, d[0], m[1])}}
}

func dft4(c *code, x []pair) []pair {
	s, t := c.plus(x[0], x[2]), c.minus(x[0], x[2])
	u, v := c.plus(x[1], x[3]), c.minus(x[1], x[3])
	return []pair{c.plus(s, u), {c.add(t[0], v[1]), c.sub(t[1], v[0])}, c.minus(s, u), {c.sub(t[0], v[1]), c.add(t[1], v[0])}}
}

func dft5(c *code, x []pair) []pair {
	s, t := c.plus(x[1], x[4]), c.minus(x[1], x[4])
	u, v := c.plus(x[2], x[3]), c.minus(x[2], x[3])
	out := make([]pair, 5)
	out[0] = c.plus(c.plus(x[0], s), u)
	turn := func(cosS, cosU string, q pair) (pair, pair) {
		cs, cu := c.cast(constant(cosS)), c.cast(constant(cosU))
		p := pair{c.fma(cu, u[0], c.fma(cs, s[0], x[0][0])), c.fma(cu, u[1], c.fma(cs, s[1], x[0][1]))}
		return pair{c.add(p[0], q[1]), c.sub(p[1], q[0])}, pair{c.sub(p[0], q[1]), c.add(p[1], q[0])}
	}
	s1, s2 := c.cast(constant("sin51")), c.cast(constant("sin52"))
	q1 := pair{c.fma(s2, v[0], c.mul(s1, t[0])), c.fma(s2, v[1], c.mul(s1, t[1]))}
	q2 := pair{c.fms(s2, t[0], c.mul(s1, v[0])), c.fms(s2, t[1], c.mul(s1, v[1]))}
	out[1], out[4] = turn("cos51", "cos52", q1)
	out[2], out[3] = turn("cos52", "cos51", q2)
	return out
}

// dft8 combines two transforms of length 4: X[q] = E[q] + w^q·O[q], w = exp(−2πi/8).
func dft8(c *code, even, odd []pair) []pair {
	out := make([]pair, 8)
	out[0], out[4] = c.plus(even[0], odd[0]), c.minus(even[0], odd[0])
	out[2], out[6] = pair{c.add(even[2][0], odd[2][1]), c.sub(even[2][1], odd[2][0])}, pair{c.sub(even[2][0], odd[2][1]), c.add(even[2][1], odd[2][0])}
	for _, q := range []int{1, 3} {
		s, d := c.add(odd[q][0], odd[q][1]), c.sub(odd[q][1], odd[q][0])
		r, e := c.cast(constant("root2")), even[q]
		if q == 1 {
			out[1], out[5] = pair{c.fma(r, s, e[0]), c.fma(r, d, e[1])}, pair{c.fnma(r, s, e[0]), c.fnma(r, d, e[1])}
		} else {
			out[3], out[7] = pair{c.fma(r, d, e[0]), c.fnma(r, s, e[1])}, pair{c.fnma(r, d, e[0]), c.fma(r, s, e[1])}
		}
	}
	return out
}

// butterfly returns the code of one butterfly with the rows at re(j), im(j); twiddles are at (BX) unless plain.
func butterfly(radix int, plain bool, re, im func(j int) string) *code {
	c := &code{}
	in := func(j int) pair {
		x := c.pair(re(j), im(j))
		if j == 0 || plain {
			return x
		}
		return c.rotate(x, fmt.Sprintf("%d(BX)", 8*j-8), fmt.Sprintf("%d(BX)", 8*j-4))
	}
	var out []pair
	switch radix {
	case 2:
		out = dft2(c, []pair{in(0), in(1)})
	case 3:
		out = dft3(c, []pair{in(0), in(1), in(2)})
	case 4: // in the order of use
		a, b, d, e := in(0), in(2), in(1), in(3)
		out = dft4(c, []pair{a, d, b, e})
	case 5:
		a, b, f, d, e := in(0), in(1), in(4), in(2), in(3)
		out = dft5(c, []pair{a, b, d, e, f})
	case 8:
		a, b, d, e := in(0), in(4), in(2), in(6)
		even := dft4(c, []pair{a, d, b, e})
		a, b, d, e = in(1), in(5), in(3), in(7)
		out = dft8(c, even, dft4(c, []pair{a, d, b, e}))
	}
	for j, x := range out {
		c.put(x, re(j), im(j))
	}
	return c
}

// combine writes the two functions of a radix: combineRxL for any stage, and firstRxL for the first, which has no twiddles.
func combine(out *text, i isa, radix int) {
	row := 2 * i.bytes()
	steps := []string{"", "(R8*1)", "(R8*2)", "(R9*1)", "(R8*4)", "(R10*1)", "(R9*2)", "(R11*1)"}
	var body text
	butterfly(radix, false, func(j int) string { return "(SI)" + steps[j] }, func(j int) string { return "(DI)" + steps[j] }).emit(&body, i)
	out.fn(fmt.Sprintf("combine%dx%d", radix, i.lanes()), "re, im, w *float32, span, groups int", 40)
	out.ins("MOVQ re+0(FP), SI")
	out.ins("MOVQ im+8(FP), DI")
	out.ins("MOVQ w+16(FP), R12")
	out.ins("MOVQ span+24(FP), R13")
	out.ins("MOVQ groups+32(FP), CX")
	out.ins("IMUL3Q $%d, R13, R8", row)
	out.ins("LEAQ (R8)(R8*2), R9")
	out.ins("LEAQ (R8)(R8*4), R10")
	out.ins("LEAQ (R9)(R8*4), R11")
	out.ins("IMUL3Q $%d, R8, DX", radix-1) // from the end of the first rows to the next group
	out.label("group")
	out.ins("MOVQ R12, BX")
	out.ins("MOVQ R13, AX")
	out.label("row")
	out.raw(body)
	out.ins("ADDQ $%d, BX", 8*(radix-1))
	out.ins("ADDQ $%d, SI", row)
	out.ins("ADDQ $%d, DI", row)
	out.ins("DECQ AX")
	out.ins("JNZ row")
	out.ins("ADDQ DX, SI")
	out.ins("ADDQ DX, DI")
	out.ins("DECQ CX")
	out.ins("JNZ group")
	out.end()

	body = text{}
	at := func(register string) func(j int) string {
		return func(j int) string { return fmt.Sprintf("%d(%s)", j*row, register) }
	}
	butterfly(radix, true, at("SI"), at("DI")).emit(&body, i)
	out.fn(fmt.Sprintf("first%dx%d", radix, i.lanes()), "re, im *float32, groups int", 24)
	out.ins("MOVQ re+0(FP), SI")
	out.ins("MOVQ im+8(FP), DI")
	out.ins("MOVQ groups+16(FP), CX")
	out.label("group")
	out.raw(body)
	out.ins("ADDQ $%d, SI", radix*row)
	out.ins("ADDQ $%d, DI", radix*row)
	out.ins("DECQ CX")
	out.ins("JNZ group")
	out.end()
}
