package workflow

import (
	"encoding/json"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
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
	c.N, c.Arch, c.Gridsize = m.N, m.Arch, m.Gridsize
	out := config.Described(c)
	if m.Backend != "" {
		out["execution.backend"] = m.Backend
	}
	return out, nil
}
