// Operations on elements: pointwise functions, binary operations that repeat their second operand, and complex numbers as
// pairs (re, im).
#include "prelude.h"

DEVICE REAL sigmoid(REAL x) { return (REAL)1 / ((REAL)1 + EXP(-x)); }

// unary: p0 x, p1 out; n0 length, n1 function; f0, f1 attributes.
KERNEL(unary) {
	const REAL *x = IN(0);
	REAL *y = OUT(1);
	int op = (int)N(1);
	REAL f0 = (REAL)a.f[0], f1 = (REAL)a.f[1];
	EACH(i, N(0)) {
		REAL v = x[i], r = v;
		switch (op) {
		case 1: r = v > 0 || v != v ? v : (REAL)0; break;       // relu
		case 2: r = v > 0 ? v : f0 * v; break;                  // leaky_relu
		case 3: r = sigmoid(v); break;
		case 4: r = TANH(v); break;
		case 5: r = v * sigmoid(v); break;                      // silu
		case 6: r = (v > 0 ? v : (REAL)0) + LOG1P(EXP(-ABS(v))); break; // softplus
		case 7: r = EXP(v); break;
		case 8: r = LOG1P(v); break;
		case 9: r = SQRT(v); break;
		case 10: r = v * v; break;                              // square
		case 11: r = f0 * v + f1; break;                        // affine
		case 12: r = -v; break;
		case 13: r = 0; break;                                  // clear
		}
		y[i] = r;
	}
}

// unary_back: p0 x, p1 y, p2 g, p3 d; n0 length, n1 function; f0 attribute.
KERNEL(unary_back) {
	const REAL *x = IN(0), *y = IN(1), *g = IN(2);
	REAL *d = OUT(3);
	int op = (int)N(1);
	REAL f0 = (REAL)a.f[0];
	EACH(i, N(0)) {
		REAL v = x[i], w = y[i], r = 1, s;
		switch (op) {
		case 1: r = v > 0 ? 1 : 0; break;
		case 2: r = v > 0 ? (REAL)1 : f0; break;
		case 3: r = w * (1 - w); break;
		case 4: r = 1 - w * w; break;
		case 5: s = sigmoid(v); r = s + w * (1 - s); break;
		case 6: r = sigmoid(v); break;
		case 7: r = w; break;
		case 8: r = 1 / (1 + v); break;
		case 9: r = w == 0 ? (REAL)0 : 1 / (2 * w); break;
		case 10: r = 2 * v; break;
		case 11: r = f0; break;
		}
		d[i] = g[i] * r;
	}
}

// binary: p0 a, p1 b, p2 out; n0 length of a in elements, n1 length of b, n2 operation. b repeats. The operations from 4 on
// are complex: an element is a pair.
KERNEL(binary) {
	const REAL *x = IN(0), *b = IN(1);
	REAL *out = OUT(2);
	long long m = N(1);
	int op = (int)N(2);
	EACH(i, N(0)) {
		long long j = m == N(0) ? i : i % m;
		REAL re, im, br, bi;
		switch (op) {
		case 0: out[i] = x[i] + b[j]; break;
		case 1: out[i] = x[i] - b[j]; break;
		case 2: out[i] = x[i] * b[j]; break;
		case 3: out[i] = x[i] / b[j]; break;
		case 4: // product
		case 5: // product with the conjugate
			re = x[2 * i], im = x[2 * i + 1], br = b[2 * j], bi = op == 4 ? b[2 * j + 1] : -b[2 * j + 1];
			out[2 * i] = re * br - im * bi;
			out[2 * i + 1] = re * bi + im * br;
			break;
		case 6: // complex times real
			out[2 * i] = x[2 * i] * b[j];
			out[2 * i + 1] = x[2 * i + 1] * b[j];
			break;
		}
	}
}

// fold_term is term i of the sum for element j. The operations 4 and 5 give the real and the imaginary part of g·conj(x).
DEVICE double fold_term(int op, const REAL *g, const REAL *x, const REAL *b, long long i, long long j) {
	switch (op) {
	case 1: return -(double)g[i];
	case 2: return (double)g[i] * (double)x[i];
	case 3: return -(double)g[i] * (double)x[i] / (double)b[j];
	case 4: return (double)g[2 * i] * (double)x[2 * i] + (double)g[2 * i + 1] * (double)x[2 * i + 1];
	case 5: return (double)g[2 * i + 1] * (double)x[2 * i] - (double)g[2 * i] * (double)x[2 * i + 1];
	}
	return g[i];
}

// fold sums the terms j, j+m, j+2m … into d[stride·j + offset]: the gradient of an operand that repeats. p0 g, p1 x, p2 b,
// p3 d; n0 terms, n1 m, n2 operation, n3 stride, n4 offset.
KERNEL(fold) {
	long long n = N(0), m = N(1);
	EACH(j, m) {
		double sum = 0;
		for (long long i = j; i < n; i += m)
			sum += fold_term((int)N(2), IN(0), IN(1), IN(2), i, j);
		OUT(3)[j * N(3) + N(4)] = (REAL)sum;
	}
}

// fold_long is fold with a block for each element, for few elements with many terms.
BLOCK_KERNEL(fold_long) {
	SHARED(double, s);
	long long n = N(0), m = N(1);
	for (long long j = blockIdx.x; j < m; j += gridDim.x) {
		double sum = 0;
		LANES(k, n / m)
			sum += fold_term((int)N(2), IN(0), IN(1), IN(2), k * m + j, j);
		sum = block_sum(s, sum);
		if (threadIdx.x == 0)
			OUT(3)[j * N(3) + N(4)] = (REAL)sum;
	}
}

// pairs: p0, p1 operands, p2 out; n0 pixels, n1 operation, n2 part.
KERNEL(pairs) {
	const REAL *x = IN(0), *y = IN(1);
	REAL *out = OUT(2), s, c;
	int k = (int)N(2);
	EACH(i, N(0)) {
		switch ((int)N(1)) {
		case 0: // complex
			out[2 * i] = x[i];
			out[2 * i + 1] = y[i];
			break;
		case 1: // part of x
			out[i] = x[2 * i + k];
			break;
		case 2: // x as part of a pair
			out[2 * i + k] = x[i];
			out[2 * i + 1 - k] = 0;
			break;
		case 3: // |x|²
			out[i] = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1];
			break;
		case 4: // gradient of |x|²; y is the gradient of the result
			out[2 * i] = 2 * y[i] * x[2 * i];
			out[2 * i + 1] = 2 * y[i] * x[2 * i + 1];
			break;
		case 5: // conjugate
			out[2 * i] = x[2 * i];
			out[2 * i + 1] = -x[2 * i + 1];
			break;
		case 6: // polar: amplitude x, phase y
			SINCOS(y[i], &s, &c);
			out[2 * i] = x[i] * c;
			out[2 * i + 1] = x[i] * s;
			break;
		case 7: // gradient of the amplitude: phase x, gradient y
			SINCOS(x[i], &s, &c);
			out[i] = y[2 * i] * c + y[2 * i + 1] * s;
			break;
		case 8: // gradient of the phase: result x, gradient y
			out[i] = y[2 * i + 1] * x[2 * i] - y[2 * i] * x[2 * i + 1];
			break;
		}
	}
}
