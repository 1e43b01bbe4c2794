package metrics

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
)

// exact returns a scan of scene without noise, with two probe modes.
func exact(t *testing.T) (Patterns, raster.Complex) {
	t.Helper()
	const n = 16
	object := render(50, 70, [2]float64{})
	p := Patterns{N: n, Rows: []float64{12, 20.3, 30.5, 25.1}, Cols: []float64{11.5, 40, 55.2, 20.7}}
	for m := range 2 {
		mode := make([]complex128, n*n)
		for i := range mode {
			y, x := float64(i/n)-7, float64(i%n)-9
			mode[i] = complex(20*math.Exp(-(y*y+x*x)/15), float64(m)*y)
		}
		p.Probe = append(p.Probe, mode)
	}
	counts := make([]float64, 0, len(p.Rows)*n*n)
	f := raster.NewFourier(n, n)
	for j := range p.Rows {
		lambda := make([]float64, n*n)
		for _, mode := range p.Probe {
			wave := raster.Extract(object, p.Rows[j], p.Cols[j], n)
			for i := range wave {
				wave[i] *= mode[i]
			}
			f.AddIntensity(lambda, wave)
		}
		counts = append(counts, lambda...)
	}
	p.Counts = CountsIn(counts, n, nil)
	return p, object
}

func TestResidual_ExactDataIsZero(t *testing.T) {
	p, object := exact(t)
	for i := range p.Probe {
		for j := range p.Probe[i] {
			p.Probe[i][j] *= 0.1 // the probe's scale is not trusted
		}
	}
	fit, err := Residual(context.Background(), object, [2]float64{}, p, FitOptions{Deviance: true})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "R", fit.R, 0, 1e-12)
	near(t, "factor", fit.Factor, 100, 1e-9)
	near(t, "deviance", fit.Deviance, 0, 1e-9)
}

func TestResidual_MaskAndOrigin(t *testing.T) {
	p, object := exact(t)
	good := p.Counts
	p.Counts = func(j int, dst []float64) error {
		err := good(j, dst)
		dst[3*p.N+4] = math.NaN() // a dead pixel
		return err
	}
	if _, err := Residual(context.Background(), object, [2]float64{}, p, FitOptions{}); err == nil || !strings.Contains(err.Error(), "row 3, column 4") {
		t.Errorf("NaN counts: %v, want an error that names the pixel", err)
	}
	p.Mask = make([]bool, p.N*p.N)
	for i := range p.Mask {
		p.Mask[i] = i != 3*p.N+4
	}
	fit, err := Residual(context.Background(), object, [2]float64{}, p, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "R without the dead pixel", fit.R, 0, 1e-12)
	moved, err := Residual(context.Background(), object, [2]float64{0.5, 0.5}, p, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if moved.R < 1e-5 {
		t.Errorf("half a pixel off R is %v: it must show", moved.R)
	}
}

func TestResidual_Rejects(t *testing.T) {
	p, object := exact(t)
	ctx := context.Background()
	for name, spoil := range map[string]func(p *Patterns){
		"no patterns":       func(p *Patterns) { p.Rows, p.Cols = nil, nil },
		"unequal positions": func(p *Patterns) { p.Rows = p.Rows[:2] },
		"no probe":          func(p *Patterns) { p.Probe = nil },
		"a small probe":     func(p *Patterns) { p.Probe = [][]complex128{{1}} },
		"an empty probe":    func(p *Patterns) { p.Probe = [][]complex128{make([]complex128, p.N*p.N)} },
		"a short mask":      func(p *Patterns) { p.Mask = []bool{true} },
		"no counts":         func(p *Patterns) { p.Counts = CountsIn(make([]uint16, 4*16*16), 16, nil) },
		"missing patterns":  func(p *Patterns) { p.Counts = CountsIn(make([]uint16, 16*16), 16, nil) },
		"negative counts":   func(p *Patterns) { c := make([]int32, 4*256); c[300] = -1; p.Counts = CountsIn(c, 16, nil) },
		"a NaN position":    func(p *Patterns) { p.Cols = []float64{1, 2, math.NaN(), 4} },
		"no side":           func(p *Patterns) { p.N = 0 },
		"no reader":         func(p *Patterns) { p.Counts = nil },
	} {
		q := p
		spoil(&q)
		if _, err := Residual(ctx, object, [2]float64{}, q, FitOptions{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := FlatResidual(stopped, p, FitOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want cancelled", err)
	}
	if _, err := Residual(ctx, raster.Complex{}, [2]float64{}, p, FitOptions{}); err == nil {
		t.Error("an empty object was accepted")
	}
}
