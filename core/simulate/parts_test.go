package simulate

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
)

// The histogram must follow the Poisson law, on both sides of the change of method: χ² over bins of at least 20
// expected draws stays within five standard deviations of its mean.
func TestPoisson_FollowsItsLaw(t *testing.T) {
	const draws = 200_000
	for i, lambda := range []float64{1e-3, 0.7, 3, 9.999, 10, 10.001, 27, 150, 5000} {
		rng := stream(12, 0, uint64(i))
		seen := map[int]int{}
		for range draws {
			seen[int(Poisson(rng, lambda))]++
		}
		var chi, expected, got float64
		bins := 0
		last := int(lambda + 12*math.Sqrt(lambda) + 20)
		var rest float64 = draws
		restSeen := draws
		for k := range last {
			lg, _ := math.Lgamma(float64(k) + 1)
			p := draws * math.Exp(float64(k)*math.Log(lambda)-lambda-lg)
			expected += p
			got += float64(seen[k])
			rest -= p
			restSeen -= seen[k]
			if expected >= 20 && rest >= 20 {
				chi += (got - expected) * (got - expected) / expected
				bins++
				expected, got = 0, 0
			}
		}
		expected += rest
		got += float64(restSeen)
		chi += (got - expected) * (got - expected) / expected
		if free := float64(max(bins, 1)); chi > free+5*math.Sqrt(2*free)+10 {
			t.Errorf("mean %v: χ² %.1f with %.0f degrees of freedom", lambda, chi, free)
		}
	}
}

func TestPoisson_Edges(t *testing.T) {
	rng := stream(1, 2, 3)
	for _, lambda := range []float64{0, -1, math.NaN()} {
		if got := Poisson(rng, lambda); got != 0 {
			t.Errorf("mean %v gives %v", lambda, got)
		}
	}
	var sum, square float64
	for range 2000 {
		d := (Poisson(rng, 1e12) - 1e12) / 1e6
		sum += d
		square += d * d
	}
	if math.Abs(sum/2000) > 0.12 || math.Abs(square/2000-1) > 0.16 {
		t.Errorf("mean 1e12: standardised mean %v, variance %v", sum/2000, square/2000)
	}
}

func moments(v []float64) (mean, deviation float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		deviation += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(v)))
}

func TestObjects(t *testing.T) {
	for _, kind := range []ObjectKind{Lines, Fields, Cells, Blocks} {
		o, err := newObject(kind, 256, 200, 9)
		if err != nil {
			t.Fatal(err)
		}
		a, p := o.Abs(), o.Phase()
		ma, sa := moments(a.Data)
		mp, sp := moments(p.Data)
		t.Logf("%v: amplitude %.3f ± %.3f, phase %.3f ± %.3f rad", kind, ma, sa, mp, sp)
		for i, v := range a.Data {
			if !(v > 0 && v <= 1+1e-12) {
				t.Fatalf("%v: amplitude %v at pixel %d", kind, v, i)
			}
		}
		if sa < 0.03 || sp < 0.1 {
			t.Errorf("%v is flat: deviations %v and %v", kind, sa, sp)
		}
	}
	// The expected figures of a draw of 256×256 lines: amplitude 0.667 ± 0.145, phase 0.261 ± 0.225 rad.
	lines, err := newObject(Lines, 256, 256, 1)
	if err != nil {
		t.Fatal(err)
	}
	ma, sa := moments(lines.Abs().Data)
	mp, sp := moments(lines.Phase().Data)
	if math.Abs(ma-0.667) > 0.12 || math.Abs(sa-0.145) > 0.05 || math.Abs(mp-0.261) > 0.15 || math.Abs(sp-0.225) > 0.08 {
		t.Errorf("lines: amplitude %.3f ± %.3f, phase %.3f ± %.3f rad", ma, sa, mp, sp)
	}
}

func TestProbes(t *testing.T) {
	for _, kind := range []ProbeKind{Disk, Gaussian, Aberrated} {
		for _, n := range []int{64, 63, 128} {
			radius := 0.17 * float64(n)
			p, err := newProbe(kind, n, radius)
			if err != nil {
				t.Fatal(err)
			}
			var total, inside, my, mx, peak float64
			above := 0
			for i, v := range p {
				w := real(v)*real(v) + imag(v)*imag(v)
				y, x := float64(i/n-n/2), float64(i%n-n/2)
				total += w
				my += w * y
				mx += w * x
				if math.Hypot(y, x) < 2*radius {
					inside += w
				}
				peak = max(peak, cmplx.Abs(v))
				if cmplx.Abs(v) > 0.5 {
					above++
				}
			}
			if math.Abs(peak-1) > 1e-12 || inside < 0.95*total || math.Hypot(my, mx)/total > 0.3*radius {
				t.Errorf("%v, n %d: peak %v, %.3f of the intensity within twice the radius, centre of mass (%.2f, %.2f)", kind, n, peak, inside/total, my/total, mx/total)
			}
			if want := math.Pi * radius * radius; kind != Aberrated && math.Abs(float64(above)-want) > 0.08*want {
				t.Errorf("%v, n %d: %d pixels above one half, want about %.0f", kind, n, above, want)
			}
		}
	}
	// The aberrated probe has neither the inversion nor the mirrors that would admit a twin.
	const n = 64
	p, err := newProbe(Aberrated, n, 11)
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]func(y, x int) complex128{
		"inversion": func(y, x int) complex128 { return p[(n-y)%n*n+(n-x)%n] },
		"mirror":    func(y, x int) complex128 { return p[y*n+(n-x)%n] },
		"transpose": func(y, x int) complex128 { return p[x*n+y] },
	} {
		var same complex128
		var total float64
		for i, v := range p {
			same += cmplx.Conj(v) * at(i/n, i%n)
			total += real(v)*real(v) + imag(v)*imag(v)
		}
		if c := cmplx.Abs(same) / total; c > 0.9 {
			t.Errorf("the aberrated probe is symmetric under %s: %.3f", name, c)
		}
	}
}

func TestBlur_KeepsTheSum(t *testing.T) {
	img := raster.NewReal(9, 40)
	img.Data[3*40+1], img.Data[8*40+39] = 2, 1
	for _, sigma := range []float64{0.5, 1, 10} {
		var sum float64
		for _, v := range blur(img, sigma).Data {
			sum += v
		}
		if math.Abs(sum-3) > 1e-9 {
			t.Errorf("σ %v: the sum is %v, want 3", sigma, sum)
		}
	}
	wide := raster.NewReal(41, 61)
	wide.Data[20*61+30] = 1
	got := blur(wide, 2)
	if r := got.At(20, 34) / got.At(20, 30); math.Abs(r-math.Exp(-2)) > 1e-9 {
		t.Errorf("two deviations to the right: %v of the peak, want %v", r, math.Exp(-2))
	}
	if r := got.At(16, 30) / got.At(20, 30); math.Abs(r-math.Exp(-2)) > 1e-9 {
		t.Errorf("two deviations up: %v of the peak, want %v", r, math.Exp(-2))
	}
}
