package solve

import (
	"cmp"
	"math"
	"math/cmplx"
	"slices"
)

// furtherShare is the initial power of each further mode, relative to the first.
const furtherShare = 0.05

// furtherModes returns count initial modes: the first times the polynomials of the lowest Hermite functions, y, x, yx,
// y², … about its centre, which describe a vibration or a partly coherent beam (Thibault, Menzel, Nature 494 (2013)
// 68).
func furtherModes(first []complex64, n, count int) [][]complex64 {
	var sum, y0, x0, square float64
	for i, p := range first {
		a, y, x := float64(abs2(p)), float64(i/n), float64(i%n)
		sum += a
		y0 += a * y
		x0 += a * x
		square += a * (y*y + x*x)
	}
	if sum == 0 {
		return nil
	}
	y0, x0 = y0/sum, x0/sum
	sigma := math.Sqrt(max(square/sum-y0*y0-x0*x0, 1) / 2)
	var out [][]complex64
	for degree := 1; len(out) < count; degree++ {
		for b := 0; b <= degree && len(out) < count; b++ {
			mode := make([]complex64, len(first))
			for i, p := range first {
				y, x := (float64(i/n)-y0)/sigma, (float64(i%n)-x0)/sigma
				mode[i] = times(float32(hermite(degree-b, y)*hermite(b, x)), p)
			}
			f := float32(math.Sqrt(furtherShare * sum / max(power(mode), 1e-30)))
			for i, p := range mode {
				mode[i] = times(f, p)
			}
			out = append(out, mode)
		}
	}
	return out
}

// hermite evaluates the probabilists' Hermite polynomial.
func hermite(n int, x float64) float64 {
	a, b := 1.0, x
	if n == 0 {
		return a
	}
	for k := 1; k < n; k++ {
		a, b = b, x*b-float64(k)*a
	}
	return b
}

// orthogonalise mixes the modes by a unitary matrix, which leaves all patterns unchanged, so that they become
// orthogonal and sorted by power: the eigenvectors of their Gram matrix.
func (v *solver) orthogonalise() {
	m := len(v.probe)
	if m < 2 {
		return
	}
	gram := make([][]complex128, m)
	for a := range gram {
		gram[a] = make([]complex128, m)
		for b := range gram[a] {
			for i, p := range v.probe[a] {
				gram[a][b] += cmplx.Conj(complex128(p)) * complex128(v.probe[b][i])
			}
		}
	}
	values, vectors := eigen(gram)
	order := make([]int, m)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	out := make([][]complex64, m)
	for to, from := range order {
		out[to] = make([]complex64, v.size)
		for b, mode := range v.probe {
			c := complex64(vectors[b][from])
			for i, p := range mode {
				out[to][i] += c * p
			}
		}
	}
	v.probe = out
}

// eigen diagonalises a Hermitian matrix by Jacobi's rotations: vectors[i][k] is element i of the vector of value k.
func eigen(a [][]complex128) (values []float64, vectors [][]complex128) {
	n := len(a)
	vectors = make([][]complex128, n)
	for i := range vectors {
		vectors[i] = make([]complex128, n)
		vectors[i][i] = 1
	}
	// Convergence is quadratic: after a few sweeps only rounding errors are left.
	for range 30 {
		off, all := 0.0, 0.0
		for i := range n {
			for j := range n {
				s := real(a[i][j])*real(a[i][j]) + imag(a[i][j])*imag(a[i][j])
				all += s
				if i != j {
					off += s
				}
			}
		}
		if off <= 1e-28*all {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				size := cmplx.Abs(a[p][q])
				if size == 0 {
					continue
				}
				turn := a[p][q] / complex(size, 0)
				theta := 0.5 * math.Atan2(2*size, real(a[q][q])-real(a[p][p]))
				c, s := complex(math.Cos(theta), 0), complex(math.Sin(theta), 0)
				for i := range n { // columns
					x, y := a[i][p], a[i][q]
					a[i][p], a[i][q] = c*x-s*cmplx.Conj(turn)*y, s*turn*x+c*y
					x, y = vectors[i][p], vectors[i][q]
					vectors[i][p], vectors[i][q] = c*x-s*cmplx.Conj(turn)*y, s*turn*x+c*y
				}
				for i := range n { // rows
					x, y := a[p][i], a[q][i]
					a[p][i], a[q][i] = c*x-s*turn*y, s*cmplx.Conj(turn)*x+c*y
				}
			}
		}
	}
	values = make([]float64, n)
	for i := range values {
		values[i] = real(a[i][i])
	}
	return values, vectors
}
