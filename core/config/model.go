package config

import (
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
)

// Model is the section "model": what the network is. It makes the model's identity.
type Model struct {
	N             int    // side of a diffraction pattern, pixels; 0 until the data has been described
	Arch          string // one of arch.Names
	Gridsize      int    // a group has Gridsize² patterns
	FiltersScale  int    // widths of the layers are proportional to it
	Mode          string // "unsupervised" or "supervised"
	Loss          string // "poisson", "amplitude" or "mae"
	AmpActivation string // cnn: "sigmoid", "swish", "softplus" or "relu"
	PadObject     bool   // cnn: the network predicts the central half of the patch
	ProbeBig      bool   // cnn: and the border by a head of its own
}

// Group is the number of patterns in a group, gridsize².
func (m Model) Group() int { return m.Gridsize * m.Gridsize }

// Architecture is the program that the settings ask for. Probe modes and canvas follow from the data.
func (m Model) Architecture() arch.Config {
	c := arch.Config{Arch: m.Arch, N: m.N, Gridsize: m.Gridsize, FiltersScale: m.FiltersScale, Loss: m.Loss, Supervised: m.Mode == "supervised"}
	if arch.Has(m.Arch, "amp-activation") {
		c.AmpActivation = m.AmpActivation
	}
	if arch.Has(m.Arch, "pad-object") {
		c.PadObject = m.PadObject
	}
	if arch.Has(m.Arch, "probe-big") {
		c.ProbeBig = m.ProbeBig
	}
	return c
}

// Described are the settings that a trained model fixes, by their full keys, for Data. What older models do not tell is
// left out.
func Described(c arch.Config) map[string]any {
	out := map[string]any{"model.n": c.N, "model.arch": c.Arch, "model.gridsize": c.Gridsize}
	if c.FiltersScale > 0 {
		out["model.n-filters-scale"] = c.FiltersScale
	}
	if c.Loss != "" {
		out["model.loss"] = c.Loss
	}
	if c.Supervised {
		out["model.mode"] = "supervised"
	}
	if arch.Has(c.Arch, "amp-activation") && c.AmpActivation != "" {
		out["model.amp-activation"] = c.AmpActivation
	}
	if arch.Has(c.Arch, "pad-object") {
		out["model.pad-object"] = c.PadObject
	}
	if arch.Has(c.Arch, "probe-big") {
		out["model.probe-big"] = c.ProbeBig
	}
	return out
}

// owners are the architectures that have the setting, none where all of them do.
func (s Setting) owners() []string {
	if s.Section != ModelSection {
		return nil
	}
	return arch.Owners(s.Name)
}

// of says whether an architecture has the setting.
func (s Setting) of(architecture string) bool {
	owners := s.owners()
	return len(owners) == 0 || slices.Contains(owners, architecture)
}

// modelTable is what the network is. The settings are those of training; a reconstruction takes them from the model, and
// one that is given anew has to agree.
var modelTable = []Setting{
	{Name: "arch", Section: ModelSection, Commands: both, Default: arch.Names()[0], Enum: arch.Names(), Resume: Bound,
		Also: []string{"architecture"}, Meaning: "architecture of the network: " + arch.Doc(), Why: measured,
		field: func(s *sections) any { return &s.model.Arch }},
	{Name: "n", Section: ModelSection, Commands: both, Default: 0, Max: mostPixels, Unit: "pixels", Resume: Bound,
		Meaning: "side of a diffraction pattern; 0 takes it from the data", Why: "the data",
		field: func(s *sections) any { return &s.model.N }},
	{Name: "gridsize", Section: ModelSection, Commands: both, Default: 2, Enum: []string{"1", "2"}, Resume: Bound,
		Meaning: "a group has gridsize² overlapping patterns; 1 may end in the twin image with a symmetric probe", Why: measured,
		field: func(s *sections) any { return &s.model.Gridsize }},
	{Name: "n-filters-scale", Section: ModelSection, Commands: both, Default: 2, Min: 1, Max: 64, Resume: Bound,
		Meaning: "width of the layers: scale s is 8·s filters in the first level of the U-Net", Why: measured,
		field: func(s *sections) any { return &s.model.FiltersScale }},
	{Name: "mode", Section: ModelSection, Commands: both, Default: "unsupervised", Enum: []string{"unsupervised", "supervised"}, Resume: Bound,
		Values:  map[string]string{"Unsupervised": "unsupervised", "Supervised": "supervised", "pinn": "unsupervised"},
		Also:    []string{"model-type"},
		Meaning: "what training compares: the predicted with the measured patterns, or the patches with labels in the file", Why: published,
		field: func(s *sections) any { return &s.model.Mode }},
	{Name: "loss", Section: ModelSection, Commands: both, Default: "poisson", Enum: []string{"poisson", "amplitude", "mae"}, Resume: Bound,
		Meaning: "likelihood of the measured counts that training improves", Why: measured,
		field: func(s *sections) any { return &s.model.Loss }},
	{Name: "amp-activation", Section: ModelSection, Commands: both, Default: "sigmoid", Resume: Bound,
		Enum: []string{"sigmoid", "swish", "softplus", "relu"}, Values: map[string]string{"silu": "swish", "SiLU": "swish"},
		Meaning: "last activation of the amplitude decoder", Why: published,
		field: func(s *sections) any { return &s.model.AmpActivation }},
	{Name: "pad-object", Section: ModelSection, Commands: both, Default: true, Resume: Bound,
		Meaning: "the network predicts the central half of a patch, the rest is padding", Why: published,
		field: func(s *sections) any { return &s.model.PadObject }},
	{Name: "probe-big", Section: ModelSection, Commands: both, Default: true, Resume: Bound,
		Meaning: "a head of its own predicts the padding of a patch", Why: published,
		field: func(s *sections) any { return &s.model.ProbeBig }},
}
