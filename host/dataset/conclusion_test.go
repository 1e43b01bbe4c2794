package dataset

import (
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/host"
)

// TestFlat_NamesCauses: an image no better than an empty object is an error with exit code 15 that names the findings; without an
// examination it is one too.
func TestFlat_NamesCauses(t *testing.T) {
	o := Outcome{Data: sound(t), R: 0.0299, Flat: 0.03, Expected: 0.001}
	r := &Examined{Findings: []Finding{{Finding: examine.Finding{ID: examine.WideProbe, Severity: examine.Warning}}, {Finding: examine.Finding{ID: examine.Unit, Severity: examine.Note}}}}
	err := r.Flat(o, "out")
	if host.ExitCode(err) != host.ExitDiverged || !strings.Contains(err.Error(), examine.WideProbe) || strings.Contains(err.Error(), examine.Unit) || !strings.Contains(err.Error(), "0.02990") {
		t.Errorf("%v", err)
	}
	if err := (*Examined)(nil).Flat(o, "out"); host.ExitCode(err) != host.ExitDiverged {
		t.Errorf("without an examination: %v", err)
	}
	for name, better := range map[string]Outcome{
		"a better image": {Data: o.Data, R: 0.02, Flat: 0.03, Expected: 0.001}, "little to explain": {Data: o.Data, R: 0.0395, Flat: 0.04, Expected: 0.038},
		"an exact fit": {Data: o.Data}, "no object": {Data: o.Data, R: 0.0399, Flat: 0.04, Expected: 0.0399},
	} {
		if err := r.Flat(better, "out"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConclude_CountsTheWellCoveredPixels: photons are shared by covered pixels alone.
func TestConclude_CountsTheWellCoveredPixels(t *testing.T) {
	covered := raster.NewReal(10, 100)
	for i := range 50 {
		covered.Data[i] = 1
	}
	for i := 50; i < 1000; i++ {
		covered.Data[i] = 0.01
	}
	for photons, want := range map[float64]int{1000: 0, 100: 1} {
		r := &Examined{}
		o := Outcome{Data: sound(t), Image: raster.Stitched{Coverage: covered}, R: 0.25, Expected: 0.25, Misfits: metrics.Misfits{Frames: []metrics.Misfit{{Measured: photons / 4, Expected: photons / 4}}}}
		r.Conclude(o, quiet)
		if len(r.Findings) != want {
			t.Errorf("%v photons on 50 pixels: %+v", photons, r.Findings)
		}
	}
}
