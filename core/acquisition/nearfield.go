package acquisition

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/fft"
)

// Near field is recognised by the patterns. Where the detector is in the near field of the sample, or in the shadow of a diverging beam, a
// pattern is a magnified image of the illuminated part of the object: from one pattern to the next it moves by the change of the
// position times one magnification M (pixels a metre, with directions). In the far field an object also casts such a shadow if the
// beam is out of focus, but the illuminated part, which is the bright part of the pattern divided by M, then fits into the window
// λz/p that the transform of a pattern covers. A shadow of a part that is larger is certain: the far field cannot have it.
const (
	shadowPairs    = 32  // patterns that are compared with their nearest neighbour
	fewestShadows  = 12  // pairs below which nothing is concluded
	shadowSide     = 128 // pixels to which patterns are binned
	shadowMisses   = 2.0 // pixels by which the shift of a pair may differ from M times the change of its position
	shadowShare    = 0.9 // share of the pairs that fit one M
	shadowShift    = 1.5 // pixels, the mean shift below which M is not known
	shadowLikeness = 0.2 // mean correlation of shifted patterns
	shadowOverfull = 1.5 // illuminated part over window; in the far field at most 1, measured 3.9 where a near-field scan was read as far field
	brightShare    = 0.1 // of the brightest pixels' mean, above which a pixel belongs to the beam
)

// checkField returns an error if the patterns are near field.
func (a *Acquisition) checkField(ctx context.Context) error {
	if a.fieldChecked || a.Patterns < fewestShadows {
		return nil
	}
	pairs := a.neighbours()
	if len(pairs) < fewestShadows {
		return nil
	}
	s, err := a.shadows(ctx, pairs)
	if err != nil {
		return err
	}
	a.fieldChecked = true
	if s == nil {
		return nil
	}
	side := a.window().side
	y, x := a.pixelSize(side)
	field := float64(side) * math.Sqrt(y*x)
	if ratio := s.illuminated / field; ratio > shadowOverfull {
		a.nearField = fmt.Sprintf("its patterns are shadows of the object, magnified to %.3g pixels for 1 µm of the scan, of a part %.3g µm wide, and in the far field this geometry has room for %.3g µm",
			1e-6*s.magnification, 1e6*s.illuminated, 1e6*field)
		return a.refuseNearField()
	}
	return nil
}

// refuseNearField is the error for a scan that is near field.
func (a *Acquisition) refuseNearField() error {
	return fmt.Errorf("%s: the scan is near field: %s; ptycho reconstructs far-field patterns only (if it is far field, the energy, the distance, the detector pixel or the unit of the positions is wrong)", a.Path, a.nearField)
}

// neighbours returns patterns, evenly spread over the scan, each with the one nearest to it at another place.
func (a *Acquisition) neighbours() (pairs [][2]int) {
	for k := range min(shadowPairs, a.Patterns) {
		i := k * a.Patterns / min(shadowPairs, a.Patterns)
		nearest, distance := -1, math.Inf(1)
		for j := range a.Y {
			if d := math.Hypot(a.Y[j]-a.Y[i], a.X[j]-a.X[i]); d > 0 && d < distance {
				nearest, distance = j, d
			}
		}
		if nearest >= 0 {
			pairs = append(pairs, [2]int{i, nearest})
		}
	}
	return pairs
}

// A shadow says how patterns move with the positions.
type shadow struct {
	magnification float64 // binned pixels a metre
	illuminated   float64 // m, side of a square as large as the illuminated part of the object
}

// shadows compares pairs of patterns; nil if they are not shadows of one object.
func (a *Acquisition) shadows(ctx context.Context, pairs [][2]int) (*shadow, error) {
	side := a.window().side
	bin := (side + shadowSide - 1) / shadowSide
	n := side / bin
	images := map[int][]float64{}
	mean := make([]float64, n*n)
	for _, p := range pairs {
		for _, i := range p {
			if images[i] != nil {
				continue
			}
			image, err := a.binned(ctx, i, bin)
			if err != nil {
				return nil, err
			}
			images[i] = image
			for k, v := range image {
				mean[k] += v
			}
		}
	}
	beam, area := beamOf(mean)
	for _, image := range images {
		contrast(image, mean, beam, area)
	}
	moved, along := make([][2]float64, 0, len(pairs)), make([][2]float64, 0, len(pairs))
	likeness := 0.0
	var work fft.Work
	plan, err := fft.New64(n, n)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		shift, like := registered(plan, &work, images[p[0]], images[p[1]], n)
		moved, along = append(moved, shift), append(along, [2]float64{a.Y[p[1]] - a.Y[p[0]], a.X[p[1]] - a.X[p[0]]})
		likeness += like / float64(len(pairs))
	}
	magnification, share := magnificationOf(moved, along)
	length := 0.0
	for _, m := range moved {
		length += math.Hypot(m[0], m[1]) / float64(len(moved))
	}
	if !(magnification > 0) || share < shadowShare || likeness < shadowLikeness || length < shadowShift {
		return nil, nil
	}
	return &shadow{magnification * float64(bin), math.Sqrt(float64(area)) / magnification}, nil
}

// binned reads a pattern with bin×bin pixels summed; bad pixels count as 0.
func (a *Acquisition) binned(ctx context.Context, pattern, bin int) ([]float64, error) {
	w := a.window()
	p := a.partOf(pattern)
	values := make([]float64, w.side*w.side)
	if err := p.Read(ctx, values, []uint64{uint64(pattern - p.first), uint64(w.top), uint64(w.left)}, []uint64{1, uint64(w.side), uint64(w.side)}); err != nil {
		return nil, err
	}
	marker, n := p.Type().marker(), w.side/bin
	image := make([]float64, n*n)
	for i, v := range values {
		row, column := i/w.side/bin, i%w.side/bin
		if row < n && column < n && v > 0 && v < marker && !math.IsInf(v, 0) && !a.masks(w, i) {
			image[row*n+column] += v
		}
	}
	return image, nil
}

// beamOf returns the pixels that are bright in the sum of all patterns, and their number.
func beamOf(sum []float64) (beam []bool, area int) {
	sorted := slices.Sorted(slices.Values(sum))
	limit := brightShare * sorted[len(sorted)*99/100]
	beam = make([]bool, len(sum))
	for i, v := range sum {
		if beam[i] = v > limit; beam[i] {
			area++
		}
	}
	return beam, area
}

// contrast makes an image its ratio to the mean, less 1, in the beam, and 0 outside.
func contrast(image, mean []float64, beam []bool, area int) {
	total := 0.0
	for i, v := range image {
		if image[i] = 0; beam[i] {
			image[i] = v / mean[i]
			total += image[i]
		}
	}
	for i, v := range image {
		if beam[i] && total > 0 {
			image[i] = v*float64(area)/total - 1
		}
	}
}

// registered returns the shift (row, column) that makes a most like b, and their correlation there.
func registered(plan *fft.Plan64, work *fft.Work, a, b []float64, n int) (shift [2]float64, like float64) {
	transform := func(image []float64) (t []complex128, power float64) {
		t = make([]complex128, len(image))
		for i, v := range image {
			t[i] = complex(v, 0)
			power += v * v
		}
		plan.Forward(t, t, work)
		return t, power
	}
	ta, pa := transform(a)
	tb, pb := transform(b)
	if pa == 0 || pb == 0 {
		return shift, 0
	}
	for i := range ta {
		ta[i] = complex(real(ta[i]), -imag(ta[i])) * tb[i]
	}
	plan.Inverse(ta, ta, work)
	most := 0
	for i, v := range ta {
		if real(v) > real(ta[most]) {
			most = i
		}
	}
	for k, at := range [2]int{most / n, most % n} {
		shift[k] = float64((at+n/2)%n - n/2)
	}
	return shift, real(ta[most]) * float64(n) / math.Sqrt(pa*pb) // the transforms have a factor 1/n each
}

// magnificationOf fits moved = M·along with a matrix M, without pairs that do not fit, and returns √|det M| and the share of pairs that fit.
func magnificationOf(moved, along [][2]float64) (magnification, share float64) {
	fits := make([]bool, len(moved))
	for i := range fits {
		fits[i] = true
	}
	const rounds = 5
	for range rounds {
		var xx [3]float64    // yy, yx, xx of along
		var xs [2][2]float64 // along times moved
		for i, d := range along {
			if !fits[i] {
				continue
			}
			xx[0], xx[1], xx[2] = xx[0]+d[0]*d[0], xx[1]+d[0]*d[1], xx[2]+d[1]*d[1]
			for k := range 2 {
				xs[0][k] += d[0] * moved[i][k]
				xs[1][k] += d[1] * moved[i][k]
			}
		}
		det := xx[0]*xx[2] - xx[1]*xx[1]
		if !(det > 1e-3*xx[0]*xx[2]) { // steps along one line
			return 0, 0
		}
		var m [2][2]float64 // m[from][to]
		for k := range 2 {
			m[0][k] = (xx[2]*xs[0][k] - xx[1]*xs[1][k]) / det
			m[1][k] = (xx[0]*xs[1][k] - xx[1]*xs[0][k]) / det
		}
		n := 0
		for i, d := range along {
			miss := math.Hypot(d[0]*m[0][0]+d[1]*m[1][0]-moved[i][0], d[0]*m[0][1]+d[1]*m[1][1]-moved[i][1])
			if fits[i] = miss < shadowMisses; fits[i] {
				n++
			}
		}
		magnification, share = math.Sqrt(math.Abs(m[0][0]*m[1][1]-m[0][1]*m[1][0])), float64(n)/float64(len(moved))
	}
	return magnification, share
}
