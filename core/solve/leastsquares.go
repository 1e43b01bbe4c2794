package solve

import "math"

// leastSquares returns the real x that minimises ‖b − Σ x_c·columns_c‖² and what is left of it. It returns nil if the
// columns are dependent or not finite.
func leastSquares(columns [6][]complex128, b []complex128) (x []float64, left float64) {
	const n = len(columns)
	dot := func(a, b []complex128) float64 {
		sum := 0.0
		for i, c := range a {
			sum += real(c)*real(b[i]) + imag(c)*imag(b[i])
		}
		return sum
	}
	matrix, right := make([]float64, n*n), make([]float64, n)
	for r := range n {
		for c := range r + 1 {
			matrix[r*n+c] = dot(columns[r], columns[c])
			matrix[c*n+r] = matrix[r*n+c]
		}
		right[r] = dot(columns[r], b)
	}
	if x = solveSymmetric(matrix, right); x == nil {
		return nil, 0
	}
	for i, c := range b {
		for k, column := range columns {
			c -= complex(x[k], 0) * column[i]
		}
		left += real(c)*real(c) + imag(c)*imag(c)
	}
	return x, left
}

// solveSymmetric solves a small positive definite system [n, n] by Cholesky's factors. It returns nil if the matrix is
// not positive definite.
func solveSymmetric(matrix, right []float64) []float64 {
	n := len(right)
	l, x := make([]float64, n*n), make([]float64, n)
	for r := range n {
		for c := range r + 1 {
			sum := matrix[r*n+c]
			for k := range c {
				sum -= l[r*n+k] * l[c*n+k]
			}
			if r != c {
				l[r*n+c] = sum / l[c*n+c]
				continue
			}
			if !(sum > 1e-12*matrix[r*n+r]) || math.IsInf(sum, 0) {
				return nil
			}
			l[r*n+r] = math.Sqrt(sum)
		}
	}
	for r := range n {
		x[r] = right[r]
		for k := range r {
			x[r] -= l[r*n+k] * x[k]
		}
		x[r] /= l[r*n+r]
	}
	for r := n - 1; r >= 0; r-- {
		for k := r + 1; k < n; k++ {
			x[r] -= l[k*n+r] * x[k]
		}
		x[r] /= l[r*n+r]
	}
	return x
}
