// The convolution as a matrix product whose operands are never written to memory: k×k, stride 1, zero padding that keeps rows
// and columns. 256 threads compute a tile of 64 or 16 channels × 64 columns; each has 4 or 1 × 4 results in registers.
#include "prelude.h"

#define COLUMNS 64
#define DEPTH 16

// PIECE is the number of pixels that conv_weight sums in the precision of the operands before it adds the sum in float64.
#define PIECE 4096

#define CONV conv
#define CONV_WEIGHT conv_weight
#define EACH_ROW 4
#include "conv_tile.h"
#undef CONV
#undef CONV_WEIGHT
#undef EACH_ROW

// For at most 16 channels.
#define CONV conv_few
#define CONV_WEIGHT conv_weight_few
#define EACH_ROW 1
#include "conv_tile.h"
#undef CONV
#undef CONV_WEIGHT
#undef EACH_ROW

// conv_bias sums each channel: p0 dy, p1 mask or null, p2 out; n0 images, n1 channels, n2 pixels.
BLOCK_KERNEL(conv_bias) {
	SHARED(double, s);
	long long c = blockIdx.x, area = N(2);
	double sum = 0;
	LANES(i, N(0) * area) {
		long long at = (i / area * N(1) + c) * area + i % area;
		if (!IN(1) || IN(1)[at] > 0)
			sum += (double)IN(0)[at];
	}
	sum = block_sum(s, sum);
	if (threadIdx.x == 0)
		OUT(2)[c] = (REAL)sum;
}
