package solve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/scan"
)

// Choice is the result of Choose.
type Choice struct {
	Fit      Fit     `json:"-"`
	Modes    int     `json:"modes"`    // of the probe; 0: those of the scan
	Patterns int     `json:"patterns"` // used, a quarter of them held out
	Before   float64 `json:"R_before"` // held-out R without any of the trials
	Residual float64 `json:"R"`        // held-out R with all that was kept
	Trials   []Trial `json:"trials"`   // in order
	// Iterations is the number of iterations with the lowest held-out R, and Falling says that it is the greatest number
	// that was allowed.
	Iterations int  `json:"iterations"`
	Falling    bool `json:"still_falling"`
}

// Trial is one fit of a quantity besides those that were kept before.
type Trial struct {
	Name    string  `json:"fit"`       // probe, positions, intensity, modes or background
	Without float64 `json:"R_without"` // held-out R before
	R       float64 `json:"R"`         // held-out R with it, at its lowest; −1: the fit diverged
	Errors  float64 `json:"standard_errors"`
	Kept    bool    `json:"kept"`
}

const (
	choosePatterns = 160
	// chooseIterations is the greatest number of iterations unless Options has another.
	chooseIterations = 60
	// chooseModes is the number of modes that is tried.
	chooseModes = 3
)

// leastPay is the share of the held-out residual by which a fit must lower it, and the number of standard errors of the
// logarithms of the patterns' misfits. Numbers of single patterns lower it by a part of the photon noise, and while a wrong
// probe converges, factors, modes and backgrounds lower it and make the image worse: the last two by less than 8 errors.
var leastPay = map[string]struct{ share, errors float64 }{
	"probe": {0, math.Inf(-1)}, "positions": {0.03, 4}, "intensity": {0.3, 4}, "modes": {0.05, 8}, "background": {0.03, 8},
}

// Choose finds out which fits besides the object predict held-out patterns better, and after how many iterations they
// predict them best. It fits three of four patterns of a part of the scan, and for the others only their own positions and
// factors, if these are fitted. The probe is kept if the residual falls at all, each further quantity if it falls by
// leastPay; a fit that is not ahead after 15 iterations ends there. At the end the probe is tried again besides them. What o fits already is fitted in every trial. names limits what is tried; without names everything is.
func Choose(ctx context.Context, s *scan.Scan, o Options, names ...string) (*Choice, error) {
	if o.Iterations == 0 {
		o.Iterations = chooseIterations
	}
	part, err := s.Select(middleOf(s, litPatterns(s), choosePatterns))
	if err != nil {
		return nil, fmt.Errorf("choice of the fits: %w", err)
	}
	if len(names) == 0 {
		names = []string{"probe", "positions", "intensity", "modes", "background"}
	}
	c := &chooser{o: o, names: names, part: part, choice: &Choice{Fit: o.Fit, Patterns: part.Len(), Modes: o.Modes, Iterations: o.Iterations, Falling: true}}
	if part.Len() < fewestSupport {
		c.choice.Fit.Probe = o.Fit.Probe || o.ProbeErrors == 0 && slices.Contains(names, "probe")
		return c.choice, nil
	}
	if err := c.run(ctx); err != nil {
		return nil, fmt.Errorf("choice of the fits: %w", err)
	}
	return c.choice, nil
}

// String reports what paid.
func (c *Choice) String() string {
	if len(c.Trials) == 0 {
		return fmt.Sprintf("%d patterns are too few to choose what to fit", c.Patterns)
	}
	var kept, left []string
	for i, t := range c.Trials {
		if slices.ContainsFunc(c.Trials[i+1:], func(later Trial) bool { return later.Name == t.Name }) {
			continue
		}
		if t.Kept {
			kept = append(kept, fmt.Sprintf("%s %.5f", t.Name, t.R))
		} else {
			left = append(left, t.Name)
		}
	}
	text := fmt.Sprintf("held-out residual R %.5f", c.Before)
	if kept != nil {
		text += ", with " + strings.Join(kept, ", then with ")
	}
	if left != nil {
		text += "; too little is gained by " + strings.Join(left, ", ")
	}
	return text
}

// chooser holds the best fit so far.
type chooser struct {
	o      Options
	names  []string // to try
	part   *scan.Scan
	choice *Choice
	best   prediction
}

// attempt is a trial with the state that it leads to.
type attempt struct {
	Trial
	fit   Fit
	modes int
	prediction
}

// run tries the probe, then each other quantity alone with it, and adds those that paid, the best first, as long as each
// pays besides the ones before.
func (c *chooser) run(ctx context.Context) error {
	c.announce("object")
	object, err := c.predict(ctx, c.o.Fit, c.o.Modes, nil)
	if err != nil {
		return err
	}
	c.choice.Before = sum(object.each)
	c.keep(object)
	if c.tried("probe") {
		probe, err := c.try(ctx, "probe")
		if err != nil {
			return err
		}
		c.record(probe)
	}
	var paid []attempt
	for _, name := range []string{"positions", "intensity", "modes", "background"} {
		if !c.tried(name) {
			continue
		}
		a, err := c.try(ctx, name)
		if err != nil {
			return err
		}
		if a.Kept {
			paid = append(paid, a)
		} else {
			c.record(a)
		}
	}
	slices.SortStableFunc(paid, func(a, b attempt) int { return cmp.Compare(a.R, b.R) })
	for i, a := range paid {
		if i > 0 {
			if a, err = c.try(ctx, a.Name); err != nil {
				return err
			}
		}
		c.record(a)
	}
	return c.probeAgain(ctx)
}

// probeAgain drops the probe if it gains too little besides the quantities that were kept after it: before them it took a part of what
// they explain.
func (c *chooser) probeAgain(ctx context.Context) error {
	fit := c.choice.Fit
	fit.Probe = false
	if !c.choice.Fit.Probe || c.o.Fit.Probe || slices.Equal(fit.Names(), c.o.Fit.Names()) || c.choice.Modes != c.o.Modes {
		return nil
	}
	c.announce("probe")
	without, err := c.predict(ctx, fit, c.choice.Modes, c.best.course)
	if errors.Is(err, ErrDiverged) {
		return nil
	}
	if err != nil {
		return err
	}
	again := Trial{Name: "probe", Without: sum(without.each), R: c.choice.Residual, Errors: standardErrors(logarithms(c.best.each), logarithms(without.each))}
	again.Kept = c.pays(again)
	c.choice.Trials = append(c.choice.Trials, again)
	if !again.Kept {
		c.choice.Fit = fit
		c.keep(without)
	}
	return nil
}

// pays reports whether a trial lowers the held-out residual by enough.
func (c *chooser) pays(t Trial) bool {
	least := leastPay[t.Name]
	if t.Name == "probe" && c.o.ProbeErrors > 0 {
		least.errors = c.o.ProbeErrors
	}
	return t.R < (1-least.share)*t.Without && t.Errors > least.errors
}

func (c *chooser) announce(name string) {
	if c.o.Trial != nil {
		c.o.Trial(name)
	}
}

// tried reports whether a fit is tried: it may be, and is not fitted anyway.
func (c *chooser) tried(name string) bool {
	if name == "modes" && (c.o.Modes > 0 || c.part.Modes >= chooseModes) {
		return false
	}
	return slices.Contains(c.names, name) && !slices.Contains(c.o.Fit.Names(), name)
}

func (c *chooser) keep(p prediction) {
	c.best = p
	c.choice.Residual, c.choice.Iterations, c.choice.Falling = sum(p.each), p.iterations, p.iterations == c.o.Iterations
}

// record adds a trial to the choice, and its fit if it is kept.
func (c *chooser) record(a attempt) {
	c.choice.Trials = append(c.choice.Trials, a.Trial)
	if a.Kept {
		c.choice.Fit, c.choice.Modes = a.fit, a.modes
		c.keep(a.prediction)
	}
}

// try fits one more quantity than was kept.
func (c *chooser) try(ctx context.Context, name string) (attempt, error) {
	a := attempt{Trial: Trial{Name: name, Without: c.choice.Residual, R: -1}, fit: c.choice.Fit, modes: c.choice.Modes}
	switch name {
	case "probe":
		a.fit.Probe = true
	case "positions":
		a.fit.Positions = true
	case "intensity":
		a.fit.Intensity = true
	case "modes": // further modes start as powers of y and x times the first, and need to be fitted
		a.fit.Probe, a.modes = true, chooseModes
	case "background":
		a.fit.Background = true
	}
	c.announce(name)
	rival := c.best.course
	if name == "probe" { // which converges slowly, and needs to gain little
		rival = nil
	}
	var err error
	a.prediction, err = c.predict(ctx, a.fit, a.modes, rival)
	if errors.Is(err, ErrDiverged) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.R, a.Errors = sum(a.each), standardErrors(logarithms(a.each), logarithms(c.best.each))
	a.Kept = c.pays(a.Trial)
	return a, nil
}

// logarithms weights patterns alike: their misfits differ by orders of magnitude.
func logarithms(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, a := range x {
		out[i] = math.Log(max(a, 1e-30))
	}
	return out
}

// predict fits three of four patterns, and returns the lowest misfits of the others. The fit ends early if it does not lead the rival's course.
func (c *chooser) predict(ctx context.Context, fit Fit, modes int, rival []float64) (prediction, error) {
	o := Options{Engine: c.o.Engine, Iterations: c.o.Iterations, Fit: fit, Modes: modes, Threads: c.o.Threads, Seed: c.o.Seed,
		PositionBound: c.o.PositionBound, ExposureChanges: c.o.ExposureChanges, NoLowFrequency: c.o.NoLowFrequency, Stop: c.o.Stop, Progress: c.o.Progress}
	if o.Engine == DifferenceMap || o.Engine == RAAR { // their waves belong to all patterns
		o.Engine = EPIE
	}
	v, err := newSolver(c.part, o)
	if err != nil {
		return prediction{}, err
	}
	defer v.team.close()
	p, err := v.predictWhile(ctx, v.holdOut(), rival)
	if err == nil && math.IsNaN(sum(p.each)) {
		err = ErrDiverged
	}
	return p, err
}
