package model

import (
	"math/cmplx"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/host"
)

func pair(own, first []complex64) *Model {
	return &Model{Probe: Probe{N: 2, Count: 1, Modes: own}, First: &Model{Probe: Probe{N: 2, Count: 1, Modes: first}}}
}

// The image of a first pass whose probe has another scale and phase gives the same patterns after Gauge.
func TestGauge_ScaleAndPhaseOfTheProbe(t *testing.T) {
	factor, err := pair([]complex64{2i, 4i, 0, -2}, []complex64{1, 2, 0, 1i}).Gauge()
	if err != nil || cmplx.Abs(factor-1/2i) > 1e-6 {
		t.Errorf("factor %v, error %v, want %v", factor, err, 1/2i)
	}
	if factor, err = pair([]complex64{3, 1i, 0.7, 0}, []complex64{3, 1i, 0.7, 0}).Gauge(); err != nil || factor != 1 {
		t.Errorf("the same probe gives the factor %v, error %v, want exactly 1", factor, err)
	}
}

func TestGauge_RefusesAnotherProbe(t *testing.T) {
	for name, first := range map[string][]complex64{"other": {1, -1, 1, 0}, "dark": {0, 0, 0, 0}} {
		_, err := pair([]complex64{1, 1, 0, 1}, first).Gauge()
		if host.ExitCode(err) != host.ExitData || !strings.Contains(err.Error(), "--calibrate") {
			t.Errorf("%s probe: exit %d, %v", name, host.ExitCode(err), err)
		}
	}
}
