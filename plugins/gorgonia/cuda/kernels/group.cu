// Operations on groups of patches: bilinear translation, merging and canvases. Every result is gathered from its sources in the
// order of the members.
#include "prelude.h"

typedef struct {
	long long rows, cols, k; // k numbers per pixel
} Image;

// sample reads number part of an image at (y + dy, x + dx), bilinear and zero outside. Pixels are multiplied by w if it is given.
DEVICE REAL sample(const REAL *src, const REAL *w, Image m, int part, long long y, long long x, double dy, double dx) {
	double fy = floor(dy), fx = floor(dx);
	if (!(fabs(fy) < 1e9) || !(fabs(fx) < 1e9))
		return 0;
	REAL ay = (REAL)(dy - fy), ax = (REAL)(dx - fx), sum = 0;
	for (int ty = 0; ty < 2; ty++) {
		REAL wy = ty ? ay : 1 - ay;
		long long r = y + (long long)fy + ty;
		if (wy == 0 || r < 0 || r >= m.rows)
			continue;
		for (int tx = 0; tx < 2; tx++) {
			REAL f = wy * (tx ? ax : 1 - ax);
			long long c = x + (long long)fx + tx;
			if (f == 0 || c < 0 || c >= m.cols)
				continue;
			REAL v = src[(r * m.cols + c) * m.k + part];
			sum += f * (w ? v * w[r * m.cols + c] : v);
		}
	}
	return sum;
}

// translate moves image i by n4 times its offset: p0 in, p1 offsets, p2 out; n0 images, n1 rows, n2 columns, n3 numbers per pixel.
KERNEL(translate) {
	long long h = N(1), w = N(2), k = N(3);
	const REAL *offsets = IN(1);
	Image m = {h, w, k};
	EACH(i, N(0) * h * w * k) {
		long long at = i / (h * w * k);
		double sign = -(double)N(4);
		OUT(2)[i] = sample(IN(0) + at * h * w * k, (const REAL *)0, m, (int)(i % k), i / k / w % h, i / k % w, sign * (double)offsets[2 * at], sign * (double)offsets[2 * at + 1]);
	}
}

// seen sums the weights of a group as its member i sees them, at a pixel.
DEVICE REAL seen(const REAL *w, const REAL *offsets, Image m, long long weights, long long i, long long members, long long y, long long x) {
	long long first = i / members * members, area = m.rows * m.cols;
	Image one = {m.rows, m.cols, 1};
	REAL den = 0;
	for (long long j = first; j < first + members; j++)
		den += sample(w + j % weights * area, (const REAL *)0, one, 0, y, x,
			-((double)offsets[2 * j] - (double)offsets[2 * i]), -((double)offsets[2 * j + 1] - (double)offsets[2 * i + 1]));
	return den;
}

// merge: p0 objects, p1 offsets, p2 weights, p3 out; n0 patches, n1 members of a group, n2 rows, n3 columns, n4 images of weights,
// n5 operation: 0 Σ_j T(w_j·O_j)/Σ_j T(w_j), 1 the gradient p0 divided by the weights, 2 w_j·Σ_i T*(share_i) with the shares in p0.
KERNEL(merge) {
	long long members = N(1), area = N(2) * N(3);
	const REAL *x = IN(0), *o = IN(1), *w = IN(2);
	Image m = {N(2), N(3), 2};
	EACH(e, N(0) * area) {
		long long i = e / area, y = e % area / m.cols, c = e % m.cols, first = i / members * members;
		REAL re = x[2 * e], im = x[2 * e + 1];
		if (N(5) != 1) { // every translation between members i and j has its adjoint at (j, i)
			re = 0, im = 0;
			for (long long j = first; j < first + members; j++) {
				double dy = (double)o[2 * i] - (double)o[2 * j], dx = (double)o[2 * i + 1] - (double)o[2 * j + 1];
				const REAL *wj = N(5) == 0 ? w + j % N(4) * area : (const REAL *)0;
				re += sample(x + 2 * j * area, wj, m, 0, y, c, dy, dx);
				im += sample(x + 2 * j * area, wj, m, 1, y, c, dy, dx);
			}
		}
		REAL f = N(5) == 2 ? w[i % N(4) * area + e % area] : seen(w, o, m, N(4), i, members, y, c);
		if (N(5) == 2)
			re *= f, im *= f;
		else if (f > 0)
			re /= f, im /= f;
		else
			re = 0, im = 0;
		OUT(3)[2 * e] = re;
		OUT(3)[2 * e + 1] = im;
	}
}

// floors computes the share f0 of the largest weight of each group: p0 weights, p1 out; n1 members, n2 pixels, n3 images of weights.
BLOCK_KERNEL(floors) {
	SHARED(double, s);
	long long b = blockIdx.x, members = N(1), area = N(2);
	double most = 0;
	LANES(i, members * area) {
		double v = IN(0)[(b * members + i / area) % N(3) * area + i % area];
		most = MAX(most, v);
	}
	most = block_max(s, most);
	if (threadIdx.x == 0)
		OUT(1)[b] = (REAL)a.f[0] * (REAL)most;
}

// canvas computes on canvases of side n4: p0 objects or g, p1 offsets, p2 weights, p3 floors, p4 out; n0 groups, n1 members, n2 rows
// and n3 columns of a patch, n5 images of weights, n6 operation: 0 the patches added and divided by the weights, 1 g divided by
// them; f0 position of a patch without offset.
KERNEL(canvas) {
	long long members = N(1), area = N(2) * N(3), side = N(4);
	const REAL *x = IN(0), *o = IN(1), *w = IN(2);
	Image two = {N(2), N(3), 2}, one = {N(2), N(3), 1};
	EACH(e, N(0) * side * side) {
		long long b = e / (side * side), y = e / side % side, c = e % side;
		REAL re = 0, im = 0, den = 0;
		for (long long j = b * members; j < (b + 1) * members; j++) {
			double dy = -(a.f[0] + (double)o[2 * j]), dx = -(a.f[0] + (double)o[2 * j + 1]);
			const REAL *wj = w + j % N(5) * area;
			den += sample(wj, (const REAL *)0, one, 0, y, c, dy, dx);
			if (N(6) == 0) {
				re += sample(x + 2 * j * area, wj, two, 0, y, c, dy, dx);
				im += sample(x + 2 * j * area, wj, two, 1, y, c, dy, dx);
			}
		}
		if (N(6) == 1)
			re = x[2 * e], im = x[2 * e + 1];
		int covered = den > IN(3)[b];
		OUT(4)[2 * e] = covered ? re / den : (REAL)0;
		OUT(4)[2 * e + 1] = covered ? im / den : (REAL)0;
	}
}

// cut samples patches from canvases, or adds patches to them: p0 in, p1 offsets, p2 weights of the patches or null, p3 out; n0
// groups, n1 members, n2 rows and n3 columns of a patch, n4 rows and n5 columns of a canvas, n6 images of weights, n7 1 to add;
// f0 position of a patch without offset.
KERNEL(cut) {
	long long members = N(1), area = N(2) * N(3), plane = N(4) * N(5);
	const REAL *x = IN(0), *o = IN(1);
	if (!N(7)) {
		Image m = {N(4), N(5), 2};
		EACH(e, N(0) * members * area * 2) {
			long long j = e / (2 * area);
			REAL v = sample(x + 2 * (j / members) * plane, (const REAL *)0, m, (int)(e % 2), e / 2 / N(3) % N(2), e / 2 % N(3), a.f[0] + (double)o[2 * j], a.f[0] + (double)o[2 * j + 1]);
			OUT(3)[e] = IN(2) ? v * IN(2)[j % N(6) * area + e / 2 % area] : v;
		}
		return;
	}
	Image m = {N(2), N(3), 2};
	EACH(e, N(0) * plane * 2) {
		long long b = e / (2 * plane);
		REAL sum = 0;
		for (long long j = b * members; j < (b + 1) * members; j++)
			sum += sample(x + 2 * j * area, (const REAL *)0, m, (int)(e % 2), e / 2 / N(5) % N(4), e / 2 % N(5), -(a.f[0] + (double)o[2 * j]), -(a.f[0] + (double)o[2 * j + 1]));
		OUT(3)[e] = sum;
	}
}
