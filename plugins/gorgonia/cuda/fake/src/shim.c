// shim.c runs kernels on the CPU and checks what a GPU would not report: barriers that not all threads of a block reach, shared
// memory out of bounds, reads of shared memory that nobody wrote, and accesses of two threads without a barrier between.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prelude.h"

#define THREADS 1024
#define STACK (64 << 10)

Index threadIdx, blockIdx, blockDim, gridDim;

char *shim_memory;
Cell *shim_cells;
unsigned long shim_size;
unsigned shim_phase; // barriers since the block began

static char *report;
static size_t room;
static int failed;

static void fail(const char *format, ...) {
	if (failed++)
		return;
	va_list args;
	va_start(args, format);
	int n = snprintf(report, room, "block %u %u %u, thread %u: ", blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x);
	vsnprintf(report + n, room - n, format, args);
	va_end(args);
}

void *shim_shared(void) { return shim_memory; }

// shim_failed reports what is wrong with an access to shared memory. It returns memory that may be used instead.
void *shim_failed(const void *p, unsigned long size, int write) {
	static double nowhere;
	long at = (const char *)p - shim_memory;
	if (at < 0 || at + size > shim_size) {
		fail("shared memory of %lu bytes is accessed at byte %ld", shim_size, at);
		return &nowhere;
	}
	for (unsigned long c = at / UNIT; c <= (at + size - 1) / UNIT; c++) {
		Cell *u = &shim_cells[c];
		if (!write && u->writer == NOBODY)
			fail("byte %ld of shared memory is read before it is written", at);
		if (u->writer != NOBODY && u->wrote == shim_phase && u->writer != threadIdx.x)
			fail("byte %ld of shared memory is written by thread %d and %s without a barrier", at, u->writer, write ? "written again" : "read");
		if (write && u->reader != NOBODY && u->read == shim_phase && u->reader != threadIdx.x)
			fail("byte %ld of shared memory is read by another thread and written without a barrier", at);
	}
	return (void *)p;
}

// Fibres. A fibre is a stack; a switch saves the registers that a function must keep, and the stack pointer.
static void (*kernel)(const Args);
static Args arguments;
static void *scheduler, *threads[THREADS]; // stack pointers
static char *stacks[THREADS];
static int at[THREADS]; // line of the barrier at which a thread waits, 0 before the first, -1 after the end
static char mode;
static int ordered; // 0: the present barrier is one of shim_mma

void shim_switch(void **save, void *load);
__asm__(".text\n.globl shim_switch\n.hidden shim_switch\n.type shim_switch,@function\nshim_switch:\n"
	"push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");

void shim_barrier(int line) {
	int me = threadIdx.x;
	if (mode != 'b') {
		fail("line %d has a barrier, but the kernel is not a BLOCK_KERNEL", line);
		return;
	}
	at[me] = line;
	shim_switch(&threads[me], scheduler);
}

// shim_mma adds to d what a warp computes with mma.m16n8k8 for TF32: the product of a [16, 8] and b [8, 8]. Each lane gives four elements of
// a and two of b and receives four of d, at the places that the PTX manual lists. All threads of the block must call it together. The shim
// waits twice for that, which is not a barrier: it does not order accesses to shared memory.
void shim_mma(float *d, const float *a, const float *b, int line) {
	static float all[THREADS][6];
	int me = threadIdx.x, warp = me & ~31, group = me % 32 / 4, lane = me % 4;
	memcpy(all[me], a, 4 * sizeof *a);
	memcpy(all[me] + 4, b, 2 * sizeof *b);
	ordered = 0;
	shim_barrier(line);
	for (int e = 0; e < 4; e++) {
		int row = group + e / 2 * 8, column = 2 * lane + e % 2;
		for (int k = 0; k < 8; k++)
			d[e] += all[warp + row % 8 * 4 + k % 4][row / 8 + k / 4 * 2] * all[warp + column * 4 + k % 4][4 + k / 4];
	}
	ordered = 0;
	shim_barrier(line);
}

static void begin(void) {
	int me = threadIdx.x;
	kernel(arguments);
	at[me] = -1;
	shim_switch(&threads[me], scheduler);
	abort(); // it is never resumed
}

// prepare makes a thread ready to start at begin.
static void prepare(unsigned t) {
	void **top = (void **)(((size_t)stacks[t] + STACK) & ~(size_t)15);
	*--top = NULL; // the return address of begin, which keeps the stack aligned as after a call
	*--top = (void *)begin;
	threads[t] = top - 6; // the registers
	at[t] = 0;
}

// resume runs a thread until its next barrier or its end.
static void resume(unsigned t) {
	if (at[t] < 0)
		return;
	threadIdx.x = t;
	shim_switch(&scheduler, threads[t]);
}

static void block(void) {
	for (size_t c = 0; c < (shim_size + UNIT - 1) / UNIT; c++)
		shim_cells[c] = (Cell){0, 0, NOBODY, NOBODY};
	shim_phase = 0;
	if (mode == 't') {
		for (threadIdx.x = 0; threadIdx.x < blockDim.x; threadIdx.x++)
			kernel(arguments);
		return;
	}
	for (unsigned t = 0; t < blockDim.x; t++)
		prepare(t);
	memset(shim_memory, 0xff, shim_size);
	for (;; shim_phase += ordered) {
		ordered = 1;
		for (unsigned t = 0; t < blockDim.x; t++)
			resume(t);
		for (unsigned t = 1; t < blockDim.x; t++)
			if (at[t] != at[0]) {
				fail("a barrier is not reached by all threads: thread 0 is at line %d, thread %u at line %d", at[0], t, at[t]);
				return;
			}
		if (at[0] < 0 || failed)
			return;
	}
}

// shim_launch runs a kernel for a grid. It returns 0, or 1 with a sentence in text.
int shim_launch(void (*f)(const Args), char m, const unsigned grid[3], unsigned threadsOfBlock, size_t bytes, const Args *a, char *text, size_t n) {
	report = text, room = n, failed = 0;
	kernel = f, mode = m, arguments = *a, shim_size = bytes;
	gridDim = (Index){grid[0], grid[1], grid[2]};
	blockDim = (Index){threadsOfBlock, 1, 1};
	shim_memory = malloc(bytes + 8);
	shim_cells = malloc((bytes / UNIT + 2) * sizeof *shim_cells);
	for (unsigned t = 0; mode == 'b' && t < threadsOfBlock; t++)
		if (!stacks[t])
			stacks[t] = malloc(STACK);
	for (blockIdx.z = 0; blockIdx.z < grid[2] && !failed; blockIdx.z++)
		for (blockIdx.y = 0; blockIdx.y < grid[1] && !failed; blockIdx.y++)
			for (blockIdx.x = 0; blockIdx.x < grid[0] && !failed; blockIdx.x++)
				block();
	free(shim_memory);
	free(shim_cells);
	return failed ? 1 : 0;
}
