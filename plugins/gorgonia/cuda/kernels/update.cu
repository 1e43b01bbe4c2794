// Update rules, clipping and the moving average, with the formulas and the rounding of core/optim.
#include "prelude.h"

// adam: p0 w, p1 g, p2 m, p3 v, p4 average or null; n0 length; f0 β1, f1 β2, f2 ε, f3 step, f4 root, f5 inside, f6 outside, f7
// decay of the average.
KERNEL(adam) {
	REAL b1 = (REAL)a.f[0], b2 = (REAL)a.f[1], c1 = (REAL)(1 - a.f[0]), c2 = (REAL)(1 - a.f[1]);
	REAL eps = (REAL)a.f[2], step = (REAL)a.f[3], root = (REAL)a.f[4], inside = (REAL)a.f[5], outside = (REAL)a.f[6];
	REAL *w = OUT(0), *m = OUT(2), *v = OUT(3), *average = OUT(4);
	EACH(i, N(0)) {
		REAL x = w[i], d = IN(1)[i] + inside * x;
		m[i] = b1 * m[i] + c1 * d;
		v[i] = b2 * v[i] + c2 * d * d;
		w[i] = x - outside * x - step * m[i] / (SQRT(v[i]) * root + eps);
		if (average)
			average[i] = (REAL)a.f[7] * average[i] + (REAL)(1 - a.f[7]) * w[i];
	}
}

// sgd: p0 w, p1 g, p2 velocity or null, p4 average or null; n0 length, n1 1 for Nesterov; f0 rate, f1 weight decay, f2 momentum, f7
// decay of the average.
KERNEL(sgd) {
	REAL rate = (REAL)a.f[0], decay = (REAL)a.f[1], momentum = (REAL)a.f[2];
	REAL *w = OUT(0), *u = OUT(2), *average = OUT(4);
	EACH(i, N(0)) {
		REAL x = w[i], d = IN(1)[i] + decay * x;
		if (u) {
			REAL z = momentum * u[i] + d;
			u[i] = z;
			d = N(1) ? d + momentum * z : z;
		}
		w[i] = x - rate * d;
		if (average)
			average[i] = (REAL)a.f[7] * average[i] + (REAL)(1 - a.f[7]) * w[i];
	}
}

// norms sums squares: p0 x, p1 sums in float64, one per block; n0 length.
BLOCK_KERNEL(norms) {
	SHARED(double, s);
	double sum = 0;
	EACH(i, N(0))
		sum += (double)IN(0)[i] * (double)IN(0)[i];
	sum = block_sum(s, sum);
	if (threadIdx.x == 0)
		((double *)a.p[1])[blockIdx.x] = sum;
}

// clip limits each element to ±f0 and counts those that changed: p0 x, p1 counts in float64, one per block; n0 length.
BLOCK_KERNEL(clip) {
	SHARED(double, s);
	REAL limit = (REAL)a.f[0];
	double changed = 0;
	EACH(i, N(0)) {
		REAL v = OUT(0)[i];
		if (v > limit || v < -limit) {
			OUT(0)[i] = v > limit ? limit : -limit;
			changed += 1;
		}
	}
	changed = block_sum(s, changed);
	if (threadIdx.x == 0)
		((double *)a.p[1])[blockIdx.x] = changed;
}

// exchange swaps two vectors: p0, p1; n0 length.
KERNEL(exchange) {
	EACH(i, N(0)) {
		REAL v = OUT(0)[i];
		OUT(0)[i] = OUT(1)[i];
		OUT(1)[i] = v;
	}
}
