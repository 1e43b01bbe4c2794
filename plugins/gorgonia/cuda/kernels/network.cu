// Layers of networks other than the convolution.
#include "prelude.h"

// larger returns the larger number, or the one that is not a number.
DEVICE REAL larger(REAL x, REAL y) { return x > y || x != x ? x : y; }

// maxpool: p0 x, p1 out; n0 planes, n1 rows and n2 columns of out.
KERNEL(maxpool) {
	long long h = N(1), w = N(2);
	EACH(i, N(0) * h * w) {
		const REAL *x = IN(0) + (i / w * 2) * 2 * w + 2 * (i % w);
		OUT(1)[i] = larger(larger(x[0], x[1]), larger(x[2 * w], x[2 * w + 1]));
	}
}

// maxpool_back gives every maximum of a tie the whole gradient: p0 x, p1 y, p2 g, p3 d; n0 planes, n1 rows and n2 columns of y.
KERNEL(maxpool_back) {
	long long h = N(1), w = N(2);
	EACH(i, N(0) * h * w * 4) {
		long long at = i / (2 * w) / 2 * w + i % (2 * w) / 2; // 2h rows of 2w; rows of all planes are consecutive
		OUT(3)[i] = IN(0)[i] == IN(1)[at] ? IN(2)[at] : (REAL)0;
	}
}

// squares: p0 in, p1 out; n0 planes, n1 rows and n2 columns of the small image, n3 operation, f0 factor. Operation 0 sums each
// square of 2×2 pixels, operation 1 writes each pixel to a square.
KERNEL(squares) {
	long long h = N(1), w = N(2);
	REAL f = (REAL)a.f[0];
	if (N(3) == 0) {
		EACH(i, N(0) * h * w) {
			const REAL *x = IN(0) + (i / w * 2) * 2 * w + 2 * (i % w);
			OUT(1)[i] = ((x[0] + x[1]) + (x[2 * w] + x[2 * w + 1])) * f;
		}
		return;
	}
	EACH(i, N(0) * h * w * 4)
		OUT(1)[i] = IN(0)[i / (2 * w) / 2 * w + i % (2 * w) / 2] * f;
}

// plane_sum sums each plane, or with p1 the product of two: p0 x, p1 y or null, p2 out; n0 planes, n1 pixels, f0 divisor.
BLOCK_KERNEL(plane_sum) {
	SHARED(double, s);
	long long area = N(1);
	const REAL *y = IN(1);
	for (long long p = blockIdx.x; p < N(0); p += gridDim.x) {
		const REAL *x = IN(0) + p * area;
		double sum = 0;
		LANES(i, area)
			sum += y ? (double)x[i] * (double)y[p * area + i] : (double)x[i];
		sum = block_sum(s, sum);
		if (threadIdx.x == 0)
			OUT(2)[p] = (REAL)(sum / a.f[0]);
	}
}

// plane_scale: p0 x or null for 1, p1 factor of each plane, p2 out; n0 planes, n1 pixels, f0 divisor of the factor.
KERNEL(plane_scale) {
	long long area = N(1);
	EACH(i, N(0) * area) {
		REAL f = IN(1)[i / area] / (REAL)a.f[0];
		OUT(2)[i] = IN(0) ? IN(0)[i] * f : f;
	}
}

// matmul: out[i, j] = bias[j] + Σ_k x[i·n3 + k·n4]·y[j·n5 + k·n6], summed in float64: p0 x, p1 y, p2 bias or null, p3 out; n0 rows,
// n1 columns, n2 terms.
KERNEL(matmul) {
	long long cols = N(1);
	EACH(i, N(0) * cols) {
		const REAL *x = IN(0) + i / cols * N(3), *y = IN(1) + i % cols * N(5);
		double sum = IN(2) ? (double)IN(2)[i % cols] : 0;
		for (long long k = 0; k < N(2); k++)
			sum += (double)x[k * N(4)] * (double)y[k * N(6)];
		OUT(3)[i] = (REAL)sum;
	}
}
