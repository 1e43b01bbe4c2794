package solve

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/evaluate"
	"github.com/ptychogo/ptycho/host/output"
)

// Report is the report of an iterative reconstruction.
type Report struct {
	OutputDir  string     `json:"output_dir"`
	Data       string     `json:"data"`
	Engine     string     `json:"engine"`
	Fit        []string   `json:"fit"`
	Patterns   int        `json:"patterns"`
	Iterations int        `json:"iterations"` // done
	Ended      string     `json:"ended"`      // iterations, held-out, converged or stopped
	ObjectSize [2]int     `json:"object_size"`
	Origin     [2]float64 `json:"origin"` // row, column

	// The next values are nil if the run was stopped before they were computed.

	// Residual is Σ(√λ − √k)²/Σk over all patterns after the last iteration, with all fitted quantities in λ.
	Residual *metrics.Number `json:"R,omitempty"`
	// Plain is R as infer and evaluate compute it: without background and intensities, at the fitted positions.
	Plain        *metrics.Number `json:"R_without_background,omitempty"`
	FlatResidual *metrics.Number `json:"R_flat,omitempty"` // of an empty object
	// ExpectedResidual is R of Poisson counts as the result expects them: what photon noise leaves.
	ExpectedResidual *metrics.Number `json:"R_expected,omitempty"`
	Deviance         *metrics.Number `json:"deviance,omitempty"`
	Expected         *metrics.Number `json:"expected_deviance,omitempty"`

	// FRC is the mean ring correlation up to half Nyquist in FRCBox, the central 240 pixels, after registration. It is nil
	// without a second image. FRCOf names the second image: "halves" compares the images of the even and the odd patterns,
	// "reference" compares with the object in the scan's file.
	FRC    *metrics.Number `json:"frc,omitempty"`
	FRCOf  string          `json:"frc_of,omitempty"`
	FRCBox *metrics.Box    `json:"frc_box,omitempty"`
	Halves *Halves         `json:"halves,omitempty"`

	// Choice holds what --fit auto tried; nil without it.
	Choice *iterative.Choice `json:"choice,omitempty"`

	// Examination holds the findings and the repairs of the scan; nil with --examine off.
	Examination *dataset.Examined `json:"examination,omitempty"`

	Gauge         *iterative.Gauge      `json:"probe_gauge,omitempty"`     // how the phase ramp of a fitted probe was fixed
	ModeShares    []float64             `json:"mode_shares"`               // of the probe's power
	Background    float64               `json:"background,omitempty"`      // mean counts per pixel
	LargestMove   float64               `json:"largest_move_px,omitempty"` // of a fitted position
	UpdatesPerSec float64               `json:"frame_updates_per_second"`  // patterns times iterations over their wall time
	Seconds       float64               `json:"seconds"`                   // of everything
	History       []iterative.Iteration `json:"history"`
	Exports       []string              `json:"exports,omitempty"` // files for other programs
	Notes         []string              `json:"notes,omitempty"`
}

// Halves compares the two half sets.
type Halves struct {
	Residuals [2]metrics.Number `json:"R"`        // of each half over its own patterns
	Raw       metrics.Number    `json:"frc_raw"`  // FRC without registration
	Shift     [2]float64        `json:"shift_px"` // of the even half onto the odd one: rows, columns
}

func (r *Report) fill(solved *iterative.Result, data *scan.Scan, took time.Duration) {
	r.Patterns, r.Iterations, r.Ended = data.Len(), len(solved.History), solved.Ended
	r.ObjectSize, r.Origin = [2]int{solved.Object.H, solved.Object.W}, solved.Origin
	if !math.IsNaN(solved.R) {
		r.Residual, r.Deviance, r.Expected = number(solved.R), number(solved.Deviance), number(solved.Expected)
	}
	if of := solved.Misfits.Totals(); of.Measured > 0 {
		r.ExpectedResidual = number(solved.R * of.Expected / of.Measured)
	} else if len(solved.Misfits.Frames) > 0 { // an exact fit
		r.ExpectedResidual = number(0)
	}
	r.ModeShares, r.History, r.Notes, r.Gauge = solved.ModeShares, solved.History, solved.Notes, solved.Gauge
	if r.Gauge != nil && r.Gauge.By == iterative.GaugeFree {
		r.Notes = append(r.Notes, r.Gauge.String())
	}
	r.UpdatesPerSec = float64(r.Patterns*r.Iterations) / took.Seconds()
	for _, b := range solved.Background {
		r.Background += float64(b) / float64(len(solved.Background))
	}
	for j := range solved.Rows {
		r.LargestMove = max(r.LargestMove, math.Hypot(solved.Rows[j]-data.Rows[j], solved.Cols[j]-data.Cols[j]))
	}
	if r.LargestMove < 1e-6 { // rounding of the origin
		r.LargestMove = 0
	}
}

func number(v float64) *metrics.Number { return (*metrics.Number)(&v) }

// stop marks the report as that of a stopped run and lists the values that were not computed. frc says whether FRC was due.
func (r *Report) stop(frc bool) {
	r.Ended = "stopped"
	var missing []string
	for _, figure := range []struct {
		name  string
		due   bool
		value *metrics.Number
	}{{"R and deviance", true, r.Residual}, {"R without background", true, r.Plain}, {"R of a flat object", true, r.FlatResidual}, {"FRC", frc, r.FRC}} {
		if figure.due && figure.value == nil {
			missing = append(missing, figure.name)
		}
	}
	if len(missing) > 0 {
		r.Notes = append(r.Notes, "the run was stopped; not computed: "+strings.Join(missing, ", "))
	}
}

// addPlain computes R of the image as evaluate does for images of any program.
func (r *Report) addPlain(ctx context.Context, solved *iterative.Result, data *scan.Scan, threads int) error {
	scorer := evaluate.NewScorer(With(data, solved), threads)
	plain, err := scorer.Residual(ctx, Image(solved))
	if err != nil {
		return fmt.Errorf("solve: %w", err)
	}
	r.Plain = number(plain)
	flat, err := scorer.Flat(ctx)
	if err != nil {
		return fmt.Errorf("solve: %w", err)
	}
	r.FlatResidual = number(flat)
	return nil
}

// With returns the scan with the probe and the positions of the result.
func With(data *scan.Scan, solved *iterative.Result) *scan.Scan {
	out := *data
	out.Probe, out.Modes, out.Rows, out.Cols = solved.Probe, solved.Modes, solved.Rows, solved.Cols
	return &out
}

// result returns what is written. The report and the settings go into the files for other programs.
func result(solved *iterative.Result, data *scan.Scan, report Report, o Options) output.Result {
	return output.Result{
		Image: Image(solved), Command: "solve", Data: data, Scan: With(data, solved), Losses: Losses(solved), Report: report, Exports: o.Export,
		Misfits: solved.Misfits, More: fitted(solved, data.N, slices.Contains(report.Fit, "intensity")),
		Settings: map[string]any{
			"engine": o.Solve.Engine, "iterations": o.Solve.Iterations, "fit": o.Solve.Fit.Names(), "modes": o.Solve.Modes, "seed": o.Solve.Seed,
			"position-bound": o.Solve.PositionBound, "rows": o.Rows, "n-images": o.Draw, "diffraction-units": o.Units, "diffraction-layout": o.Layout,
		},
	}
}

// Losses returns the deviance per pixel after each iteration.
func Losses(solved *iterative.Result) []float64 {
	var all []float64
	for _, it := range solved.History {
		all = append(all, it.Deviance)
	}
	return all
}

// fitted returns what an iterative reconstruction fitted besides the object, as arrays. Patterns have n×n pixels.
func fitted(r *iterative.Result, n int, intensity bool) []npz.Named {
	positions := make([]float64, 0, 2*len(r.Rows))
	for j := range r.Rows {
		positions = append(positions, r.Rows[j], r.Cols[j])
	}
	more := []npz.Named{
		{Name: "probe", Tensor: tensor.Must(r.Probe, r.Modes, n, n)},
		{Name: "positions", Tensor: tensor.Must(positions, len(r.Rows), 2)},
	}
	if r.Background != nil {
		more = append(more, npz.Named{Name: "background", Tensor: tensor.Must(r.Background, n, n)})
	}
	if intensity {
		more = append(more, npz.Named{Name: "intensity", Tensor: tensor.Must(r.Intensity, len(r.Rows))})
	}
	return more
}
