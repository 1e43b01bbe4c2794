// The kernels of conv.cu for tiles of 16·EACH_ROW channels.
#define ROWS (16 * EACH_ROW)

// CONV: p0 x [n0, n1, n3, n4], p1 w, p2 bias or null, p3 mask or null, p4 out [n0, n2, n3, n4]; n5 side of the kernel, n6 1 for
// a ReLU of the result, n7 1 for the gradient of the input: w is [n1, n2, n5, n5] and is read turned by 180°. x counts only
// where mask, of its shape, is above 0.
BLOCK_KERNEL(CONV) {
	SHARED(REAL, pool);
	REAL *A = pool, *B = pool + DEPTH * ROWS;
	const REAL *x = IN(0), *w = IN(1), *mask = IN(3);
	int ci = (int)N(1), co = (int)N(2), h = (int)N(3), wd = (int)N(4), k = (int)N(5), turned = (int)N(7);
	int taps = k * k, pad = k / 2, t = threadIdx.x;
	int terms = ci * taps;
	long long area = (long long)h * wd, pixels = N(0) * area;
	int m0 = blockIdx.y * ROWS;
	long long n0 = (long long)blockIdx.x * COLUMNS;

	long long pixel = n0 + t % COLUMNS; // whose operands this thread loads
	int py = (int)(pixel % area / wd), px = (int)(pixel % wd);
	const long long image = pixel / area * ci * area;
	REAL acc[EACH_ROW][4];
	for (int i = 0; i < EACH_ROW; i++)
		for (int j = 0; j < 4; j++)
			acc[i][j] = 0;
	for (int from = 0; from < terms; from += DEPTH) {
		for (int i = 0; i < ROWS * DEPTH; i += 256) { // weights
			int q = from + (i + t) % DEPTH, m = m0 + (i + t) / DEPTH;
			REAL v = 0;
			if (q < terms && m < co)
				v = turned ? w[((long long)(q / taps) * co + m) * taps + taps - 1 - q % taps] : w[(long long)m * terms + q];
			ST(A, (i + t) % DEPTH * ROWS + (i + t) / DEPTH, v);
		}
		for (int i = 0; i < DEPTH; i += 256 / COLUMNS) { // pixels
			int q = from + i + t / COLUMNS, tap = q % taps;
			int y = py + tap / k - pad, z = px + tap % k - pad;
			REAL v = 0;
			if (q < terms && pixel < pixels && y >= 0 && y < h && z >= 0 && z < wd) {
				long long at = image + q / taps * area + (long long)y * wd + z;
				v = x[at];
				if (mask && !(mask[at] > 0))
					v = 0;
			}
			ST(B, (i + t / COLUMNS) * COLUMNS + t % COLUMNS, v);
		}
		BARRIER();
		for (int q = 0; q < DEPTH; q++) {
			REAL v[4];
			for (int j = 0; j < 4; j++)
				v[j] = LD(B, q * COLUMNS + t % 16 + 16 * j);
			for (int i = 0; i < EACH_ROW; i++) {
				REAL u = LD(A, q * ROWS + t / 16 * EACH_ROW + i);
				for (int j = 0; j < 4; j++)
					acc[i][j] += u * v[j];
			}
		}
		BARRIER();
	}
	for (int i = 0; i < EACH_ROW; i++) {
		int m = m0 + t / 16 * EACH_ROW + i;
		REAL bias = IN(2) && m < co ? IN(2)[m] : (REAL)0;
		for (int j = 0; j < 4; j++) {
			long long n = n0 + t % 16 + 16 * j;
			REAL v = acc[i][j] + bias;
			if (N(6) && !(v > 0 || v != v))
				v = 0;
			if (m < co && n < pixels)
				OUT(4)[(n / area * co + m) * area + n % area] = v;
		}
	}
}

// CONV_WEIGHT sums a share of the pixels of the gradient of the weights: p0 x [n0, n1, n3, n4], p1 dy [n0, n2, n3, n4], p2 mask of
// dy or null, p3 sums [n6, n2·n1·n5²]; n5 side of the kernel, n6 shares. Share s has the pieces s, s + n6, …
BLOCK_KERNEL(CONV_WEIGHT) {
	SHARED(REAL, pool);
	REAL *A = pool, *B = pool + DEPTH * ROWS;
	const REAL *x = IN(0), *dy = IN(1), *mask = IN(2);
	int ci = (int)N(1), co = (int)N(2), h = (int)N(3), wd = (int)N(4), k = (int)N(5);
	int taps = k * k, pad = k / 2, cols = ci * taps, t = threadIdx.x;
	long long area = (long long)h * wd, pixels = N(0) * area;
	int m0 = blockIdx.y * ROWS, c0 = blockIdx.x * COLUMNS;
	double total[EACH_ROW][4];
	for (int i = 0; i < EACH_ROW; i++)
		for (int j = 0; j < 4; j++)
			total[i][j] = 0;
	for (long long piece = (long long)blockIdx.z * PIECE; piece < pixels; piece += N(6) * PIECE) {
		REAL acc[EACH_ROW][4];
		for (int i = 0; i < EACH_ROW; i++)
			for (int j = 0; j < 4; j++)
				acc[i][j] = 0;
		for (long long from = piece; from < piece + PIECE && from < pixels; from += DEPTH) {
			long long pixel = from + t % DEPTH;
			int py = (int)(pixel % area / wd), px = (int)(pixel % wd);
			long long image = pixel / area;
			for (int i = t / DEPTH; i < ROWS; i += 256 / DEPTH) {
				REAL u = 0;
				if (pixel < pixels && m0 + i < co) {
					long long at = (image * co + m0 + i) * area + pixel % area;
					u = dy[at];
					if (mask && !(mask[at] > 0))
						u = 0;
				}
				ST(A, t % DEPTH * ROWS + i, u);
			}
			for (int i = t / DEPTH; i < COLUMNS; i += 256 / DEPTH) {
				int c = c0 + i, tap = c % taps, y = py + tap / k - pad, z = px + tap % k - pad;
				REAL v = 0;
				if (pixel < pixels && c < cols && y >= 0 && y < h && z >= 0 && z < wd)
					v = x[(image * ci + c / taps) * area + (long long)y * wd + z];
				ST(B, t % DEPTH * COLUMNS + i, v);
			}
			BARRIER();
			for (int q = 0; q < DEPTH; q++) {
				REAL v[4];
				for (int j = 0; j < 4; j++)
					v[j] = LD(B, q * COLUMNS + t % 16 + 16 * j);
				for (int i = 0; i < EACH_ROW; i++) {
					REAL u = LD(A, q * ROWS + t / 16 * EACH_ROW + i);
					for (int j = 0; j < 4; j++)
						acc[i][j] += u * v[j];
				}
			}
			BARRIER();
		}
		for (int i = 0; i < EACH_ROW; i++)
			for (int j = 0; j < 4; j++)
				total[i][j] += acc[i][j];
	}
	for (int i = 0; i < EACH_ROW; i++)
		for (int j = 0; j < 4; j++) {
			int m = m0 + t / 16 * EACH_ROW + i, c = c0 + t % 16 + 16 * j;
			if (m < co && c < cols)
				OUT(3)[((long long)blockIdx.z * co + m) * cols + c] = (REAL)total[i][j];
		}
}

#undef ROWS
