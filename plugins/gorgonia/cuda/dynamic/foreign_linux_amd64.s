//go:build !cgo

#include "go_asm.h"
#include "textflag.h"

#define SYS_rt_sigprocmask 14
#define SYS_clone 56
#define SYS_futex 202

// Memory, file system, files, signal handlers, semaphores and thread group are shared: what Go's runtime asks for.
#define cloneFlags 0x50f00
#define SIG_SETMASK 2

// func spawn(stack, entry uintptr) int
TEXT ·spawn(SB),NOSPLIT,$32-24
	MOVQ	$-1, AX // block all signals; the new thread inherits the mask
	MOVQ	AX, set-8(SP)
	MOVQ	$SYS_rt_sigprocmask, AX
	MOVQ	$SIG_SETMASK, DI
	LEAQ	set-8(SP), SI
	LEAQ	old-16(SP), DX
	MOVQ	$8, R10
	SYSCALL

	MOVQ	stack+0(FP), SI
	MOVQ	entry+8(FP), R12
	MOVQ	$SYS_clone, AX
	MOVQ	$cloneFlags, DI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	SYSCALL
	TESTQ	AX, AX
	JNE	parent
	XORL	DX, DX // no function to call at exit
	XORL	BP, BP
	JMP	R12

parent:
	MOVQ	AX, ret+16(FP)
	MOVQ	$SYS_rt_sigprocmask, AX
	MOVQ	$SIG_SETMASK, DI
	LEAQ	old-16(SP), SI
	XORL	DX, DX
	MOVQ	$8, R10
	SYSCALL
	RET

// func serveAddress() uintptr
TEXT ·serveAddress(SB),NOSPLIT,$0-8
	MOVQ	$·serve(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// serve runs on the thread of the dynamic linker with its stack. It calls the function of the box by the C convention: six
// arguments in registers and six on the stack.
TEXT ·serve(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	ANDQ	$~15, SP
	SUBQ	$64, SP
	MOVQ	$·mailbox(SB), BX // kept by the functions that are called
	MOVL	$const_started, AX
	XCHGL	AX, box_state(BX)
	JMP	wake

next: // look for the next call for about 50 µs before sleeping: calls come in bursts
	MOVL	$const_patience, R12
look:
	MOVL	box_state(BX), DX
	CMPL	DX, $const_asked
	JEQ	call
	PAUSE
	DECL	R12
	JNE	look
	MOVQ	$SYS_futex, AX // sleep while the state is what it was
	LEAQ	box_state(BX), DI
	MOVQ	$const_futexWait, SI
	XORL	R10, R10
	XORL	R8, R8
	XORL	R9, R9
	SYSCALL
	JMP	next

call:
	MOVQ	(box_args+48)(BX), AX
	MOVQ	AX, 0(SP)
	MOVQ	(box_args+56)(BX), AX
	MOVQ	AX, 8(SP)
	MOVQ	(box_args+64)(BX), AX
	MOVQ	AX, 16(SP)
	MOVQ	(box_args+72)(BX), AX
	MOVQ	AX, 24(SP)
	MOVQ	(box_args+80)(BX), AX
	MOVQ	AX, 32(SP)
	MOVQ	(box_args+88)(BX), AX
	MOVQ	AX, 40(SP)
	MOVQ	(box_args+0)(BX), DI
	MOVQ	(box_args+8)(BX), SI
	MOVQ	(box_args+16)(BX), DX
	MOVQ	(box_args+24)(BX), CX
	MOVQ	(box_args+32)(BX), R8
	MOVQ	(box_args+40)(BX), R9
	MOVQ	box_function(BX), R10
	XORL	AX, AX // no vector registers are used by the arguments
	CALL	R10
	MOVQ	AX, box_result(BX)
	MOVL	$const_replied, AX
	XCHGL	AX, box_state(BX)

wake:
	MOVQ	$SYS_futex, AX
	LEAQ	box_state(BX), DI
	MOVQ	$const_futexWake, SI
	MOVQ	$1, DX
	XORL	R10, R10
	XORL	R8, R8
	XORL	R9, R9
	SYSCALL
	JMP	next
