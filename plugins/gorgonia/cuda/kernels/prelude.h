// prelude.h holds what all kernels share. The kernels are written in a subset of CUDA C that is also C: fake/shim.h compiles
// them for the CPU. REAL is float or double; SINGLE is defined for float.
//
// Rules of the subset: one parameter of type Args; shared memory only through SHARED, LD and ST; barriers only in kernels
// that are declared with BLOCK_KERNEL; sums in an order that depends on the shape only, so no atomics.
#ifndef PRELUDE_H
#define PRELUDE_H

// Args is the parameter of every kernel: addresses, extents and numbers. The launch code in Go has the same layout.
typedef struct {
	void *p[10];
	long long n[20];
	double f[8];
} Args;

#ifdef __CUDACC__
#define KERNEL(name) extern "C" __global__ void name(const __grid_constant__ Args a)
#define BLOCK_KERNEL(name) extern "C" __global__ void __launch_bounds__(256) name(const __grid_constant__ Args a)
#define DEVICE static __device__ __forceinline__
#define SHARED(T, name) extern __shared__ double shared_pool[]; T *name = (T *)shared_pool
#define LD(b, i) ((b)[i])
#define ST(b, i, v) ((b)[i] = (v))
#define BARRIER() __syncthreads()
#else
#include "shim.h"
#endif

#ifdef SINGLE
typedef float REAL;
#define EXP(x) expf(x)
#define TANH(x) tanhf(x)
#define SQRT(x) sqrtf(x)
#define LOG1P(x) log1pf(x)
#define ABS(x) fabsf(x)
#define SINCOS(x, s, c) sincosf(x, s, c)
#else
typedef double REAL;
#define EXP(x) exp(x)
#define TANH(x) tanh(x)
#define SQRT(x) sqrt(x)
#define LOG1P(x) log1p(x)
#define ABS(x) fabs(x)
#define SINCOS(x, s, c) sincos(x, s, c)
#endif

#define IN(i) ((const REAL *)a.p[i])
#define OUT(i) ((REAL *)a.p[i])
#define N(i) (a.n[i])
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#define MIN(x, y) ((x) < (y) ? (x) : (y))

// EACH runs over 0 … n-1 with all threads of the grid.
#define EACH(i, n) for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (long long)gridDim.x * blockDim.x)

// LANES runs over 0 … n-1 with the threads of one block.
#define LANES(i, n) for (long long i = threadIdx.x; i < (n); i += blockDim.x)

// block_sum adds v over the 256 threads of a block by a fixed tree. Every thread receives the sum.
DEVICE double block_sum(double *s, double v) {
	int t = threadIdx.x;
	ST(s, t, v);
	BARRIER();
	for (int half = 128; half > 0; half >>= 1) {
		if (t < half)
			ST(s, t, LD(s, t) + LD(s, t + half));
		BARRIER();
	}
	v = LD(s, 0);
	BARRIER();
	return v;
}

// block_max is block_sum for the maximum.
DEVICE double block_max(double *s, double v) {
	int t = threadIdx.x;
	ST(s, t, v);
	BARRIER();
	for (int half = 128; half > 0; half >>= 1) {
		if (t < half)
			ST(s, t, MAX(LD(s, t), LD(s, t + half)));
		BARRIER();
	}
	v = LD(s, 0);
	BARRIER();
	return v;
}
#endif
