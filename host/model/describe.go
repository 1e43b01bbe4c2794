package model

import (
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host"
)

// Describe tells the settings that a trained model fixes, by their full keys, for config.Data.
func Describe(path string) (map[string]any, error) {
	m, err := bundle.ReadManifest(path)
	if err != nil {
		return nil, host.Fail(host.ExitData, err)
	}
	c, err := settingsOf(path, m)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"model.n": m.N, "model.arch": m.Arch, "model.gridsize": m.Gridsize}
	if c.FiltersScale > 0 {
		out["model.n-filters-scale"] = c.FiltersScale
	}
	if c.Loss != "" {
		out["model.loss"] = c.Loss
	}
	if c.Supervised {
		out["model.mode"] = "supervised"
	}
	if m.Arch == "cnn" {
		out["model.pad-object"], out["model.probe-big"] = c.PadObject, c.ProbeBig
		if c.AmpActivation != "" {
			out["model.amp-activation"] = c.AmpActivation
		}
	}
	if m.Backend != "" {
		out["execution.backend"] = m.Backend
	}
	return out, nil
}
