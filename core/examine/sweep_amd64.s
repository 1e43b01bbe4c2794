#include "textflag.h"

// Kernels that examine one frame, described in sweep.go and vector.go. Y0, Y1 and Y2 hold the largest, second and third value of each
// lane, Y3 and Y4 the sums. The bits of above, one number for each vector, say which values are above least: two bits for a value
// of 16 bits.

// func sweep16AVX2(n int, counts, good, least, most *uint16, s *state16, above *uint32)
TEXT ·sweep16AVX2(SB), NOSPLIT, $0-56
	MOVQ n+0(FP), CX
	MOVQ counts+8(FP), SI
	MOVQ good+16(FP), DI
	MOVQ least+24(FP), BX
	MOVQ most+32(FP), DX
	MOVQ s+40(FP), R8
	MOVQ above+48(FP), R9
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y6, Y6, Y6
	VPCMPEQW Y7, Y7, Y7
	VPSRLW $8, Y7, Y7
	XORQ AX, AX
	XORL R11, R11
	ADDQ CX, CX
sixteen:
	VMOVDQU (SI)(AX*1), Y8
	VPAND (DI)(AX*1), Y8, Y8
	VPMAXUW (DX)(AX*1), Y8, Y9
	VMOVDQU Y9, (DX)(AX*1)
	VPSUBUSW (BX)(AX*1), Y8, Y10
	VPCMPEQW Y6, Y10, Y10
	VPMOVMSKB Y10, R10
	NOTL R10
	MOVL R10, (R9)
	ADDQ $4, R9
	ORL R10, R11
	VPMINUW Y8, Y0, Y11
	VPMAXUW Y8, Y0, Y0
	VPMINUW Y11, Y1, Y12
	VPMAXUW Y11, Y1, Y1
	VPMAXUW Y12, Y2, Y2
	VPAND Y7, Y8, Y13
	VPSADBW Y6, Y13, Y13
	VPADDQ Y13, Y3, Y3
	VPSRLW $8, Y8, Y14
	VPSADBW Y6, Y14, Y14
	VPADDQ Y14, Y4, Y4
	ADDQ $32, AX
	CMPQ AX, CX
	JLT sixteen
	VMOVDQU Y0, 0(R8)
	VMOVDQU Y1, 32(R8)
	VMOVDQU Y2, 64(R8)
	VMOVDQU Y3, 96(R8)
	VMOVDQU Y4, 128(R8)
	MOVL R11, 160(R8)
	VZEROUPPER
	RET

// func sweep32AVX2(n int, counts, good, least, most *float32, s *state32, above *uint32)
TEXT ·sweep32AVX2(SB), NOSPLIT, $0-56
	MOVQ n+0(FP), CX
	MOVQ counts+8(FP), SI
	MOVQ good+16(FP), DI
	MOVQ least+24(FP), BX
	MOVQ most+32(FP), DX
	MOVQ s+40(FP), R8
	MOVQ above+48(FP), R9
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	XORQ AX, AX
	XORL R11, R11
	SHLQ $2, CX
eight:
	VMOVUPS (SI)(AX*1), Y8
	VANDPS (DI)(AX*1), Y8, Y8
	VMAXPS (DX)(AX*1), Y8, Y9
	VMOVUPS Y9, (DX)(AX*1)
	VCMPPS $0x1E, (BX)(AX*1), Y8, Y10
	VMOVMSKPS Y10, R10
	MOVL R10, (R9)
	ADDQ $4, R9
	ORL R10, R11
	VMINPS Y8, Y0, Y11
	VMAXPS Y8, Y0, Y0
	VMINPS Y11, Y1, Y12
	VMAXPS Y11, Y1, Y1
	VMAXPS Y12, Y2, Y2
	VCVTPS2PD X8, Y13
	VADDPD Y13, Y3, Y3
	VEXTRACTF128 $1, Y8, X14
	VCVTPS2PD X14, Y14
	VADDPD Y14, Y4, Y4
	ADDQ $32, AX
	CMPQ AX, CX
	JLT eight
	VMOVUPS Y0, 0(R8)
	VMOVUPS Y1, 32(R8)
	VMOVUPS Y2, 64(R8)
	VMOVUPS Y3, 96(R8)
	VMOVUPS Y4, 128(R8)
	MOVL R11, 160(R8)
	VZEROUPPER
	RET

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
