// shim.h makes the kernels C: each becomes a function, and shim.c calls it for every thread of every block. Threads of a kernel
// with barriers are fibres that switch at barriers. Each access to shared memory is checked for its bounds, for reads of values
// that nobody wrote, and for races between two barriers.
#define _GNU_SOURCE // sincos
#include <math.h>

#define KERNEL(name) \
	const char name##_mode = 't'; \
	void name(const Args a)
#define BLOCK_KERNEL(name) BLOCK_KERNEL_(name)
#define BLOCK_KERNEL_(name) \
	const char name##_mode = 'b'; \
	void name(const Args a)
#define DEVICE static inline
#define SHARED(T, name) T *name = (T *)shim_shared()
#ifdef UNCHECKED // for networks, which take long
#define LD(b, i) ((b)[i])
#define ST(b, i, v) ((b)[i] = (v))
#else
#define LD(b, i) (*(__typeof__(b))shim_read((b) + (i), sizeof(*(b))))
#define ST(b, i, v) (*(__typeof__(b))shim_write((b) + (i), sizeof(*(b))) = (v))
#endif
#define BARRIER() shim_barrier(__LINE__)
#define MMA(d, a, b) shim_mma(d, a, b, __LINE__)

typedef struct {
	unsigned x, y, z;
} Index;

extern Index threadIdx, blockIdx, blockDim, gridDim;

void *shim_shared(void);
void shim_barrier(int line);
void *shim_failed(const void *p, unsigned long size, int write);
void shim_mma(float *d, const float *a, const float *b, int line);

// tf32 rounds to 10 bits after the leading one, halves away from zero, as cvt.rna.tf32.
static inline float tf32(float v) {
	union {
		float f;
		unsigned u;
	} x = {v};
	if (isfinite(v))
		x.u = (x.u + 0x1000) & ~0x1fffu;
	return x.f;
}

// UNIT is the number of bytes of shared memory that are tracked together.
#ifdef SINGLE
#define UNIT 4
#else
#define UNIT 8
#endif

// Cell is what is known of a unit of shared memory: the threads that last wrote and read it, and after how many barriers.
// Nobody is 0xffff, and several readers are 0xfffe.
typedef struct {
	unsigned wrote, read;
	unsigned short writer, reader;
} Cell;

enum { NOBODY = 0xffff, SEVERAL = 0xfffe };

extern char *shim_memory;
extern Cell *shim_cells;
extern unsigned long shim_size;
extern unsigned shim_phase;

static inline void *shim_read(const void *p, unsigned long size) {
	unsigned long at = (const char *)p - shim_memory;
	if (__builtin_expect(at + size > shim_size || at > shim_size, 0))
		return shim_failed(p, size, 0);
	for (unsigned long c = at / UNIT; c <= (at + size - 1) / UNIT; c++) {
		Cell *u = &shim_cells[c];
		if (__builtin_expect(u->writer == NOBODY || (u->wrote == shim_phase && u->writer != threadIdx.x), 0))
			return shim_failed(p, size, 0);
		u->reader = u->read != shim_phase || u->reader == threadIdx.x ? (unsigned short)threadIdx.x : SEVERAL;
		u->read = shim_phase;
	}
	return (void *)p;
}

static inline void *shim_write(const void *p, unsigned long size) {
	unsigned long at = (const char *)p - shim_memory;
	if (__builtin_expect(at + size > shim_size || at > shim_size, 0))
		return shim_failed(p, size, 1);
	for (unsigned long c = at / UNIT; c <= (at + size - 1) / UNIT; c++) {
		Cell *u = &shim_cells[c];
		if (__builtin_expect((u->wrote == shim_phase && u->writer != NOBODY && u->writer != threadIdx.x) || (u->read == shim_phase && u->reader != NOBODY && u->reader != threadIdx.x), 0))
			return shim_failed(p, size, 1);
		u->writer = (unsigned short)threadIdx.x;
		u->wrote = shim_phase;
	}
	return (void *)p;
}
