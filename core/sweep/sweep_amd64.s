#include "go_asm.h"
#include "textflag.h"

// Kernels that look at one pattern, described in sweep.go. AX is the offset of a vector in bytes.

// HIT writes the hit of a vector whose bits are in R10, and goes on to the next if there is one. shift makes an index of AX.
#define HIT(shift) \
	MOVL R10, (R9); \
	MOVQ AX, R12; \
	SHRQ $shift, R12; \
	MOVL R12, 4(R9); \
	XORL R13, R13; \
	TESTL R10, R10; \
	SETNE R13; \
	LEAQ (R9)(R13*8), R9

// HITS leaves the number of hits in R9.
#define HITS \
	SUBQ R11, R9; \
	SHRQ $3, R9

// CONSTANT fills a register with a 16-bit number.
#define CONSTANT(value, x, y) \
	MOVL $value, R10; \
	MOVQ R10, x; \
	VPBROADCASTW x, y

// LOAD and STORE copy the state at R8: in both sweeps Y0, Y1 and Y2 hold the largest, second and third value of each lane, Y3 and Y4 the
// sums, Y5 the hash.
#define LOAD \
	VMOVDQU 0(R8), Y0; \
	VMOVDQU 32(R8), Y1; \
	VMOVDQU 64(R8), Y2; \
	VMOVDQU 96(R8), Y3; \
	VMOVDQU 128(R8), Y4; \
	VMOVDQU 160(R8), Y5

#define STORE \
	VMOVDQU Y0, 0(R8); \
	VMOVDQU Y1, 32(R8); \
	VMOVDQU Y2, 64(R8); \
	VMOVDQU Y3, 96(R8); \
	VMOVDQU Y4, 128(R8); \
	VMOVDQU Y5, 160(R8)

// func sweep16AVX2(from, to int, counts, most *uint16, s *state16, hits *hit) int
TEXT ·sweep16AVX2(SB), NOSPLIT, $0-56
	MOVQ from+0(FP), AX
	MOVQ to+8(FP), CX
	MOVQ counts+16(FP), SI
	MOVQ most+24(FP), DX
	MOVQ s+32(FP), R8
	MOVQ hits+40(FP), R9
	MOVQ R9, R11
	LOAD
	VPXOR Y6, Y6, Y6
	VPCMPEQW Y7, Y7, Y7
	VPSRLW $8, Y7, Y7
	CONSTANT(const_hashFactor, X14, Y14)
	CONSTANT(const_floor, X15, Y15)
	ADDQ AX, AX
	ADDQ CX, CX
sixteen:
	VMOVDQU (SI)(AX*1), Y8
	VPMAXUW (DX)(AX*1), Y8, Y9
	VMOVDQU Y9, (DX)(AX*1)
	VPMAXUW -2(SI)(AX*1), Y15, Y10
	VPMAXUW 2(SI)(AX*1), Y10, Y10
	VPSRLW $1, Y8, Y11
	VPMAXUW Y11, Y10, Y10
	VPCMPEQW Y11, Y10, Y10
	VPMOVMSKB Y10, R10
	HIT(1)
	VPMULLW Y14, Y5, Y5
	VPADDW Y8, Y5, Y5
	VPMINUW Y8, Y0, Y11
	VPMAXUW Y8, Y0, Y0
	VPMINUW Y11, Y1, Y12
	VPMAXUW Y11, Y1, Y1
	VPMAXUW Y12, Y2, Y2
	VPAND Y7, Y8, Y13
	VPSADBW Y6, Y13, Y13
	VPADDQ Y13, Y3, Y3
	VPSRLW $8, Y8, Y8
	VPSADBW Y6, Y8, Y8
	VPADDQ Y8, Y4, Y4
	ADDQ $32, AX
	CMPQ AX, CX
	JLT sixteen
	STORE
	VZEROUPPER
	HITS
	MOVQ R9, ret+48(FP)
	RET

// func sweep32AVX2(from, to int, counts, most *float32, s *state32, hits *hit) int
TEXT ·sweep32AVX2(SB), NOSPLIT, $0-56
	MOVQ from+0(FP), AX
	MOVQ to+8(FP), CX
	MOVQ counts+16(FP), SI
	MOVQ most+24(FP), DX
	MOVQ s+32(FP), R8
	MOVQ hits+40(FP), R9
	MOVQ R9, R11
	LOAD
	CONSTANT(const_hashFactor, X14, Y14)
	MOVL $0x40400000, R10 // 3
	MOVQ R10, X15
	VBROADCASTSS X15, Y15
	MOVL $0x3F000000, R10 // 1/2
	MOVQ R10, X7
	VBROADCASTSS X7, Y7
	SHLQ $2, AX
	SHLQ $2, CX
eight:
	VMOVUPS (SI)(AX*1), Y8
	VMAXPS (DX)(AX*1), Y8, Y9
	VMOVUPS Y9, (DX)(AX*1)
	VMAXPS -4(SI)(AX*1), Y15, Y10
	VMAXPS 4(SI)(AX*1), Y10, Y10
	VMULPS Y7, Y8, Y11
	VCMPPS $0x1D, Y10, Y11, Y10
	VMOVMSKPS Y10, R10
	HIT(2)
	VPMULLW Y14, Y5, Y5
	VPADDW Y8, Y5, Y5
	VMINPS Y8, Y0, Y11
	VMAXPS Y8, Y0, Y0
	VMINPS Y11, Y1, Y12
	VMAXPS Y11, Y1, Y1
	VMAXPS Y12, Y2, Y2
	VCVTPS2PD X8, Y13
	VADDPD Y13, Y3, Y3
	VEXTRACTF128 $1, Y8, X13
	VCVTPS2PD X13, Y13
	VADDPD Y13, Y4, Y4
	ADDQ $32, AX
	CMPQ AX, CX
	JLT eight
	STORE
	VZEROUPPER
	HITS
	MOVQ R9, ret+48(FP)
	RET

// func above32AVX2(from, to int, counts, least *float32, hits *hit) int
TEXT ·above32AVX2(SB), NOSPLIT, $0-48
	MOVQ from+0(FP), AX
	MOVQ to+8(FP), CX
	MOVQ counts+16(FP), SI
	MOVQ least+24(FP), BX
	MOVQ hits+32(FP), R9
	MOVQ R9, R11
	SHLQ $2, AX
	SHLQ $2, CX
above:
	VMOVUPS (SI)(AX*1), Y8
	VCMPPS $0x1E, (BX)(AX*1), Y8, Y10
	VMOVMSKPS Y10, R10
	HIT(2)
	ADDQ $32, AX
	CMPQ AX, CX
	JLT above
	VZEROUPPER
	HITS
	MOVQ R9, ret+40(FP)
	RET
