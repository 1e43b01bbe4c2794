package model

import (
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host/output"
)

// Describe returns the settings that a trained model fixes, by their full keys, for config.Data.
func Describe(path string) (map[string]any, error) {
	if err := output.Settle(path); err != nil {
		return nil, err
	}
	m, err := bundle.ReadManifest(path)
	if err != nil {
		return nil, err
	}
	c, err := settingsOf(path, m)
	if err != nil {
		return nil, err
	}
	c.N, c.Arch, c.Gridsize = m.N, m.Arch, m.Gridsize
	out := config.Described(c)
	if m.Backend != "" {
		out["execution.backend"] = m.Backend
	}
	return out, nil
}

// ScanOf returns the format of the scan that a model was trained on, and the settings with which it was read, by name.
func ScanOf(path string) (format string, settings map[string]string, err error) {
	m, err := bundle.ReadManifest(path)
	return m.DataFormat, m.Scan, err
}
