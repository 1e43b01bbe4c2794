// Update rules, clipping and the moving average, with the formulas and the rounding of core/optim. One launch is for all
// parameters, which a table lists: a network has dozens, and most are short.
#include "prelude.h"

// Segment is a row of the table. Go has the same layout.
typedef struct {
	void *p[6];      // weights, gradient, the rule's state (two vectors), moving average, gradient of a micro-batch; null: none
	long long n;     // elements
	long long first; // number of the block that begins with its first element
	long long rate;  // number of its learning rate
	double f;        // factor of its gradient, 0: unchanged
} Segment;

// CHUNK is the number of elements that a block changes, and PARTS the number of blocks that sum over a row.
#define CHUNK 1024
#define PARTS 64

// row returns the row whose elements the block changes: the last one that begins at this block or before.
DEVICE const Segment *row(const void *table, long long rows) {
	const Segment *all = (const Segment *)table;
	long long low = 0, high = rows - 1;
	while (low < high) {
		long long middle = (low + high + 1) / 2;
		if (all[middle].first <= (long long)blockIdx.x)
			low = middle;
		else
			high = middle - 1;
	}
	return all + low;
}

// CHANGED runs over the elements that the block changes of row r.
#define CHANGED(i, r) \
	for (long long i = ((long long)blockIdx.x - (r)->first) * CHUNK + threadIdx.x, end = MIN(i - threadIdx.x + CHUNK, (r)->n); i < end; i += blockDim.x)

// SUMMED runs over the elements of row r over which the block sums.
#define SUMMED(i, r) for (long long i = (long long)(blockIdx.x % PARTS) * blockDim.x + threadIdx.x; i < (r)->n; i += PARTS * blockDim.x)

// adam: p0 table; n0 rows, n1 number of the learning rate; f0 β1, f1 β2, f2 ε, f3 step, f4 root, f5 inside, f6 outside, f7 decay of
// the average.
KERNEL(adam) {
	const Segment *r = row(a.p[0], N(0));
	REAL b1 = (REAL)a.f[0], b2 = (REAL)a.f[1], c1 = (REAL)(1 - a.f[0]), c2 = (REAL)(1 - a.f[1]);
	REAL eps = (REAL)a.f[2], step = (REAL)a.f[3], root = (REAL)a.f[4], inside = (REAL)a.f[5], outside = (REAL)a.f[6];
	REAL *w = (REAL *)r->p[0], *m = (REAL *)r->p[2], *v = (REAL *)r->p[3], *average = (REAL *)r->p[4];
	const REAL *g = (const REAL *)r->p[1];
	if (r->rate != N(1))
		return;
	CHANGED(i, r) {
		REAL x = w[i], d = g[i] + inside * x;
		m[i] = b1 * m[i] + c1 * d;
		v[i] = b2 * v[i] + c2 * d * d;
		w[i] = x - outside * x - step * m[i] / (SQRT(v[i]) * root + eps);
		if (average)
			average[i] = (REAL)a.f[7] * average[i] + (REAL)(1 - a.f[7]) * w[i];
	}
}

// sgd: p0 table, without state for a momentum of 0; n0 rows, n1 number of the learning rate, n2 1 for Nesterov; f0 rate, f1 weight
// decay, f2 momentum, f7 decay of the average.
KERNEL(sgd) {
	const Segment *r = row(a.p[0], N(0));
	REAL rate = (REAL)a.f[0], decay = (REAL)a.f[1], momentum = (REAL)a.f[2];
	REAL *w = (REAL *)r->p[0], *u = (REAL *)r->p[2], *average = (REAL *)r->p[4];
	const REAL *g = (const REAL *)r->p[1];
	if (r->rate != N(1))
		return;
	CHANGED(i, r) {
		REAL x = w[i], d = g[i] + decay * x;
		if (u) {
			REAL z = momentum * u[i] + d;
			u[i] = z;
			d = N(2) ? d + momentum * z : z;
		}
		w[i] = x - rate * d;
		if (average)
			average[i] = (REAL)a.f[7] * average[i] + (REAL)(1 - a.f[7]) * w[i];
	}
}

// gather_gradients copies the gradient of a micro-batch to that of the step, or adds it; a missing one is 0: p0 table; n0 rows, n1 1 to add.
KERNEL(gather_gradients) {
	const Segment *r = row(a.p[0], N(0));
	REAL *sum = (REAL *)r->p[1];
	const REAL *g = (const REAL *)r->p[5];
	if (sum == g || (N(1) && !g))
		return;
	CHANGED(i, r)
		sum[i] = N(1) ? sum[i] + g[i] : g ? g[i] : (REAL)0;
}

// scale_gradients multiplies gradients: p0 table; n0 rows; f0 factor, or 0 for that of each row.
KERNEL(scale_gradients) {
	const Segment *r = row(a.p[0], N(0));
	REAL *g = (REAL *)r->p[1], f = (REAL)(a.f[0] == 0 ? r->f : a.f[0]);
	if (f == 0)
		return;
	CHANGED(i, r)
		g[i] *= f;
}

// exchange swaps weights and moving averages: p0 table; n0 rows.
KERNEL(exchange) {
	const Segment *r = row(a.p[0], N(0));
	REAL *x = (REAL *)r->p[0], *y = (REAL *)r->p[4];
	CHANGED(i, r) {
		REAL v = x[i];
		x[i] = y[i];
		y[i] = v;
	}
}

// norms sums the squares of each row: p0 table, p1 sums in float64, one for each block; n0 0 for weights, 1 for gradients.
BLOCK_KERNEL(norms) {
	SHARED(double, s);
	const Segment *r = (const Segment *)a.p[0] + blockIdx.x / PARTS;
	const REAL *x = (const REAL *)r->p[N(0)];
	double sum = 0;
	SUMMED(i, r)
		sum += (double)x[i] * (double)x[i];
	sum = block_sum(s, sum);
	if (threadIdx.x == 0)
		((double *)a.p[1])[blockIdx.x] = sum;
}

// clip limits each element of the gradients to ±f0 and counts those that changed: p0 table, p1 counts in float64, one for each block.
BLOCK_KERNEL(clip) {
	SHARED(double, s);
	const Segment *r = (const Segment *)a.p[0] + blockIdx.x / PARTS;
	REAL *x = (REAL *)r->p[1], limit = (REAL)a.f[0];
	double changed = 0;
	SUMMED(i, r) {
		REAL v = x[i];
		if (v > limit || v < -limit) {
			x[i] = v > limit ? limit : -limit;
			changed += 1;
		}
	}
	changed = block_sum(s, changed);
	if (threadIdx.x == 0)
		((double *)a.p[1])[blockIdx.x] = changed;
}
