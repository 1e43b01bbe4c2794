// Operations that move elements.
#include "prelude.h"

// window copies images into larger or smaller ones: p0 in, p1 out; n0 images, n1, n2 rows and columns of in, n3, n4 of out,
// n5 border, which is negative to cut, n6 numbers per pixel.
KERNEL(window) {
	long long h = N(1), w = N(2), oh = N(3), ow = N(4), by = N(5), k = N(6);
	EACH(i, N(0) * oh * ow * k) {
		long long part = i % k, x = i / k % ow - by, y = i / k / ow % oh - by, image = i / k / ow / oh;
		REAL v = 0;
		if (y >= 0 && y < h && x >= 0 && x < w)
			v = IN(0)[((image * h + y) * w + x) * k + part];
		OUT(1)[i] = v;
	}
}

// mask_center: p0 in, p1 out; n0 images, n1 rows, n2 columns, n3 numbers per pixel.
KERNEL(mask_center) {
	long long h = N(1), w = N(2), k = N(3);
	EACH(i, N(0) * h * w * k) {
		long long x = i / k % w, y = i / k / w % h;
		int inside = y >= h / 4 && y < h / 4 + h / 2 && x >= w / 4 && x < w / 4 + w / 2;
		OUT(1)[i] = inside ? (REAL)0 : IN(0)[i];
	}
}

// runs copies pieces of n1 elements: p0 in, p1 out; n0 pieces, n2, n3 distance and start in in, n4, n5 in out.
KERNEL(runs) {
	long long length = N(1);
	EACH(i, N(0) * length) {
		long long piece = i / length, j = i % length;
		OUT(1)[piece * N(4) + N(5) + j] = IN(0)[piece * N(2) + N(3) + j];
	}
}

// gather: p0 table, p1 index, p2 out; n0 rows of out, n1 elements of a row.
KERNEL(gather) {
	long long row = N(1);
	EACH(i, N(0) * row)
		OUT(2)[i] = IN(0)[(long long)IN(1)[i / row] * row + i % row];
}

// gather_back sums, for every row of the table, the rows that were read from it: p0 index, p1 g, p2 d; n0 rows of the table,
// n1 elements of a row, n2 rows of g.
KERNEL(gather_back) {
	long long row = N(1);
	EACH(i, N(0) * row) {
		long long at = i / row;
		REAL sum = 0;
		for (long long j = 0; j < N(2); j++)
			if ((long long)IN(0)[j] == at)
				sum += IN(1)[j * row + i % row];
		OUT(2)[i] = sum;
	}
}
