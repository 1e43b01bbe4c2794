#include "textflag.h"

// Kernels of vector.go. AX is the offset of a vector in counts or bytes.

// func widen16AVX2(n int, counts *uint16, out *float32)
TEXT ·widen16AVX2(SB), NOSPLIT, $0-24
	MOVQ n+0(FP), CX
	MOVQ counts+8(FP), SI
	MOVQ out+16(FP), DI
	XORQ AX, AX
widen:
	VPMOVZXWD (SI)(AX*2), Y0
	VCVTDQ2PS Y0, Y0
	VMOVUPS Y0, (DI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT widen
	VZEROUPPER
	RET

// func gather16AVX2(n int, counts, least, most *uint16, sum *uint32)
TEXT ·gather16AVX2(SB), NOSPLIT, $0-40
	MOVQ n+0(FP), CX
	MOVQ counts+8(FP), SI
	MOVQ least+16(FP), DI
	MOVQ most+24(FP), DX
	MOVQ sum+32(FP), BX
	XORQ AX, AX
	ADDQ CX, CX
gather:
	VMOVDQU (SI)(AX*1), Y0
	VPMINUW (DI)(AX*1), Y0, Y1
	VPMAXUW (DX)(AX*1), Y0, Y2
	VMOVDQU Y1, (DI)(AX*1)
	VMOVDQU Y2, (DX)(AX*1)
	VPMOVZXWD (SI)(AX*1), Y3
	VPMOVZXWD 16(SI)(AX*1), Y4
	VPADDD (BX)(AX*2), Y3, Y3
	VPADDD 32(BX)(AX*2), Y4, Y4
	VMOVDQU Y3, (BX)(AX*2)
	VMOVDQU Y4, 32(BX)(AX*2)
	ADDQ $32, AX
	CMPQ AX, CX
	JLT gather
	VZEROUPPER
	RET

// func bound32AVX2(n int, counts, least, most *float32)
TEXT ·bound32AVX2(SB), NOSPLIT, $0-32
	MOVQ n+0(FP), CX
	MOVQ counts+8(FP), SI
	MOVQ least+16(FP), DI
	MOVQ most+24(FP), DX
	XORQ AX, AX
bound:
	VMOVUPS (SI)(AX*4), Y0
	VMINPS (DI)(AX*4), Y0, Y1
	VMAXPS (DX)(AX*4), Y0, Y2
	VMOVUPS Y1, (DI)(AX*4)
	VMOVUPS Y2, (DX)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT bound
	VZEROUPPER
	RET

// func add32AVX2(n int, counts *float32, sum *float64)
TEXT ·add32AVX2(SB), NOSPLIT, $0-24
	MOVQ n+0(FP), CX
	MOVQ counts+8(FP), SI
	MOVQ sum+16(FP), DI
	XORQ AX, AX
add:
	VCVTPS2PD (SI)(AX*4), Y0
	VCVTPS2PD 16(SI)(AX*4), Y1
	VADDPD (DI)(AX*8), Y0, Y0
	VADDPD 32(DI)(AX*8), Y1, Y1
	VMOVUPD Y0, (DI)(AX*8)
	VMOVUPD Y1, 32(DI)(AX*8)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT add
	VZEROUPPER
	RET
