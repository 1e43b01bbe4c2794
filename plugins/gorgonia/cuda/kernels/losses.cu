// Losses: means over the valid pixels of each pattern, computed and summed in float64.
#include "prelude.h"

DEVICE double poisson_deviance(double lambda, double k) {
	if (!(lambda >= 0) || !(k >= 0))
		return lambda - lambda + sqrt(-1.0);
	if (k == 0)
		return 2 * lambda;
	if (lambda == 0)
		return 1 / lambda;
	double x = (k - lambda) / lambda;
	if (fabs(x) < 1e-3) // the series of (1+x)·ln(1+x) − x
		return 2 * lambda * x * x * (1. / 2 - x * (1. / 6 - x * (1. / 12 - x * (1. / 20 - x / 30))));
	return 2 * (lambda - k + k * log(k / lambda));
}

DEVICE double loss(int op, double lambda, double k) {
	double d;
	switch (op) {
	case 0: return poisson_deviance(lambda, k);
	case 1: return k == 0 ? lambda : lambda - k * log(lambda) + lgamma(k + 1);
	case 2: d = sqrt(lambda) - sqrt(k); return d * d;
	}
	return fabs(sqrt(lambda) - sqrt(k));
}

DEVICE double slope(int op, double lambda, double k) {
	switch (op) {
	case 0: return 2 * (1 - k / lambda);
	case 1: return 1 - k / lambda;
	case 2: return 1 - sqrt(k / lambda);
	}
	return lambda > k ? 1 / (2 * sqrt(lambda)) : lambda < k ? -1 / (2 * sqrt(lambda)) : 0;
}

// losses: p0 λ, p1 counts, p2 mask, p3 g or null, p4 out; n0 patterns, n1 pixels, n2 images of the mask, n3 loss. Without g the
// result is the mean of each pattern, with g the gradient of λ.
BLOCK_KERNEL(losses) {
	SHARED(double, s);
	long long area = N(1), p = blockIdx.x;
	int op = (int)N(3);
	const REAL *lambda = IN(0) + p * area, *counts = IN(1) + p * area, *mask = IN(2) + p % N(2) * area;
	double total = 0, sum = 0;
	LANES(i, area) {
		double m = mask[i];
		total += m;
		if (!IN(3) && m != 0)
			sum += m * loss(op, lambda[i], counts[i]);
	}
	total = block_sum(s, total);
	if (total == 0)
		total = 1;
	if (IN(3)) {
		double share = (double)IN(3)[p] / total;
		LANES(i, area)
			OUT(4)[p * area + i] = mask[i] == 0 ? (REAL)0 : (REAL)(share * (double)mask[i] * slope(op, lambda[i], counts[i]));
		return;
	}
	sum = block_sum(s, sum);
	if (threadIdx.x == 0)
		OUT(4)[p] = (REAL)(sum / total);
}

// expected is the deviance that Poisson counts of mean λ have: two terms for small λ, a series for large, a table between.
DEVICE double expected(double lambda, const double *table, long long points, const double *large, double low, double high, double logLow, double step) {
	if (!(lambda >= 0))
		return lambda - lambda + sqrt(-1.0);
	if (lambda == 0)
		return 0;
	if (lambda < low)
		return 2 * lambda * (lambda * 0.693147180559945309417232121458 - log(lambda));
	if (lambda >= high) {
		double q = 1 / lambda, sum = 0;
		for (int i = (int)large[0]; i > 0; i--)
			sum = large[i] + q * sum;
		return sum;
	}
	double t = (log(lambda) - logLow) * (1 / step);
	long long i = (long long)t;
	i = MAX(i, 0);
	i = MIN(i, points - 2);
	t -= (double)i;
	const double *p = table + 2 * i; // value, slope
	double d = p[2] - p[0];
	return p[0] + t * (p[1] + t * (3 * d - 2 * p[1] - p[3] + t * (p[1] + p[3] - 2 * d)));
}

// expected_deviance: p0 λ, p1 mask, p2 table, p3 number of coefficients of the series and the series, p4 out; n0 patterns, n1
// pixels, n2 images of the mask, n3 points of the table; f0 … f3 its range, the logarithm of its begin, its step.
BLOCK_KERNEL(expected_deviance) {
	SHARED(double, s);
	long long area = N(1), p = blockIdx.x;
	const REAL *lambda = IN(0) + p * area, *mask = IN(1) + p % N(2) * area;
	double total = 0, sum = 0;
	LANES(i, area) {
		double m = mask[i];
		total += m;
		if (m != 0)
			sum += m * expected(lambda[i], (const double *)a.p[2], N(3), (const double *)a.p[3], a.f[0], a.f[1], a.f[2], a.f[3]);
	}
	total = block_sum(s, total);
	sum = block_sum(s, sum);
	if (threadIdx.x == 0)
		OUT(4)[p] = (REAL)(sum / (total == 0 ? 1 : total));
}
