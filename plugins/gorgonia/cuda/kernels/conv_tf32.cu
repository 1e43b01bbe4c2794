// The convolutions of conv.cu on tensor cores, which multiply numbers of 10 bits after the leading one (TF32) and add in float32. It
// is a module of its own, because only GPUs of compute capability 8.0 or later assemble it, and serves only sessions that allow TF32.
// 256 threads compute a tile of 64 channels × 64 columns; each of the 8 warps has 16 channels × 32 columns.
#include "prelude.h"

#define TILE 64
#define DEPTH 16
#define STRIDE 72 // of the rows of shared memory: the lanes of a warp read from different banks
#define PIECE 4096

#ifdef __CUDACC__
// tf32 rounds to TF32, halves away from zero.
DEVICE float tf32(float v) {
	unsigned u;
	asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(u) : "f"(v));
	return __uint_as_float(u);
}

// MMA adds to d the product of a [16, 8] and b [8, 8], of which each lane of a warp has some elements.
#define MMA(d, a, b) \
	asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
		: "+f"((d)[0]), "+f"((d)[1]), "+f"((d)[2]), "+f"((d)[3]) \
		: "r"(__float_as_uint((a)[0])), "r"(__float_as_uint((a)[1])), "r"(__float_as_uint((a)[2])), "r"(__float_as_uint((a)[3])), \
		"r"(__float_as_uint((b)[0])), "r"(__float_as_uint((b)[1])))
#endif

// tile_product adds the product of the tiles A [DEPTH, 64 channels] and B [DEPTH, 64 columns] to the elements of this lane.
DEVICE void tile_product(float acc[4][4], const float *A, const float *B) {
	int t = threadIdx.x, group = t % 32 / 4, lane = t % 4, m = t / 32 % 4 * 16 + group, n = t / 128 * 32 + group;
	for (int q = 0; q < DEPTH; q += 8) {
		const float *a0 = A + (q + lane) * STRIDE + m, *b0 = B + (q + lane) * STRIDE + n;
		float a[4] = {LD(a0, 0), LD(a0, 8), LD(a0, 4 * STRIDE), LD(a0, 4 * STRIDE + 8)};
		for (int j = 0; j < 4; j++) {
			float b[2] = {LD(b0, 8 * j), LD(b0, 4 * STRIDE + 8 * j)};
			MMA(acc[j], a, b);
		}
	}
}

// conv_tf32 is conv: p0 x [n0, n1, n3, n4], p1 w, p2 bias or null, p3 mask or null, p4 out [n0, n2, n3, n4]; n5 side of the kernel,
// n6 1 for a ReLU of the result, n7 1 for the gradient of the input.
BLOCK_KERNEL(conv_tf32) {
	SHARED(float, pool);
	float *A = pool, *B = pool + DEPTH * STRIDE;
	const float *x = IN(0), *w = IN(1), *mask = IN(3);
	int ci = (int)N(1), co = (int)N(2), h = (int)N(3), wd = (int)N(4), k = (int)N(5), turned = (int)N(7);
	int taps = k * k, pad = k / 2, t = threadIdx.x;
	long long area = (long long)h * wd, pixels = N(0) * area;
	int m0 = blockIdx.y * TILE;
	long long n0 = (long long)blockIdx.x * TILE;

	long long pixel = n0 + t % TILE; // whose operands this thread loads
	int py = (int)(pixel % area / wd), px = (int)(pixel % wd);
	long long image = pixel / area * ci * area;
	float acc[4][4];
	for (int j = 0; j < 4; j++)
		for (int e = 0; e < 4; e++)
			acc[j][e] = 0;
	for (int tap = 0; tap < taps; tap++) {
		int y = py + tap / k - pad, z = px + tap % k - pad, from = turned ? taps - 1 - tap : tap;
		int there = pixel < pixels && y >= 0 && y < h && z >= 0 && z < wd;
		for (int c0 = 0; c0 < ci; c0 += DEPTH) {
			for (int i = t / DEPTH; i < TILE; i += 256 / DEPTH) { // weights
				int c = c0 + t % DEPTH, m = m0 + i;
				float v = 0;
				if (c < ci && m < co)
					v = w[(turned ? (long long)c * co + m : (long long)m * ci + c) * taps + from];
				ST(A, t % DEPTH * STRIDE + i, tf32(v));
			}
			for (int i = t / TILE; i < DEPTH; i += 256 / TILE) { // pixels
				float v = 0;
				if (there && c0 + i < ci) {
					long long at = image + (c0 + i) * area + (long long)y * wd + z;
					v = x[at];
					if (mask && !(mask[at] > 0))
						v = 0;
				}
				ST(B, i * STRIDE + t % TILE, tf32(v));
			}
			BARRIER();
			tile_product(acc, A, B);
			BARRIER();
		}
	}
	int m1 = m0 + t / 32 % 4 * 16 + t % 32 / 4;
	long long n1 = n0 + t / 128 * 32 + t % 4 * 2;
	for (int j = 0; j < 4; j++)
		for (int e = 0; e < 4; e++) {
			int m = m1 + e / 2 * 8;
			long long n = n1 + 8 * j + e % 2;
			if (m >= co || n >= pixels)
				continue;
			float v = acc[j][e] + (IN(2) ? IN(2)[m] : 0);
			if (N(6) && !(v > 0 || v != v))
				v = 0;
			OUT(4)[(n / area * co + m) * area + n % area] = v;
		}
}

// conv_weight_tf32 is conv_weight: p0 x [n0, n1, n3, n4], p1 dy [n0, n2, n3, n4], p2 mask of dy or null, p3 sums [n6, n2·n1·n5²];
// n5 side of the kernel, n6 shares. Share s has the pieces s, s + n6, …
BLOCK_KERNEL(conv_weight_tf32) {
	SHARED(float, pool);
	float *A = pool, *B = pool + DEPTH * STRIDE;
	const float *x = IN(0), *dy = IN(1), *mask = IN(2);
	int ci = (int)N(1), co = (int)N(2), h = (int)N(3), wd = (int)N(4), k = (int)N(5);
	int taps = k * k, pad = k / 2, cols = ci * taps, t = threadIdx.x;
	long long area = (long long)h * wd, pixels = N(0) * area;
	int m0 = blockIdx.y * TILE, c0 = blockIdx.x * TILE;
	double total[4][4];
	for (int j = 0; j < 4; j++)
		for (int e = 0; e < 4; e++)
			total[j][e] = 0;
	for (long long piece = (long long)blockIdx.z * PIECE; piece < pixels; piece += N(6) * PIECE) {
		float acc[4][4];
		for (int j = 0; j < 4; j++)
			for (int e = 0; e < 4; e++)
				acc[j][e] = 0;
		for (long long from = piece; from < piece + PIECE && from < pixels; from += DEPTH) {
			long long pixel = from + t % DEPTH;
			int py = (int)(pixel % area / wd), px = (int)(pixel % wd);
			long long image = pixel / area;
			for (int i = t / DEPTH; i < TILE; i += 256 / DEPTH) {
				float u = 0, v = 0;
				if (pixel < pixels && m0 + i < co) {
					long long at = (image * co + m0 + i) * area + pixel % area;
					u = dy[at];
					if (mask && !(mask[at] > 0))
						u = 0;
				}
				ST(A, t % DEPTH * STRIDE + i, tf32(u));
				int c = c0 + i, tap = c % taps, y = py + tap / k - pad, z = px + tap % k - pad;
				if (pixel < pixels && c < cols && y >= 0 && y < h && z >= 0 && z < wd)
					v = x[(image * ci + c / taps) * area + (long long)y * wd + z];
				ST(B, t % DEPTH * STRIDE + i, tf32(v));
			}
			BARRIER();
			tile_product(acc, A, B);
			BARRIER();
		}
		for (int j = 0; j < 4; j++)
			for (int e = 0; e < 4; e++)
				total[j][e] += acc[j][e];
	}
	for (int j = 0; j < 4; j++)
		for (int e = 0; e < 4; e++) {
			int m = m0 + t / 32 % 4 * 16 + t % 32 / 4 + e / 2 * 8, c = c0 + t / 128 * 32 + 8 * j + t % 4 * 2 + e % 2;
			if (m < co && c < cols)
				OUT(3)[((long long)blockIdx.z * co + m) * cols + c] = (float)total[j][e];
		}
}
