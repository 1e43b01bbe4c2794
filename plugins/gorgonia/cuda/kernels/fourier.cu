// The Fourier transform of lines of an image, by Stockham's method in shared memory, for any length: radix 4 and 2, and other
// factors by definition.
#include "prelude.h"

#define LINES fourier
#define VALUE REAL
#include "fourier_lines.h"
#undef LINES
#undef VALUE

#ifdef SINGLE // back-projection needs the phase of a spectrum that spans many decades
#define LINES fourier_double
#define VALUE double
#include "fourier_lines.h"
#undef LINES
#undef VALUE
#endif
