// Operations between object and detector. Complex numbers are pairs.
#include "prelude.h"

// illuminate: p0, p1 operands, p2 out; n0 patterns, n1 modes, n2 pixels, n3 length of the probe in pixels, n4 operation: 0
// object·probe, 1 gradient of the object from g and probe, 2 gradient of the probe from g and object.
KERNEL(illuminate) {
	long long patterns = N(0), modes = N(1), area = N(2), length = N(3);
	const REAL *x = IN(0), *y = IN(1);
	REAL *out = OUT(2);
	if (N(4) == 0) {
		EACH(i, patterns * modes * area) {
			long long at = i / (modes * area) * area + i % area, j = i % length;
			out[2 * i] = x[2 * at] * y[2 * j] - x[2 * at + 1] * y[2 * j + 1];
			out[2 * i + 1] = x[2 * at] * y[2 * j + 1] + x[2 * at + 1] * y[2 * j];
		}
	} else if (N(4) == 1) {
		EACH(i, patterns * area) {
			REAL re = 0, im = 0;
			for (long long m = 0; m < modes; m++) {
				long long at = (i / area * modes + m) * area + i % area, j = at % length;
				re += x[2 * at] * y[2 * j] + x[2 * at + 1] * y[2 * j + 1];
				im += x[2 * at + 1] * y[2 * j] - x[2 * at] * y[2 * j + 1];
			}
			out[2 * i] = re;
			out[2 * i + 1] = im;
		}
	} else {
		EACH(i, length) {
			double re = 0, im = 0;
			for (long long at = i; at < patterns * modes * area; at += length) {
				long long j = at / (modes * area) * area + at % area;
				re += (double)x[2 * at] * y[2 * j] + (double)x[2 * at + 1] * y[2 * j + 1];
				im += (double)x[2 * at + 1] * y[2 * j] - (double)x[2 * at] * y[2 * j + 1];
			}
			out[2 * i] = (REAL)re;
			out[2 * i + 1] = (REAL)im;
		}
	}
}

// intensity sums |·|² over modes, or computes its gradient: p0 fields, p1 g, p2 out; n0 patterns, n1 modes, n2 pixels, n3 1 for the
// gradient.
KERNEL(intensity) {
	long long modes = N(1), area = N(2);
	const REAL *x = IN(0);
	REAL *out = OUT(2);
	if (!N(3)) {
		EACH(i, N(0) * area) {
			REAL sum = 0;
			for (long long m = 0; m < modes; m++) {
				const REAL *z = x + 2 * ((i / area * modes + m) * area + i % area);
				sum += z[0] * z[0] + z[1] * z[1];
			}
			out[i] = sum;
		}
		return;
	}
	EACH(i, N(0) * modes * area) {
		REAL v = 2 * IN(1)[i / (modes * area) * area + i % area];
		out[2 * i] = v * x[2 * i];
		out[2 * i + 1] = v * x[2 * i + 1];
	}
}

// merge_weight computes Σ_modes|P|²/max + floor: p0 probes, p1 out; n0 probes, n1 modes, n2 pixels; f0 floor.
BLOCK_KERNEL(merge_weight) {
	SHARED(double, s);
	long long modes = N(1), area = N(2), p = blockIdx.x;
	const REAL *x = IN(0) + 2 * p * modes * area;
	REAL *w = OUT(1) + p * area;
	double most = 0;
	LANES(i, area) {
		REAL sum = 0;
		for (long long m = 0; m < modes; m++)
			sum += x[2 * (m * area + i)] * x[2 * (m * area + i)] + x[2 * (m * area + i) + 1] * x[2 * (m * area + i) + 1];
		w[i] = sum;
		most = MAX(most, (double)sum);
	}
	most = block_max(s, most);
	LANES(i, area)
		w[i] = (most > 0 ? w[i] / (REAL)most : w[i]) + (REAL)a.f[0];
}

// beam copies the first mode of each probe for the transform in float64 and computes the filter P*/(|P|² + ε·max|P|²): p0 probes,
// p1 out double, p2 filter; n0 probes, n1 modes, n2 pixels; f0 ε.
BLOCK_KERNEL(beam) {
	SHARED(double, s);
	long long area = N(2), p = blockIdx.x;
	const REAL *x = IN(0) + 2 * p * N(1) * area;
	double *first = (double *)a.p[1] + 2 * p * area, most = 0;
	REAL *filter = OUT(2) + 2 * p * area;
	LANES(i, area) {
		double re = x[2 * i], im = x[2 * i + 1];
		first[2 * i] = re;
		first[2 * i + 1] = im;
		most = MAX(most, re * re + im * im);
	}
	most = block_max(s, most);
	LANES(i, area) {
		double re = x[2 * i], im = x[2 * i + 1], d = re * re + im * im + a.f[0] * most;
		filter[2 * i] = d > 0 ? (REAL)(re / d) : (REAL)0;
		filter[2 * i + 1] = d > 0 ? (REAL)(-im / d) : (REAL)0;
	}
}

// phased computes √k·F0/|F0|: p0 counts, p1 spectra F0 in double, p2 out; n0 patterns, n1 pixels of all spectra, n2 pixels.
KERNEL(phased) {
	EACH(i, N(0) * N(2)) {
		const double *z = (const double *)a.p[1] + 2 * (i % N(1));
		double size = hypot(z[0], z[1]);
		REAL k = SQRT(IN(0)[i]);
		OUT(2)[2 * i] = k * (size > 0 ? (REAL)(z[0] / size) : (REAL)1);
		OUT(2)[2 * i + 1] = k * (size > 0 ? (REAL)(z[1] / size) : (REAL)0);
	}
}
