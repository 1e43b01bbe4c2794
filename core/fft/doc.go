// Package fft is the two-dimensional discrete Fourier transform of complex images: complex64 by Plan, complex128 by
// Plan64. With R rows and C columns
//
//	Forward: X[u, v] = 1/√(RC) · Σ_{y, x} a[y, x]·exp(−2πi(uy/R + vx/C))
//	Inverse: a[y, x] = 1/√(RC) · Σ_{u, v} X[u, v]·exp(+2πi(uy/R + vx/C))
//
// so that Inverse inverts Forward and is its adjoint. The centred transforms have the zero frequency of X at
// [R/2, C/2] (rounded down), like a detector; the image a is not shifted.
//
// # Method
//
// Columns first, then rows, each as a mixed-radix transform by decimation in time (Cooley and Tukey, Math. Comp. 19, 1965)
// with radices 2, 3, 4, 5 and 8 (8 in assembly). A side with another prime factor uses a convolution with a chirp (Bluestein,
// IEEE Trans. Audio Electroacoust. 18, 1970), which is correct for every side and about ten times slower.
//
// A transform processes several neighbouring columns or rows at once, the lanes of a vector, with real and imaginary parts
// separate: butterflies are then arithmetic of whole vectors. The lanes of one column block are contiguous and fit the
// first-level cache. Reads and writes include the work of further passes over memory: the order
// of decimation, the shift of the centre, the scale, the separation and joining of real and imaginary parts, and
// the products of Source and Target.
//
// # Exactness
//
// The result for an image depends only on the size, the path (PTYCHO_CPU) and the numbers: not on the batch, the number
// of goroutines or the work memory. Paths differ by rounding. Norm of the error over norm of the result, measured for sides
// up to 1024: below 3e-7 in complex64, below 2e-15 in complex128.
package fft
