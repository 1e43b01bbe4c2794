package workflow

import (
	"encoding/json"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/bundle"
)

// DescribeModel tells the settings that a trained model fixes, by their full keys, for config.Data.
func DescribeModel(path string) (map[string]any, error) {
	m, err := bundle.ReadManifest(path)
	if err != nil {
		return nil, fail(ExitData, err)
	}
	var c arch.Config
	if err := json.Unmarshal(m.Settings, &c); err != nil {
		return nil, failf(ExitData, "%s: the manifest's settings are no architecture: %w", path, err)
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
