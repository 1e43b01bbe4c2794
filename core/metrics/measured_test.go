package metrics

import (
	"context"
	"math"
	"reflect"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/internal/fixture"
)

func widen(v []complex64) []complex128 {
	out := make([]complex128, len(v))
	for i, x := range v {
		out[i] = complex128(x)
	}
	return out
}

// lines returns one split of the simulated scan of ../shared/data with its true object.
func lines(t *testing.T, split uint8) (Patterns, raster.Complex) {
	path := fixture.Measured(t, "sim_lines_64.npz")
	amplitude, shape := readNPY[float32](t, path, "diff3d")
	scale, _ := readNPY[float32](t, path, "intensity_scale")
	rows, _ := readNPY[float64](t, path, "ycoords")
	cols, _ := readNPY[float64](t, path, "xcoords")
	splits, _ := readNPY[uint8](t, path, "split")
	probe, _ := readNPY[complex64](t, path, "probeGuess")
	object, side := readNPY[complex64](t, path, "objectGuess")
	for i, a := range amplitude {
		d := float64(a) * float64(scale[0])
		amplitude[i] = float32(math.Round(d * d))
	}
	p := Patterns{N: shape[1], Probe: [][]complex128{widen(probe)}}
	var pick []int
	for j, s := range splits {
		if s == split {
			pick = append(pick, j)
			p.Rows, p.Cols = append(p.Rows, rows[j]), append(p.Cols, cols[j])
		}
	}
	p.Counts = CountsIn(amplitude, p.N, pick)
	truth, err := raster.FromComplex64(side[0], side[1], object)
	if err != nil {
		t.Fatal(err)
	}
	return p, truth
}

func near(t *testing.T, what string, got Number, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s is %.6g, want %v ± %v", what, float64(got), want, tolerance)
	}
}

// The figures come from an independent computation on the same file.
func TestResidual_TruthAndFlatObject(t *testing.T) {
	fixture.Long(t)
	p, truth := lines(t, 1)
	ctx := context.Background()
	o := FitOptions{Deviance: true, Misfits: true, Background: 0.01}
	fit, err := Residual(ctx, truth, [2]float64{}, p, o)
	if err != nil {
		t.Fatal(err)
	}
	// 0.00055 is the R of the truth resampled on a stitched canvas, see TestEvaluate_StitchedTruth.
	near(t, "the truth's R", fit.R, 0.00055, 0.00004)
	near(t, "the truth's deviance", fit.Deviance, 0.41, 0.005)
	// The scan has no background: with nearly none in the model the counts are Poisson counts of λ.
	bare, err := Residual(ctx, truth, [2]float64{}, p, FitOptions{Deviance: true, Background: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the deviance expected under the truth", bare.Expected, float64(bare.Deviance), 0.001)
	flat, err := FlatResidual(ctx, p, o)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the flat object's R", flat.R, 0.0281, 0.00005)
	near(t, "the flat object's deviance", flat.Deviance, 25.7, 0.05)
	t.Logf("truth R %.6f deviance %.4f expected %.4f factor %.5g; flat R %.5f deviance %.3f", fit.R, fit.Deviance, fit.Expected, fit.Factor, flat.R, flat.Deviance)

	// Wrongly oriented positions must fit worse than a flat object.
	swapped := p
	swapped.Rows, swapped.Cols = p.Cols, p.Rows
	mirrored := p
	mirrored.Rows = make([]float64, len(p.Rows))
	for j, y := range p.Rows {
		mirrored.Rows[j] = 352 - y // the scan's rows 128 … 224 flipped
	}
	for name, q := range map[string]Patterns{"rows and columns swapped": swapped, "rows mirrored": mirrored} {
		bad, err := Residual(ctx, truth, [2]float64{}, q, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if bad.R < flat.R {
			t.Errorf("%s: R %v is below the flat object's %v", name, bad.R, flat.R)
		}
	}
	shifted, err := Residual(ctx, truth, [2]float64{0.5, 0}, p, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if shifted.R < 1.2*fit.R {
		t.Errorf("half a pixel off gives R %v against %v: it must show", shifted.R, fit.R)
	}
	again, err := Residual(ctx, truth, [2]float64{}, p, FitOptions{Deviance: true, Misfits: true, Background: 0.01, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, fit) {
		t.Errorf("three workers give R %v and misfits, the default R %v and others", again.R, fit.R)
	}
}

func TestEvaluate_StitchedTruth(t *testing.T) {
	fixture.Long(t)
	p, truth := lines(t, 1)
	ctx := context.Background()
	for _, centred := range []bool{false, true} {
		s, err := raster.NewStitcher(p.Rows, p.Cols, p.N, raster.StitchOptions{Centred: centred})
		if err != nil {
			t.Fatal(err)
		}
		weight := make([]float32, p.N*p.N)
		for i, v := range p.Probe[0] {
			weight[i] = float32(real(v)*real(v) + imag(v)*imag(v))
		}
		for j := range p.Rows {
			patch := raster.Extract(truth, p.Rows[j], p.Cols[j], p.N)
			narrow := make([]complex64, len(patch))
			for i, v := range patch {
				narrow[i] = complex64(v)
			}
			if err := s.Add(narrow, weight, p.Rows[j], p.Cols[j]); err != nil {
				t.Fatal(err)
			}
		}
		img, err := s.Finish()
		if err != nil {
			t.Fatal(err)
		}
		r, err := Evaluate(t.Context(), img.Object, img.Origin, truth, [2]float64{}, PositionsBox(p.Rows, p.Cols), Options{ScaleAmplitude: true, Register: true})
		if err != nil {
			t.Fatal(err)
		}
		fit, err := Residual(ctx, img.Object, img.Origin, p, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("centred %v: PSNR %.2f amp corr %.4f phase MAE %.4f phase corr %.4f FRC %.4f SSIM %.4f %.4f R %.6f shift %v; %d×%d", centred,
			r.Raw.AmplitudePSNR, r.Raw.AmplitudeCorrelation, r.Raw.PhaseMAE, r.Raw.PhaseCorrelation, r.Raw.FRC.Mean, r.Raw.AmplitudeSSIM, r.Raw.PhaseSSIM, fit.R, r.Registered.Shift, r.Height, r.Width)
		if centred {
			near(t, "the R of the truth on a stitched canvas", fit.R, 0.00055, 0.00001)
		}
		// Two bilinear interpolations cost this much at most.
		if r.Raw.AmplitudePSNR < 35 || r.Raw.PhaseCorrelation < 0.995 || r.Raw.FRC.Mean < 0.99 || fit.R > 0.001 {
			t.Errorf("the stitched truth scores %+v, R %v", r.Raw, fit.R)
		}
		for _, d := range r.Registered.Shift {
			if math.Abs(d) > 0.021 {
				t.Errorf("the stitched truth is shifted by %v", r.Registered.Shift)
			}
		}
	}
}

func TestResidual_MeasuredScan(t *testing.T) {
	fixture.Long(t)
	path := fixture.Measured(t, "siemens_star_aps_velociprobe.npz")
	counts, shape := readNPY[uint16](t, path, "intensity")
	rows, _ := readNPY[float64](t, path, "ycoords")
	cols, _ := readNPY[float64](t, path, "xcoords")
	probe, _ := readNPY[complex64](t, path, "probeGuess")
	guess, side := readNPY[complex64](t, path, "objectGuess")
	object, err := raster.FromComplex64(side[0], side[1], guess)
	if err != nil {
		t.Fatal(err)
	}
	p := Patterns{N: shape[1], Rows: rows, Cols: cols, Probe: [][]complex128{widen(probe)}, Counts: CountsIn(counts, shape[1], nil)}
	run := func(q Patterns) Number {
		f, err := Residual(context.Background(), object, [2]float64{}, q, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return f.R
	}
	whole := p
	whole.Rows, whole.Cols = make([]float64, len(rows)), make([]float64, len(cols))
	for j := range rows {
		whole.Rows[j], whole.Cols[j] = math.Round(rows[j]), math.Round(cols[j])
	}
	swapped := p
	swapped.Rows, swapped.Cols = cols, rows
	exact, rounded, wrong := run(p), run(whole), run(swapped)
	t.Logf("R %.5f at sub-pixel positions, %.5f at whole ones, %.4f transposed", exact, rounded, wrong)
	near(t, "R at sub-pixel positions", exact, 0.0153, 0.0006)
	if rounded < exact || wrong < 5*exact {
		t.Errorf("R %v at whole positions and %v transposed against %v: both must be worse", rounded, wrong, exact)
	}
}
