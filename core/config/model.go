package config

import (
	"cmp"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
)

// Model is the section "model": the settings of the network. They make up the model's identity.
type Model struct {
	N             int    // side of a diffraction pattern, pixels; 0 until the data has been described
	Arch          string // one of arch.Names
	Gridsize      int    // a group has Gridsize² patterns
	FiltersScale  int    // widths of the layers are proportional to it
	Mode          string // "unsupervised" or "supervised"
	Loss          string // "poisson", "amplitude" or "mae"
	Start         string // unet: one of arch.Starts, or StartAuto
	AmpActivation string // cnn: "sigmoid", "swish", "softplus" or "relu"
	PadObject     bool   // cnn: the network predicts the central half of the patch
	ProbeBig      bool   // cnn: a separate head predicts the border
	Standardise   bool   // cnn: mean and deviation of each pixel are taken out of its input
	BackProject   bool   // cnn: the input has the back-projection of each pattern
	Align         bool   // cnn: the input has the central half of the back-projection, enlarged
	Separate      bool   // cnn: it sees each pattern of a group alone
}

// Group returns the number of patterns in a group, gridsize².
func (m Model) Group() int { return m.Gridsize * m.Gridsize }

// StartAuto lets the training choose the start by its patterns.
const StartAuto = "auto"

// Architecture returns the architecture that the settings ask for, with the empty beam for StartAuto. Probe modes and canvas follow from the data.
func (m Model) Architecture() arch.Config {
	c := arch.Config{Arch: m.Arch, N: m.N, Gridsize: m.Gridsize, FiltersScale: m.FiltersScale, Loss: m.Loss, Supervised: m.Mode == "supervised"}
	if arch.Has(m.Arch, "start") && m.Start != StartAuto && m.Start != arch.Starts[0] {
		c.Start = m.Start
	}
	if arch.Has(m.Arch, "amp-activation") {
		c.AmpActivation = m.AmpActivation
	}
	if arch.Has(m.Arch, "pad-object") {
		c.PadObject = m.PadObject
	}
	if arch.Has(m.Arch, "probe-big") {
		c.ProbeBig = m.ProbeBig
	}
	if arch.Has(m.Arch, "standardise-input") {
		c.Standardise = m.Standardise
	}
	if arch.Has(m.Arch, "back-projection") {
		c.BackProject = m.BackProject
	}
	if arch.Has(m.Arch, "align-input") {
		c.Align = m.Align
	}
	if arch.Has(m.Arch, "separate-patterns") {
		c.Separate = m.Separate
	}
	return c
}

// Described returns the settings that a trained model fixes, by full key, for Data. Settings that an older model does
// not record are left out.
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
	if arch.Has(c.Arch, "start") {
		out["model.start"] = cmp.Or(c.Start, arch.Starts[0])
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
	if arch.Has(c.Arch, "standardise-input") {
		out["model.standardise-input"] = c.Standardise
	}
	if arch.Has(c.Arch, "back-projection") {
		out["model.back-projection"] = c.BackProject
	}
	if arch.Has(c.Arch, "align-input") {
		out["model.align-input"] = c.Align
	}
	if arch.Has(c.Arch, "separate-patterns") {
		out["model.separate-patterns"] = c.Separate
	}
	return out
}

// owners returns the architectures that have the setting, or nil if all have it.
func (s Setting) owners() []string {
	if s.Section != ModelSection {
		return nil
	}
	return arch.Owners(s.Name)
}

// of reports whether an architecture has the setting.
func (s Setting) of(architecture string) bool {
	owners := s.owners()
	return len(owners) == 0 || slices.Contains(owners, architecture)
}

// startMore compares the starts.
const startMore = "auto is scaled-beam if the nearest patterns share more than half of the variance of their amplitudes, so that these follow the object and not the beam, else empty-beam. scaled-beam gives each pattern the amplitude that its counts need; back-projection starts from the pattern's back-projection, with its photon noise (docs/adr/0017-starts-of-the-unet.md)."

// modelTable holds the settings of the network. They belong to training; a reconstruction takes them from the model,
// and a value given again must agree.
var modelTable = []Setting{
	{Name: "arch", Section: ModelSection, Commands: both, Default: arch.Names()[0], Enum: arch.Names(), Resume: Bound,
		Also: []string{"architecture"}, Meaning: "network architecture", More: "Choices: " + arch.Doc() + ".", Why: measured,
		field: func(s *sections) any { return &s.model.Arch }},
	{Name: "n", Section: ModelSection, Commands: both, Default: 0, Max: maxPixels, Unit: "pixels", Resume: Bound,
		Meaning: "side of a diffraction pattern; 0: from the data", Why: "the data",
		field: func(s *sections) any { return &s.model.N }},
	{Name: "gridsize", Section: ModelSection, Commands: both, Default: 2, Enum: []string{"1", "2"}, Resume: Bound,
		Meaning: "gridsize² overlapping patterns form a group", More: "With a symmetric probe, 1 may end in the twin image.", Why: measured,
		field: func(s *sections) any { return &s.model.Gridsize }},
	{Name: "n-filters-scale", Section: ModelSection, Commands: both, Default: 2, Min: 1, Max: 64, Resume: Bound,
		Meaning: "width of the layers; s gives 8·s filters in the U-Net's first level", Why: measured,
		field: func(s *sections) any { return &s.model.FiltersScale }},
	{Name: "mode", Section: ModelSection, Commands: both, Default: "unsupervised", Enum: []string{"unsupervised", "supervised"}, Resume: Bound,
		Values:  map[string]string{"Unsupervised": "unsupervised", "Supervised": "supervised", "pinn": "unsupervised"},
		Also:    []string{"model-type"},
		Meaning: "train without labels, or with labels from the file", More: "unsupervised compares predicted with measured patterns, supervised compares patches with labels in the file.", Why: published,
		field: func(s *sections) any { return &s.model.Mode }},
	{Name: "loss", Section: ModelSection, Commands: both, Default: "poisson", Enum: []string{"poisson", "amplitude", "mae"}, Resume: Bound,
		Meaning: "training loss on the measured counts", Why: measured,
		field: func(s *sections) any { return &s.model.Loss }},
	{Name: "start", Section: ModelSection, Commands: both, Default: StartAuto, Enum: append([]string{StartAuto}, arch.Starts...), Resume: Bound,
		Meaning: "object from which the unet starts, and which it corrects", More: startMore, Why: measured,
		field: func(s *sections) any { return &s.model.Start }},
	{Name: "amp-activation", Section: ModelSection, Commands: both, Default: "sigmoid", Resume: Bound,
		Enum: []string{"sigmoid", "swish", "softplus", "relu"}, Values: map[string]string{"silu": "swish", "SiLU": "swish"},
		Meaning: "last activation of the cnn's amplitude decoder", Why: published,
		field: func(s *sections) any { return &s.model.AmpActivation }},
	{Name: "pad-object", Section: ModelSection, Commands: both, Default: true, Resume: Bound,
		Meaning: "the cnn predicts the central half of a patch; the rest is padding", Why: published,
		field: func(s *sections) any { return &s.model.PadObject }},
	{Name: "probe-big", Section: ModelSection, Commands: both, Default: true, Resume: Bound,
		Meaning: "a separate head of the cnn predicts the padding of a patch", Why: published,
		field: func(s *sections) any { return &s.model.ProbeBig }},
	{Name: "standardise-input", Section: ModelSection, Commands: both, Default: true, Resume: Bound,
		Meaning: "standardise each pixel of the cnn's input; start from an empty beam", More: "Without it, as published: the mean pattern dominates the input, and the cnn hardly learns.", Why: measured,
		field: func(s *sections) any { return &s.model.Standardise }},
	{Name: "back-projection", Section: ModelSection, Commands: both, Default: true, Resume: Bound,
		Meaning: "show the cnn the back-projection of each pattern too", More: "Without it, as published: in the same time the cnn finds only slow variations of the object.", Why: measured,
		field: func(s *sections) any { return &s.model.BackProject }},
	{Name: "align-input", Section: ModelSection, Commands: both, Default: false, Resume: Bound, Under: "model.back-projection=true",
		Meaning: "show the cnn the back-projection's central half, enlarged", More: "With pad-object the cnn predicts that half. Without alignment it must move detail to other places of a patch, and learns slowly.", Why: published,
		field: func(s *sections) any { return &s.model.Align }},
	{Name: "separate-patterns", Section: ModelSection, Commands: both, Default: false, Resume: Bound, Under: "model.gridsize=2",
		Meaning: "the cnn sees each pattern of a group alone; their patches are merged", More: "Without it, as published, it has weights of its own for each place in a group, and one pass gives the patches of the whole group.", Why: published,
		field: func(s *sections) any { return &s.model.Separate }},
}
