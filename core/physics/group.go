package physics

// The patches of a group overlap. Two methods merge them into one object; both are linear in the patches, with real
// coefficients that depend only on the weight and the offsets.

// Position is a scan position or a difference of two, in object pixels: row y, column x.
type Position struct{ Y, X float64 }

// CoverageFloor is the share of the largest weight of a group's patches, before they are added, up to which a canvas pixel counts as uncovered. Much smaller floors
// add rows and columns that only rounding reached.
const CoverageFloor = 1e-3

// MergePairwise returns the object as seen by each member i of a group:
//
//	M_i = Σ_j T(w_j·O_j, p_j − p_i) / Σ_j T(w_j, p_j − p_i)
//
// where T shifts an image by a vector, bilinear, zero outside. The patch of member i itself is not shifted, so not blurred.
// objects and weights have one image [N, N] per member.
func MergePairwise(objects []Image[complex128], weights []Image[float64], p []Position) []Image[complex128] {
	out := make([]Image[complex128], len(objects))
	for i, o := range objects {
		num, den := newImage[complex128](o.Rows, o.Cols), newImage[float64](o.Rows, o.Cols)
		for j := range objects {
			dy, dx := p[j].Y-p[i].Y, p[j].X-p[i].X
			Splat(num, weighted(objects[j], weights[j]), dy, dx)
			Splat(den, weights[j], dy, dx)
		}
		out[i] = divide(num, den, 0)
	}
	return out
}

// MergePairwiseAdjoint applies the adjoint of MergePairwise.
func MergePairwiseAdjoint(grad []Image[complex128], weights []Image[float64], p []Position) []Image[complex128] {
	out := make([]Image[complex128], len(grad))
	for j, g := range grad {
		out[j] = newImage[complex128](g.Rows, g.Cols)
	}
	for i, g := range grad {
		den := newImage[float64](g.Rows, g.Cols)
		for j := range grad {
			Splat(den, weights[j], p[j].Y-p[i].Y, p[j].X-p[i].X)
		}
		q := divide(g, den, 0)
		for j := range grad {
			back := newImage[complex128](g.Rows, g.Cols)
			Sample(back, q, p[j].Y-p[i].Y, p[j].X-p[i].X)
			for k, v := range weighted(back, weights[j]).Data {
				out[j].Data[k] += v
			}
		}
	}
	return out
}

// corner returns the place of pixel (0, 0) of a patch of n pixels on a canvas of side: pixel n/2 is at side/2 plus the
// offset.
func corner(side, n int, p Position) (dy, dx float64) {
	return float64(side/2-n/2) + p.Y, float64(side/2-n/2) + p.X
}

// Assemble merges the patches of a group on a canvas [side, side]:
//
//	canvas = Σ_j T(w_j·O_j) / Σ_j T(w_j)
//
// It is 0 where the sum of weights is not above CoverageFloor times the largest w_j of the group, before they are moved and added.
func Assemble(objects []Image[complex128], weights []Image[float64], p []Position, side int) Image[complex128] {
	num, den, floor := newImage[complex128](side, side), newImage[float64](side, side), 0.0
	for j, o := range objects {
		dy, dx := corner(side, o.Rows, p[j])
		Splat(num, weighted(o, weights[j]), dy, dx)
		Splat(den, weights[j], dy, dx)
		floor = max(floor, CoverageFloor*largest(weights[j]))
	}
	return divide(num, den, floor)
}

// AssembleAdjoint applies the adjoint of Assemble for patches of n pixels.
func AssembleAdjoint(grad Image[complex128], weights []Image[float64], p []Position) []Image[complex128] {
	den, floor := newImage[float64](grad.Rows, grad.Cols), 0.0
	for j, w := range weights {
		dy, dx := corner(grad.Rows, w.Rows, p[j])
		Splat(den, w, dy, dx)
		floor = max(floor, CoverageFloor*largest(w))
	}
	q := divide(grad, den, floor)
	out := make([]Image[complex128], len(weights))
	for j, w := range weights {
		dy, dx := corner(grad.Rows, w.Rows, p[j])
		back := newImage[complex128](w.Rows, w.Cols)
		Sample(back, q, dy, dx)
		out[j] = weighted(back, w)
	}
	return out
}

// Extract cuts a patch of n pixels out of a canvas, centred at the offset.
func Extract(canvas Image[complex128], p Position, n int) Image[complex128] {
	out := newImage[complex128](n, n)
	dy, dx := corner(canvas.Rows, n, p)
	Sample(out, canvas, dy, dx)
	return out
}

// ExtractAdjoint adds a patch's gradient to that of the canvas.
func ExtractAdjoint(canvas, patch Image[complex128], p Position) {
	dy, dx := corner(canvas.Rows, patch.Rows, p)
	Splat(canvas, patch, dy, dx)
}

func weighted(o Image[complex128], w Image[float64]) Image[complex128] {
	out := newImage[complex128](o.Rows, o.Cols)
	for i, v := range o.Data {
		out.Data[i] = complex(w.Data[i], 0) * v
	}
	return out
}

// divide returns num/den for den > floor, else 0.
func divide(num Image[complex128], den Image[float64], floor float64) Image[complex128] {
	out := newImage[complex128](num.Rows, num.Cols)
	for i, d := range den.Data {
		if d > floor {
			out.Data[i] = num.Data[i] / complex(d, 0)
		}
	}
	return out
}

func largest(w Image[float64]) float64 {
	m := 0.0
	for _, v := range w.Data {
		m = max(m, v)
	}
	return m
}
