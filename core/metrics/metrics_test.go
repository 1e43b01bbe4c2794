package metrics

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
)

// scene is a smooth complex image, in scan coordinates, that no flip, transpose or shift maps onto itself.
func scene(y, x float64) complex128 {
	a := 0.7 + 0.1*math.Sin(y/3.1) + 0.08*math.Cos(x/4.3+y/7) + 0.1*math.Exp(-((y-40)*(y-40)+(x-20)*(x-20))/60)
	return cmplx.Rect(a, 0.3*math.Sin(x/5.7)+0.25*math.Cos(y/8.3+x/13)-0.2*math.Exp(-((y-20)*(y-20)+(x-60)*(x-60))/90))
}

func render(h, w int, origin [2]float64) raster.Complex {
	c := raster.NewComplex(h, w)
	for i := range c.Data {
		c.Data[i] = scene(float64(i/w)+origin[0], float64(i%w)+origin[1])
	}
	return c
}

func noisy(img raster.Complex, sigma float64) raster.Complex {
	rng := rand.New(rand.NewPCG(1, 9))
	out := raster.NewComplex(img.H, img.W)
	for i, v := range img.Data {
		out.Data[i] = v + complex(sigma*rng.NormFloat64(), sigma*rng.NormFloat64())
	}
	return out
}

func TestEvaluate_IdenticalImages(t *testing.T) {
	img := render(70, 90, [2]float64{})
	r, err := Evaluate(t.Context(), img, [2]float64{}, img, [2]float64{}, Box{0, 69, 0, 89}, Options{Register: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range r.Raw.FRC.Curve {
		near(t, "the FRC of ring "+string(rune('0'+i%10)), v, 1, 1e-9)
	}
	near(t, "FRC50", r.Raw.FRC.Half, 1, 0)
	near(t, "mean FRC", r.Raw.FRC.Mean, 1, 1e-9)
	near(t, "amplitude SSIM", r.Raw.AmplitudeSSIM, 1, 1e-9)
	near(t, "phase SSIM", r.Raw.PhaseSSIM, 1, 1e-9)
	near(t, "amplitude correlation", r.Raw.AmplitudeCorrelation, 1, 1e-9)
	near(t, "phase correlation", r.Raw.PhaseCorrelation, 1, 1e-9)
	if r.Raw.AmplitudePSNR < 200 {
		t.Errorf("PSNR %v", r.Raw.AmplitudePSNR)
	}
	if r.Registered.Shift != [2]float64{} {
		t.Errorf("registered by %v", r.Registered.Shift)
	}
	if got := psnr([]float64{1, 2}, []float64{1, 2}, 1); !math.IsInf(got, 1) {
		t.Errorf("PSNR of equal images is %v, want +Inf", got)
	}
}

func TestEvaluate_RemovesPhaseAndFactor(t *testing.T) {
	truth := render(70, 90, [2]float64{})
	recon := raster.NewComplex(70, 90)
	for i, v := range truth.Data {
		recon.Data[i] = v * cmplx.Rect(1.25, 2.9)
	}
	r, err := Evaluate(t.Context(), recon, [2]float64{}, truth, [2]float64{}, Box{3, 60, 5, 80}, Options{ScaleAmplitude: true})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "global phase", r.Raw.Phase.Offset, 2.9, 1e-9)
	near(t, "amplitude factor", r.Raw.Factor, 0.8, 1e-9)
	near(t, "phase MAE", r.Raw.PhaseMAE, 0, 1e-9)
	near(t, "amplitude MAE", r.Raw.AmplitudeMAE, 0, 1e-9)
	if r.Height != 58 || r.Width != 76 {
		t.Errorf("%d×%d pixels compared, want 58×76: box edges are included", r.Height, r.Width)
	}
	r, err = Evaluate(t.Context(), recon, [2]float64{}, truth, [2]float64{}, Box{3, 60, 5, 80}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "factor when not asked for", r.Raw.Factor, 1, 0)
	if r.Raw.AmplitudeMAE < 0.1 {
		t.Errorf("amplitude MAE %v, although the factor is not removed", r.Raw.AmplitudeMAE)
	}
}

func TestEvaluate_WrappedPhase(t *testing.T) {
	// The truth's free phase puts its mean at π, so that half of the pixels wrap.
	truth := render(40, 40, [2]float64{})
	for i := range truth.Data {
		truth.Data[i] *= cmplx.Rect(1, math.Pi-0.05)
	}
	recon := noisy(truth, 0.01)
	r, err := Evaluate(t.Context(), recon, [2]float64{}, truth, [2]float64{}, Box{0, 39, 0, 39}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Raw.PhaseMAE > 0.03 || r.Raw.PhaseCorrelation < 0.99 {
		t.Errorf("phase MAE %v, correlation %v", r.Raw.PhaseMAE, r.Raw.PhaseCorrelation)
	}
}

func TestPhaseRamp_Found(t *testing.T) {
	truth := render(70, 90, [2]float64{})
	for _, c := range []struct {
		name  string
		y, x  float64
		noise float64
	}{
		{"none", 0, 0, 0}, {"less than a fringe", 0.01, -0.02, 0}, {"many fringes", -1.234, 0.777, 0}, {"near Nyquist", 3.0, -2.9, 0},
		{"noise", 0.21, -0.32, 0.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			recon := raster.NewComplex(70, 90)
			for i, v := range noisy(truth, c.noise).Data {
				recon.Data[i] = v * cmplx.Rect(1, 0.4+c.y*float64(i/90)+c.x*float64(i%90))
			}
			p, err := phaseRamp(recon, truth)
			if err != nil {
				t.Fatal(err)
			}
			tolerance := 1e-9 + 2e-3*c.noise
			near(t, "slope in y", p.Y, c.y, tolerance)
			near(t, "slope in x", p.X, c.x, tolerance)
			near(t, "offset", p.Offset, 0.4, 1e-7+c.noise/3)
			left := p.Remove(recon)
			if e := cmplx.Phase(inner(truth.Data, left.Data)); math.Abs(e) > 1e-7+0.02*c.noise {
				t.Errorf("a phase of %v is left", e)
			}
		})
	}
}

func TestEvaluate_FractionalOrigin(t *testing.T) {
	truth := render(90, 100, [2]float64{})
	origin := [2]float64{10.37, -3.81}
	recon := render(60, 95, origin)
	r, err := Evaluate(t.Context(), recon, origin, truth, [2]float64{}, Box{15, 60, 5, 80}, Options{Register: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Raw.PhaseMAE > 0.005 || r.Raw.AmplitudeMAE > 0.005 || r.Raw.FRC.Mean < 0.99 {
		t.Errorf("scores %+v, want nearly perfect: only the interpolation of the reference is left", r.Raw)
	}
	if r.Height != 45 || r.Width != 75 {
		t.Errorf("%d×%d pixels inside the box, want 45×75", r.Height, r.Width)
	}
	// A wrong origin must affect the raw figures, be measured, and vanish in the registered ones.
	wrong, err := Evaluate(t.Context(), recon, [2]float64{origin[0] + 1.5, origin[1] - 0.7}, truth, [2]float64{}, Box{15, 60, 5, 80}, Options{Register: true})
	if err != nil {
		t.Fatal(err)
	}
	if wrong.Raw.PhaseMAE < 4*r.Raw.PhaseMAE {
		t.Errorf("an origin off by (1.5, −0.7) gives phase MAE %v against %v: it must show", wrong.Raw.PhaseMAE, r.Raw.PhaseMAE)
	}
	for a, want := range []float64{-1.5, 0.7} { // the content lies that much too far down and right
		if got := wrong.Registered.Shift[a]; math.Abs(got-want) > 0.05 {
			t.Errorf("registered along axis %d by %v, want %v", a, got, want)
		}
	}
	if wrong.Registered.PhaseMAE > 0.5*wrong.Raw.PhaseMAE {
		t.Errorf("registration leaves phase MAE %v of %v", wrong.Registered.PhaseMAE, wrong.Raw.PhaseMAE)
	}
}

func TestEvaluate_FlipsScoreBadly(t *testing.T) {
	truth := render(64, 64, [2]float64{})
	for _, c := range []struct {
		name string
		from func(y, x int) complex128
	}{
		{"rows flipped", func(y, x int) complex128 { return truth.At(63-y, x) }},
		{"columns flipped", func(y, x int) complex128 { return truth.At(y, 63-x) }},
		{"transposed", func(y, x int) complex128 { return truth.At(x, y) }},
		{"conjugate twin", func(y, x int) complex128 { return cmplx.Conj(truth.At(63-y, 63-x)) }},
		{"conjugate", func(y, x int) complex128 { return cmplx.Conj(truth.At(y, x)) }},
	} {
		img := raster.NewComplex(64, 64)
		for i := range img.Data {
			img.Data[i] = c.from(i/64, i%64)
		}
		r, err := Evaluate(t.Context(), img, [2]float64{}, truth, [2]float64{}, Box{0, 63, 0, 63}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Raw.PhaseCorrelation > 0.7 {
			t.Errorf("%s: phase correlation %v", c.name, r.Raw.PhaseCorrelation)
		}
	}
}

func TestEvaluate_Rejects(t *testing.T) {
	img := render(40, 50, [2]float64{})
	nan := render(40, 50, [2]float64{})
	nan.Data[20*50+20] = cmplx.NaN()
	o := [2]float64{}
	for _, c := range []struct {
		name        string
		recon, refs raster.Complex
		ro, fo      [2]float64
		box         Box
		want        string
	}{
		{"an empty box", img, img, o, o, Box{10, 5, 0, 20}, "empty"},
		{"a box between pixels", img, img, o, o, Box{10.2, 10.8, 0, 20}, "no pixel"},
		{"a box outside the reconstruction", img, img, [2]float64{5, 0}, o, Box{0, 30, 0, 30}, "outside the reconstruction"},
		{"a box outside the reference", img, img, o, [2]float64{0, 3}, Box{5, 30, 0, 30}, "outside the reference"},
		{"no image", raster.Complex{}, img, o, o, Box{0, 30, 0, 30}, "empty"},
		{"a short image", raster.Complex{H: 40, W: 50}, img, o, o, Box{0, 30, 0, 30}, "0 values"},
		{"NaN in the reconstruction", nan, img, o, o, Box{0, 30, 0, 30}, "reconstruction has values"},
		{"NaN in the reference", img, nan, o, o, Box{0, 30, 0, 30}, "reference has values"},
		{"a box of NaN", img, img, o, o, Box{math.NaN(), 30, 0, 30}, "not a finite number"},
		{"a huge box", img, img, o, o, Box{-1e300, 1e300, 0, 30}, "outside"},
		{"one pixel", img, img, o, o, Box{3, 3, 3, 3}, "too small to compare"},
	} {
		_, err := Evaluate(t.Context(), c.recon, c.ro, c.refs, c.fo, c.box, Options{Register: true})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
	}
}

func TestReport_AlwaysJSON(t *testing.T) {
	flat := raster.NewComplex(20, 20)
	for i := range flat.Data {
		flat.Data[i] = 1
	}
	r, err := Evaluate(t.Context(), flat, [2]float64{}, flat, [2]float64{}, Box{0, 19, 0, 19}, Options{Register: true, Ramp: true, ScaleAmplitude: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"amplitude_correlation":null`) {
		t.Errorf("the correlation of a constant should be null: %s", b)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(back.Raw.AmplitudeCorrelation)) || back.Registered == nil {
		t.Errorf("read back as %+v", back)
	}
}

func TestSSIM_Definition(t *testing.T) {
	const h, w = 11, 13
	a, b := render(h, w, [2]float64{}).Abs(), noisy(render(h, w, [2]float64{}), 0.1).Abs()
	dataRange := dataRange(b.Data)
	k1, k2 := 0.01*dataRange, 0.03*dataRange
	c1, c2 := k1*k1, k2*k2
	var want float64
	for y := 0; y+7 <= h; y++ {
		for x := 0; x+7 <= w; x++ {
			var p, q []float64
			for i := range 49 {
				p, q = append(p, a.At(y+i/7, x+i%7)), append(q, b.At(y+i/7, x+i%7))
			}
			mp, mq := mean(p), mean(q)
			var pp, qq, pq float64
			for i := range p {
				pp += (p[i] - mp) * (p[i] - mp) / 48
				qq += (q[i] - mq) * (q[i] - mq) / 48
				pq += (p[i] - mp) * (q[i] - mq) / 48
			}
			want += (2*mp*mq + c1) * (2*pq + c2) / ((mp*mp + mq*mq + c1) * (pp + qq + c2)) / ((h - 6) * (w - 6))
		}
	}
	near(t, "SSIM", Number(ssim(a, b, dataRange)), want, 1e-12)
	if got := ssim(a, raster.NewReal(6, 6), 1); !math.IsNaN(got) {
		t.Errorf("SSIM of unequal sizes is %v", got)
	}
}

func TestPSNRAndPearson(t *testing.T) {
	near(t, "PSNR", Number(psnr([]float64{1, 2, 3}, []float64{1.1, 2.1, 2.9}, 2)), 20*math.Log10(20), 1e-9)
	near(t, "Pearson", Number(pearson([]float64{1, 2, 3}, []float64{5, 3, 1})), -1, 1e-12)
	near(t, "Pearson", Number(pearson([]float64{1, 2, 3, 4}, []float64{1, 3, 2, 4})), 0.8, 1e-12)
	if got := pearson([]float64{0.1, 0.1, 0.1}, []float64{1, 2, 3}); !math.IsNaN(got) {
		t.Errorf("the correlation of a constant is %v, want NaN", got)
	}
}

func TestRingCorrelation(t *testing.T) {
	const n = 96
	rng := rand.New(rand.NewPCG(11, 12))
	a, b := raster.NewComplex(n, n), raster.NewComplex(n, n)
	for i := range a.Data {
		a.Data[i] = complex(rng.NormFloat64(), rng.NormFloat64())
		b.Data[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	f, err := ringCorrelation(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if f.Mean > 0.3 || len(f.Curve) != n/2+1 || f.Side != n {
		t.Errorf("unrelated noise correlates by %v over %d rings", f.Mean, len(f.Curve))
	}
	// Low frequencies agree, high ones do not: the crossing is at half Nyquist.
	fourier := raster.NewFourier(n, n)
	fourier.Forward(a.Data)
	fourier.Forward(b.Data)
	for i := range a.Data {
		if math.Hypot(float64(signed(i/n, n)), float64(signed(i%n, n))) < n/4 {
			b.Data[i] = a.Data[i]
		}
	}
	fourier.Inverse(a.Data)
	fourier.Inverse(b.Data)
	if f, err = ringCorrelation(a, b); err != nil {
		t.Fatal(err)
	}
	near(t, "FRC50", f.Half, 0.5, 0.03)
	for i := range b.Data {
		b.Data[i] *= cmplx.Rect(3, 1.1)
	}
	g, err := ringCorrelation(a, b)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "FRC with a factor on one image", g.Mean, float64(f.Mean), 1e-12)
}

func TestFirstBelow(t *testing.T) {
	for _, c := range []struct {
		curve []float64
		want  float64
	}{
		{[]float64{1, 1, 1}, 3}, {[]float64{0.4, 1}, 0}, {[]float64{1, 0.75, 0.25, 1}, 1.5}, {[]float64{1, 0}, 0.5}, {nil, 0},
	} {
		if got := firstBelow(c.curve, 0.5); got != c.want {
			t.Errorf("firstBelow(%v) = %v, want %v", c.curve, got, c.want)
		}
	}
}

func TestFourierShift_DownAndRight(t *testing.T) {
	delta := raster.NewComplex(16, 20)
	delta.Data[5*20+6] = 1
	got := fourierShift(delta, 2, -3)
	for i, v := range got.Data {
		want := complex128(0)
		if i == 7*20+3 {
			want = 1
		}
		if cmplx.Abs(v-want) > 1e-12 {
			t.Fatalf("row %d, column %d is %v", i/20, i%20, v)
		}
	}
	img := render(50, 60, [2]float64{})
	moved := fourierShift(img, 0.37, -1.21)
	for y := 8; y < 42; y++ {
		for x := 8; x < 52; x++ {
			if e := cmplx.Abs(moved.At(y, x) - scene(float64(y)-0.37, float64(x)+1.21)); e > 2e-3 {
				t.Fatalf("pixel (%d, %d) is off by %v", y, x, e)
			}
		}
	}
}

func TestSmoothLength(t *testing.T) {
	for n, want := range map[int]int{0: 0, 7: 7, 61: 61, 67: 66, 240: 240, 509: 507, 1021: 1020} {
		if got := smoothLength(n); got != want {
			t.Errorf("smoothLength(%d) = %d, want %d", n, got, want)
		}
	}
}
