// LINES transforms lines: p0 in, p1 out, p2 exp(−2πi·k/n) for 0 ≤ k < n; n0 lines, n1 length n, n2 distance of the elements of a
// line; line l begins at l / n3 · n4 + l % n3 · n5; n6 lines of a block, n7 1 for the inverse, n8 number of factors of n, n9 … the
// factors; f0 scale. The zero frequency is element n/2 of a transform, and an inverse expects it there.
BLOCK_KERNEL(LINES) {
	SHARED(VALUE, pool);
	const VALUE *in = (const VALUE *)a.p[0], *table = (const VALUE *)a.p[2];
	VALUE *out = (VALUE *)a.p[1];
	int n = (int)N(1), lanes = (int)N(6), inverse = (int)N(7), half = n / 2;
	int all = n * lanes;
	VALUE *x = pool, *y = pool + 2 * all, sign = inverse ? -1 : 1;
	long long first = (long long)blockIdx.x * lanes;
	LANES(e, all) { // neighbouring threads read neighbouring elements
		int lane = (int)(N(2) == 1 ? e / n : e % lanes), i = (int)(N(2) == 1 ? e % n : e / lanes);
		long long l = first + lane;
		int to = inverse ? (i < half ? i + n - half : i - half) : i;
		VALUE re = 0, im = 0;
		if (l < N(0)) {
			long long at = l / N(3) * N(4) + l % N(3) * N(5) + i * N(2);
			re = in[2 * at], im = in[2 * at + 1];
		}
		ST(x, 2 * (lane * n + to), re);
		ST(x, 2 * (lane * n + to) + 1, im);
	}
	BARRIER();
	int span = 1; // product of the factors so far
	for (int f = 0; f < N(8); f++) {
		int r = (int)N(9 + f), groups = n / (span * r);
		LANES(e, r == 4 ? all / 4 : all) {
			if (r == 4) {
				int lane = (int)(e / (n / 4)), b = (int)(e % (n / 4)), q = b % span, p = b / span;
				int from = lane * n + q + span * p, step = span * groups, to = lane * n + q + span * 4 * p;
				VALUE ar = LD(x, 2 * from), ai = LD(x, 2 * from + 1), br = LD(x, 2 * (from + step)), bi = LD(x, 2 * (from + step) + 1);
				VALUE cr = LD(x, 2 * (from + 2 * step)), ci = LD(x, 2 * (from + 2 * step) + 1), dr = LD(x, 2 * (from + 3 * step)), di = LD(x, 2 * (from + 3 * step) + 1);
				VALUE sr = ar + cr, si = ai + ci, tr = ar - cr, ti = ai - ci, ur = br + dr, ui = bi + di;
				VALUE vr = sign * (bi - di), vi = sign * (dr - br); // −i·(b − d), or +i for the inverse
				VALUE zr[4] = {sr + ur, tr + vr, sr - ur, tr - vr}, zi[4] = {si + ui, ti + vi, si - ui, ti - vi};
				for (int k = 0; k < 4; k++) {
					int w = p * k * span;
					VALUE wr = table[2 * w], wi = sign * table[2 * w + 1];
					ST(y, 2 * (to + span * k), zr[k] * wr - zi[k] * wi);
					ST(y, 2 * (to + span * k) + 1, zr[k] * wi + zi[k] * wr);
				}
				continue;
			}
			int lane = (int)(e / n), o = (int)(e % n), q = o % span, k = o / span % r, p = o / (span * r);
			VALUE re = 0, im = 0;
			for (int j = 0; j < r; j++) {
				int from = lane * n + q + span * (p + groups * j), w = (int)((long long)j * k % r) * (n / r);
				VALUE wr = table[2 * w], wi = sign * table[2 * w + 1], xr = LD(x, 2 * from), xi = LD(x, 2 * from + 1);
				re += xr * wr - xi * wi;
				im += xr * wi + xi * wr;
			}
			int w = p * k * span;
			VALUE wr = table[2 * w], wi = sign * table[2 * w + 1];
			ST(y, 2 * (lane * n + o), re * wr - im * wi);
			ST(y, 2 * (lane * n + o) + 1, re * wi + im * wr);
		}
		BARRIER();
		VALUE *z = x;
		x = y;
		y = z;
		span *= r;
	}
	VALUE scale = (VALUE)a.f[0];
	LANES(e, all) {
		int lane = (int)(N(2) == 1 ? e / n : e % lanes), i = (int)(N(2) == 1 ? e % n : e / lanes);
		long long l = first + lane;
		int from = inverse ? i : (i < half ? i + n - half : i - half);
		if (l < N(0)) {
			long long at = l / N(3) * N(4) + l % N(3) * N(5) + i * N(2);
			out[2 * at] = LD(x, 2 * (lane * n + from)) * scale;
			out[2 * at + 1] = LD(x, 2 * (lane * n + from) + 1) * scale;
		}
	}
}
