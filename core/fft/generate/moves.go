package main

import "fmt"

// gather: columns of interleaved numbers → one block. For row j: the row rows[j] of the image, times by, with separate
// parts.
//
// Long: one kernel, instruction by instruction.
func gather(out *text, i isa) {
	out.fn(fmt.Sprintf("gather%d", i.lanes()), "re, im *float32, n int, rows *int32, image *float32, stride int, by *float32, byStride, kind int", 72)
	out.ins("MOVQ re+0(FP), SI")
	out.ins("MOVQ im+8(FP), DI")
	out.ins("MOVQ n+16(FP), CX")
	out.ins("MOVQ rows+24(FP), R8")
	out.ins("MOVQ image+32(FP), R9")
	out.ins("MOVQ stride+40(FP), R10")
	out.ins("MOVQ by+48(FP), R11")
	out.ins("MOVQ byStride+56(FP), R12")
	out.ins("MOVQ kind+64(FP), R13")
	if i.width == 16 {
		out.ins("VMOVDQU32 even<>(SB), Z30")
		out.ins("VMOVDQU32 odd<>(SB), Z31")
	}
	v := func(r int) string { return i.register(r) }
	begin := func(factor bool) {
		out.ins("MOVLQSX (R8), AX")
		if factor {
			out.ins("MOVQ AX, BX")
			out.ins("IMULQ R12, BX")
			out.ins("ADDQ R11, BX")
		}
		out.ins("IMULQ R10, AX")
		out.ins("ADDQ R9, AX")
		part(out, i, "AX", 0, 1)
	}
	next := func(label string) {
		out.ins("VMOVUPS %s, (SI)", v(0))
		out.ins("VMOVUPS %s, (DI)", v(1))
		out.ins("ADDQ $4, R8")
		out.ins("ADDQ $%d, SI", 2*i.bytes())
		out.ins("ADDQ $%d, DI", 2*i.bytes())
		out.ins("DECQ CX")
		out.ins("JNZ %s", label)
	}
	out.ins("CMPQ R13, $1")
	out.ins("JEQ complex")
	out.ins("CMPQ R13, $2")
	out.ins("JEQ conj")
	out.ins("CMPQ R13, $3")
	out.ins("JEQ real")
	out.label("plain")
	begin(false)
	next("plain")
	out.end()
	for _, kind := range []struct{ label, re, im string }{{"complex", "VFMSUB213PS", "VFMADD213PS"}, {"conj", "VFMADD213PS", "VFMSUB213PS"}} {
		out.label(kind.label)
		begin(true)
		part(out, i, "BX", 2, 3)
		// re = a0·b0 ∓ a1·b1, im = a1·b0 ± a0·b1
		out.ins("VMULPS %s, %s, %s", v(3), v(0), v(4))
		out.ins("VMULPS %s, %s, %s", v(3), v(1), v(3))
		out.ins("%s %s, %s, %s", kind.re, v(3), v(2), v(0))
		out.ins("%s %s, %s, %s", kind.im, v(4), v(2), v(1))
		next(kind.label)
		out.end()
	}
	out.label("real")
	begin(true)
	out.ins("VMOVUPS (BX), %s", v(2))
	out.ins("VMULPS %s, %s, %s", v(2), v(0), v(0))
	out.ins("VMULPS %s, %s, %s", v(2), v(1), v(1))
	next("real")
	out.end()
}

// part reads one vector of complex numbers at a register into real and imaginary parts. With 16 floats a register needs
// indices of even and odd numbers in Z30 and Z31; with 8, halves that are read crosswise are in order.
func part(out *text, i isa, at string, re, im int) {
	if i.width == 16 {
		out.ins("VMOVUPS (%s), Z%d", at, re)
		out.ins("VMOVUPS 64(%s), Z5", at)
		out.ins("VMOVAPS Z%d, Z%d", re, im)
		out.ins("VPERMT2PS Z5, Z30, Z%d", re)
		out.ins("VPERMT2PS Z5, Z31, Z%d", im)
		return
	}
	out.ins("VMOVUPS (%s), X%d", at, re)
	out.ins("VMOVUPS 16(%s), X5", at)
	out.ins("VINSERTF128 $1, 32(%s), Y%d, Y%d", at, re, re)
	out.ins("VINSERTF128 $1, 48(%s), Y5, Y5", at)
	out.ins("VSHUFPS $0xDD, Y5, Y%d, Y%d", re, im)
	out.ins("VSHUFPS $0x88, Y5, Y%d, Y%d", re, re)
}

// quarters reads 16 bytes from each of two (AVX2) or four (AVX-512) addresses into one register.
func quarters(out *text, i isa, to int, at func(q int) string) {
	out.ins("VMOVUPS %s, X%d", at(0), to)
	if i.width == 8 {
		out.ins("VINSERTF128 $1, %s, Y%d, Y%d", at(1), to, to)
		return
	}
	for q := 1; q < 4; q++ {
		out.ins("VBROADCASTF32X4 %s, K%d, Z%d", at(q), q, to)
	}
}

// masks sets the quarters of a register, for quarters.
func masks(out *text, i isa) {
	if i.width == 16 {
		for q := 1; q < 4; q++ {
			out.ins("MOVL $0x%x, AX", 0xf<<(4*q))
			out.ins("KMOVW AX, K%d", q)
		}
	}
}

// unpack writes lo and hi of two registers: single numbers (PS) or pairs (PD) of both alternately.
func unpack(out *text, i isa, kind string, x, y, lo, hi int) {
	out.ins("VUNPCKL%s %s, %s, %s", kind, i.register(y), i.register(x), i.register(lo))
	out.ins("VUNPCKH%s %s, %s, %s", kind, i.register(y), i.register(x), i.register(hi))
}

// turn: lanes rows of a block from x on → transposed, lane c to row to[c] of the block y. Four columns at a time:
// register r holds these columns of rows r, r+4, …, and a transposition of 4×4 within its quarters suffices.
func turn(out *text, i isa) {
	out.fn(fmt.Sprintf("turn%d", i.lanes()), "y, x *float32, to *int32", 24)
	out.ins("MOVQ y+0(FP), DI")
	out.ins("MOVQ x+8(FP), SI")
	out.ins("MOVQ to+16(FP), DX")
	masks(out, i)
	row := 2 * i.bytes()
	for c := 0; c < i.width; c += 4 {
		for k, r := range []string{"R8", "R9", "R10", "R11"} {
			out.ins("MOVLQSX %d(DX), %s", 4*(c+k), r)
			out.ins("IMUL3Q $%d, %s, %s", row, r, r)
		}
		for part := range 2 {
			at := part * i.bytes()
			base := 8 * part
			for r := range 4 {
				quarters(out, i, base+r, func(q int) string { return fmt.Sprintf("%d(SI)", (r+4*q)*row+at+4*c) })
			}
			unpack(out, i, "PS", base, base+1, base+4, base+5)
			unpack(out, i, "PS", base+2, base+3, base+6, base+7)
			unpack(out, i, "PD", base+4, base+6, base, base+1)
			unpack(out, i, "PD", base+5, base+7, base+2, base+3)
			for k, r := range []string{"R8", "R9", "R10", "R11"} {
				out.ins("VMOVUPS %s, %d(DI)(%s*1)", i.register(base+k), at, r)
			}
		}
	}
	out.end()
}

// scatter: lanes rows of a block from x on (they are columns of the image) → lanes rows of the image, parts joined and
// scaled. Four rows of the image at a time: quarter q of a register holds columns 2q and 2q+1 of them.
// The full version multiplies, adds and sums as its flags say: 1 sum, 2 by, 4 image, 8 add.
//
// Long: one kernel, instruction by instruction.
func scatter(out *text, i isa, full bool) {
	row, columns := 2*i.bytes(), i.width/2 // complex numbers in a register
	name, arguments, size := "scatter", "image *float32, stride int, re, im *float32, scale float32", 36
	if full {
		name, arguments, size = "scatterFull", "image *float32, stride int, re, im *float32, scale float32, flags int, by *float32, byStride int, sum *float32, sumStride int", 80
	}
	out.fn(fmt.Sprintf("%s%d", name, i.lanes()), arguments, size)
	out.ins("MOVQ image+0(FP), DI")
	out.ins("MOVQ stride+8(FP), R8")
	out.ins("MOVQ re+16(FP), SI")
	out.ins("MOVQ im+24(FP), DX")
	out.ins("VBROADCASTSS scale+32(FP), %s", i.register(15))
	masks(out, i)
	if full {
		out.ins("MOVQ flags+40(FP), R9")
		out.ins("MOVQ by+48(FP), R10")
		out.ins("MOVQ byStride+56(FP), R11")
		out.ins("MOVQ sum+64(FP), R12")
		out.ins("MOVQ sumStride+72(FP), R13")
		if i.width == 16 {
			out.ins("VMOVDQU32 even<>(SB), Z14")
		}
	}
	out.ins("MOVQ $%d, CX", i.width/4)
	out.label("rows")
	for half := range 2 {
		for k, from := range []struct {
			register string
			column   int
		}{{"SI", 0}, {"DX", 0}, {"SI", 1}, {"DX", 1}} {
			quarters(out, i, k, func(q int) string {
				return fmt.Sprintf("%d(%s)", (half*columns+2*q+from.column)*row, from.register)
			})
		}
		unpack(out, i, "PS", 0, 1, 4, 5)
		unpack(out, i, "PS", 2, 3, 6, 7)
		unpack(out, i, "PD", 4, 6, 0, 1)
		unpack(out, i, "PD", 5, 7, 2, 3)
		out.ins("MOVQ DI, AX")
		for k := range 4 {
			v := i.register(k)
			out.ins("VMULPS %s, %s, %s", i.register(15), v, v)
			if full {
				finish(out, i, k, half)
			} else {
				out.ins("VMOVUPS %s, %d(AX)", v, half*i.bytes())
			}
			if k < 3 {
				out.ins("ADDQ R8, AX")
			}
		}
	}
	out.ins("LEAQ (DI)(R8*4), DI")
	if full {
		out.ins("LEAQ (R10)(R11*4), R10")
		out.ins("LEAQ (R12)(R13*4), R12")
	}
	out.ins("ADDQ $16, SI")
	out.ins("ADDQ $16, DX")
	out.ins("DECQ CX")
	out.ins("JNZ rows")
	out.end()
}

// finish writes the work of scatterFull on register k, row k of four, in one half of the columns.
func finish(out *text, i isa, k, half int) {
	v, at := i.register(k), half*i.bytes()
	skip := func(flag int, label string) {
		out.ins("TESTQ $%d, R9", flag)
		out.ins("JZ %s%d%d", label, half, k)
	}
	label := func(label string) { out.label(fmt.Sprintf("%s%d%d", label, half, k)) }
	row := func(base, stride string) { // the address of row k in R15
		out.ins("MOVQ %s, R15", base)
		for range k {
			out.ins("ADDQ %s, R15", stride)
		}
	}
	skip(1, "nosum")
	row("R12", "R13")
	out.ins("VMULPS %s, %s, %s", v, v, i.register(8))
	if i.width == 16 {
		out.ins("VMOVSHDUP Z8, Z9")
		out.ins("VADDPS Z9, Z8, Z8")
		out.ins("VPERMPS Z8, Z14, Z8")
		out.ins("VADDPS %d(R15), Y8, Y8", at/2)
		out.ins("VMOVUPS Y8, %d(R15)", at/2)
	} else {
		out.ins("VEXTRACTF128 $1, Y8, X9")
		out.ins("VSHUFPS $0x88, X9, X8, X10")
		out.ins("VSHUFPS $0xDD, X9, X8, X8")
		out.ins("VADDPS X10, X8, X8")
		out.ins("VADDPS %d(R15), X8, X8", at/2)
		out.ins("VMOVUPS X8, %d(R15)", at/2)
	}
	label("nosum")
	skip(2, "noby")
	row("R10", "R11")
	out.ins("VMOVUPS %d(R15), %s", at, i.register(8))
	out.ins("VMOVSLDUP %s, %s", i.register(8), i.register(9))
	out.ins("VMOVSHDUP %s, %s", i.register(8), i.register(8))
	out.ins("VPERMILPS $0xB1, %s, %s", v, i.register(10))
	out.ins("VMULPS %s, %s, %s", i.register(8), i.register(10), i.register(8))
	out.ins("VFMSUBADD213PS %s, %s, %s", i.register(8), i.register(9), v)
	label("noby")
	skip(4, "noimage")
	skip(8, "noadd")
	out.ins("VADDPS %d(AX), %s, %s", at, v, v)
	label("noadd")
	out.ins("VMOVUPS %s, %d(AX)", v, at)
	label("noimage")
}
