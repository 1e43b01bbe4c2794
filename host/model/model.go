// Package model holds a network and its forward model: the settings of the architecture, the program, and the probe, the
// constants and the labels scaled to the counts. A model is built for a training or read from a run directory.
package model

import (
	"encoding/json"
	"maps"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/output"
)

// Model is a network with the probe of its forward model.
type Model struct {
	Config     arch.Config
	Program    *program.Program
	Probe      Probe
	Background float64       // constant, counts per pixel
	State      backend.State // weights and constants of a trained model
	First      *Model        // whose image the network corrects; nil: none
	Digest     string        // of a trained model: bundle.Manifest.Digest

	// FirstPass holds the constants of the inputs that First makes. Set it before Begin.
	FirstPass map[string]tensor.Tensor

	stored *bundle.Model // as it was read; nil: built for a training
}

// New builds the network of a training. largestOffset returns the largest possible offset of a pattern from its group's
// centre, in pixels. It is called only if the architecture needs it. With exposures each pattern has a factor. The network corrects the image of
// first, unless first is nil.
func New(m config.Model, probe Probe, background float64, exposures bool, first *Model, largestOffset func() (float64, error)) (*Model, error) {
	c := m.Architecture()
	c.Modes, c.Exposure, c.FirstPass = probe.Count, exposures, first != nil
	if c.NeedsCanvas() {
		offset, err := largestOffset()
		if err != nil {
			return nil, err
		}
		c.Canvas = arch.CanvasFor(m.N, offset)
	}
	p, err := arch.Build(c)
	if err != nil {
		return nil, host.Fail(host.ExitUsage, err)
	}
	return &Model{Config: c, Program: p, Probe: probe, Background: background, First: first}, nil
}

// Begin returns the initial state of a training: weights drawn from the seed, and constants of the input features, measured
// on these patterns.
func (m *Model) Begin(seed uint64, data *scan.Scan, rows []int) (backend.State, error) {
	weights, err := arch.Initial(m.Program, seed)
	if err != nil {
		return backend.State{}, err
	}
	constants, err := features(m.Program, data, rows, m.Probe)
	if err != nil {
		return backend.State{}, err
	}
	maps.Copy(constants, m.FirstPass)
	return host.WeightState(weights, constants), nil
}

// SeesGroups reports whether a pattern's patch depends on the other patterns of its group.
func (m *Model) SeesGroups() bool { return m.Config.SeesGroups() }

// Parameters returns the number of trained values.
func (m *Model) Parameters() int { return m.Program.Parameters() }

// Read reads the model of a run directory for predicting one pattern at a time, with the model of its first pass if it has one.
func Read(path string) (*Model, error) {
	m, err := read(path)
	if err != nil || !m.Config.FirstPass {
		return m, err
	}
	if m.First, err = read(filepath.Join(path, FirstPassDir)); err != nil {
		return nil, err
	}
	if want := m.stored.FirstPass; want != "" && want != m.First.Digest {
		return nil, host.Failf(host.ExitData, "%s is not the model whose image %s corrects: restore the folder from the training run", filepath.Join(path, FirstPassDir), path)
	}
	if m.First.Config.FirstPass {
		return nil, host.Failf(host.ExitData, "%s: the network of its first pass corrects another one, which train does not write: restore the folder from the training run", path)
	}
	if n := m.First.Config.N; n != m.Config.N {
		return nil, host.Failf(host.ExitData, "%s: its network is for patterns of %d×%d pixels, that of its first pass for %d×%d: restore both from the same training run", path, m.Config.N, m.Config.N, n, n)
	}
	return m, nil
}

// read reads one network.
func read(path string) (*Model, error) {
	if err := output.Settle(path); err != nil {
		return nil, err
	}
	b, err := bundle.Read(path)
	if err != nil {
		return nil, err
	}
	m := &Model{Probe: Probe{Modes: b.Probe, N: b.N, Count: b.Modes, Factor: b.ProbeFactor}, Background: b.Background,
		State: host.WeightState(b.Weights, b.Buffers), Digest: b.Digest(), stored: b}
	if m.Config, err = settingsOf(path, b.Manifest); err != nil {
		return nil, err
	}
	// Prediction needs no labels, and reads counts of equal exposure. The weights do not depend on either.
	m.Config.Supervised, m.Config.Exposure = false, false
	if !m.SeesGroups() {
		m.Config.Gridsize = 1 // every pattern passes the network alone, and the weights do not depend on groups
	}
	if m.Program, err = arch.Build(m.Config); err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", path, err)
	}
	return m, nil
}

// Illuminate returns the scan with the probe of the model.
func (m *Model) Illuminate(data *scan.Scan) *scan.Scan {
	with := *data
	with.Probe, with.Modes = m.Probe.Modes, m.Probe.Count
	return &with
}

// Write writes a trained model into a run directory. The manifest describes the training.
func (m *Model) Write(dir string, s backend.State, manifest bundle.Manifest) error {
	settings, err := json.Marshal(m.Config)
	if err != nil {
		return err
	}
	manifest.CreatedBy, manifest.Settings = "ptycho "+host.Version, settings
	manifest.Arch, manifest.N, manifest.Gridsize = m.Program.Name, m.Program.N, m.Config.Gridsize
	manifest.Modes, manifest.ProbeFactor, manifest.Background = m.Probe.Count, m.Probe.Factor, m.Background
	if m.First != nil {
		manifest.FirstPass = m.First.Digest
	}
	return bundle.Write(dir, &bundle.Model{Manifest: manifest, Weights: s.Slots[backend.Weights], Buffers: s.Slots[backend.Buffers], Probe: m.Probe.Modes})
}

// settingsOf returns the architecture that a manifest names.
func settingsOf(path string, m bundle.Manifest) (arch.Config, error) {
	var c arch.Config
	if err := json.Unmarshal(m.Settings, &c); err != nil {
		return c, host.Failf(host.ExitData, "%s: the settings in the manifest do not describe an architecture: %w", path, err)
	}
	return c, nil
}
