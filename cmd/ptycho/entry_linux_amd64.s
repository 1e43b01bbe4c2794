// ptycho_entry is the first instruction of the program where the linker is told so (-ldflags=-E=ptycho_entry). It looks at the
// limits under which Go's runtime ends before main with a stack in place of a sentence, says which one is too low, and ends
// with exit code 10. Otherwise it continues at the runtime's entry. checkLimits has the same limits, for other systems and builds.
//
// The kernel leaves the number of arguments at 0(SP); no Go code has run, and no stack but this one exists.

#include "go_asm.h"
#include "textflag.h"

#define SYS_write 1
#define SYS_exit_group 231
#define SYS_getrlimit 97
#define SYS_geteuid 107
#define RLIMIT_NPROC 6
#define RLIMIT_NOFILE 7
#define RLIMIT_AS 9

#define exitUsage 10
#define allowsSize 25
#define addressSpaceSize 101
#define filesSize 72
#define threadsSize 83

TEXT ptycho_entry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	SUBQ	$64, SP // 0(SP): rlimit {Cur, Max uint64}; 16(SP) … 64(SP): digits
	MOVQ	DX, R12 // what the kernel passes to the runtime

	MOVQ	$SYS_getrlimit, AX
	MOVQ	$RLIMIT_NOFILE, DI
	MOVQ	SP, SI
	SYSCALL
	TESTQ	AX, AX
	JNE	memory
	MOVQ	0(SP), R13
	CMPQ	R13, $const_leastFiles
	JCC	memory
	MOVQ	$filesText<>(SB), R14
	MOVQ	$filesSize, R15
	JMP	fail

memory:
	MOVQ	$SYS_getrlimit, AX
	MOVQ	$RLIMIT_AS, DI
	MOVQ	SP, SI
	SYSCALL
	TESTQ	AX, AX
	JNE	threads
	MOVQ	0(SP), R13
	MOVQ	$const_leastAddressSpace, BX
	CMPQ	R13, BX
	JCC	threads
	SHRQ	$10, R13 // KiB, the unit of ulimit -v
	MOVQ	$addressSpace<>(SB), R14
	MOVQ	$addressSpaceSize, R15
	JMP	fail

threads:
	MOVQ	$SYS_geteuid, AX
	SYSCALL
	TESTQ	AX, AX
	JEQ	start // the limit does not apply to root
	MOVQ	$SYS_getrlimit, AX
	MOVQ	$RLIMIT_NPROC, DI
	MOVQ	SP, SI
	SYSCALL
	TESTQ	AX, AX
	JNE	start
	MOVQ	0(SP), R13
	CMPQ	R13, $const_leastThreads
	JCC	start
	MOVQ	$threadsText<>(SB), R14
	MOVQ	$threadsSize, R15
	JMP	fail

start:
	MOVQ	R12, DX
	ADDQ	$64, SP
	JMP	_rt0_amd64_linux(SB)

fail: // writes "… allows R13" and the R15 bytes at R14
	LEAQ	64(SP), R12
	MOVQ	R13, AX
	MOVQ	$10, BX
digit:
	XORQ	DX, DX
	DIVQ	BX
	ADDQ	$'0', DX
	DECQ	R12
	MOVB	DX, (R12)
	TESTQ	AX, AX
	JNE	digit

	MOVQ	$SYS_write, AX
	MOVQ	$2, DI
	MOVQ	$allows<>(SB), SI
	MOVQ	$allowsSize, DX
	SYSCALL
	MOVQ	$SYS_write, AX
	MOVQ	$2, DI
	MOVQ	R12, SI
	LEAQ	64(SP), DX
	SUBQ	R12, DX
	SYSCALL
	MOVQ	$SYS_write, AX
	MOVQ	$2, DI
	MOVQ	R14, SI
	MOVQ	R15, DX
	SYSCALL
	MOVQ	$SYS_exit_group, AX
	MOVQ	$exitUsage, DI
	SYSCALL
	INT	$3

DATA allows<>+0(SB)/8, $"ptycho: "
DATA allows<>+8(SB)/8, $"the shel"
DATA allows<>+16(SB)/8, $"l allows"
DATA allows<>+24(SB)/1, $" "
GLOBL allows<>(SB), RODATA|NOPTR, $allowsSize

DATA addressSpace<>+0(SB)/8, $" KiB of "
DATA addressSpace<>+8(SB)/8, $"address "
DATA addressSpace<>+16(SB)/8, $"space, b"
DATA addressSpace<>+24(SB)/8, $"ut at le"
DATA addressSpace<>+32(SB)/8, $"ast 1572"
DATA addressSpace<>+40(SB)/8, $"864 KiB "
DATA addressSpace<>+48(SB)/8, $"(1.5 GiB"
DATA addressSpace<>+56(SB)/8, $") are ne"
DATA addressSpace<>+64(SB)/8, $"eded; ra"
DATA addressSpace<>+72(SB)/8, $"ise the "
DATA addressSpace<>+80(SB)/8, $"limit wi"
DATA addressSpace<>+88(SB)/8, $"th ulimi"
DATA addressSpace<>+96(SB)/5, $"t -v\n"
GLOBL addressSpace<>(SB), RODATA|NOPTR, $addressSpaceSize

DATA threadsText<>+0(SB)/8, $" process"
DATA threadsText<>+8(SB)/8, $"es and t"
DATA threadsText<>+16(SB)/8, $"hreads, "
DATA threadsText<>+24(SB)/8, $"but at l"
DATA threadsText<>+32(SB)/8, $"east 32 "
DATA threadsText<>+40(SB)/8, $"are need"
DATA threadsText<>+48(SB)/8, $"ed; rais"
DATA threadsText<>+56(SB)/8, $"e the li"
DATA threadsText<>+64(SB)/8, $"mit with"
DATA threadsText<>+72(SB)/8, $" ulimit "
DATA threadsText<>+80(SB)/3, $"-u\n"
GLOBL threadsText<>(SB), RODATA|NOPTR, $threadsSize

DATA filesText<>+0(SB)/8, $" open fi"
DATA filesText<>+8(SB)/8, $"les, but"
DATA filesText<>+16(SB)/8, $" at leas"
DATA filesText<>+24(SB)/8, $"t 48 are"
DATA filesText<>+32(SB)/8, $" needed;"
DATA filesText<>+40(SB)/8, $" raise t"
DATA filesText<>+48(SB)/8, $"he limit"
DATA filesText<>+56(SB)/8, $" with ul"
DATA filesText<>+64(SB)/8, $"imit -n\n"
GLOBL filesText<>(SB), RODATA|NOPTR, $filesSize
