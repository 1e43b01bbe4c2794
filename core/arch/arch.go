// Package arch builds programs: each architecture is a function from its settings to a program.Program. The physics
// behind the network, from object patches to the likelihood of the counts, is the same for all of them.
package arch

import (
	"fmt"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
)

// Config holds the settings of an architecture. A zero field takes its default.
type Config struct {
	Arch          string // one of Names; default the first
	N             int    // side of a diffraction pattern, pixels
	Gridsize      int    // a group has Gridsize² patterns; 1 or 2
	FiltersScale  int    // n-filters-scale: widths are proportional to it; default 2
	Modes         int    // incoherent probe modes; default 1
	Loss          string // "poisson" (default), "amplitude" or "mae"
	Supervised    bool   `json:",omitempty"` // the loss compares patches with labels; Loss is ignored
	Canvas        int    // side of the canvas of a group, pixels, even; see NeedsCanvas
	AmpActivation string // CNN: "sigmoid" (default), "swish", "softplus" or "relu"
	PadObject     bool   // CNN: the network predicts the central half of the patch, see cnn.go
	ProbeBig      bool   // CNN: the border is predicted too, by a second head
	Exposure      bool   `json:",omitempty"` // each pattern has a factor, the input LogExposure: λ = factor·intensity + background
	Standardise   bool   `json:",omitempty"` // CNN: each pixel of the input less its mean, over its deviation; starts from the empty beam
	BackProject   bool   `json:",omitempty"` // CNN: the input also has the back-projection of each pattern
	Align         bool   `json:",omitempty"` // CNN: with PadObject and BackProject the input has the central half of the back-projection, enlarged
	Separate      bool   `json:",omitempty"` // CNN: it sees each pattern of a group alone, and the loss merges the patches
	FirstPass     bool   `json:",omitempty"` // U-Net: it corrects the image of a first network, the inputs FirstImage and FirstCorrection
	Start         string `json:",omitempty"` // U-Net: one of Starts; default the first
	BaseWidth     int    // filters of the first level before FiltersScale; 0: the architecture's default. Small values are for tests
}

// The names of the scalars that the programs report.
const (
	Deviance         = "deviance"          // per valid pixel, 2(λ − k + k·ln(k/λ)); the loss "poisson"
	ExpectedDeviance = "expected_deviance" // expected score of Poisson counts under the model's own λ
	AmplitudeLoss    = "amplitude_loss"    // per valid pixel, (√λ − √k)²; the loss "amplitude"
	AmplitudeMAE     = "amplitude_mae"     // per valid pixel, |√λ − √k|; the loss "mae"
	LabelError       = "label_error"       // per pixel, w·|O − label|² with w = |P|²/max + floor; the loss of supervised training
)

// Labels is the input for supervised training: the object patch of each pattern, in the gauge of the forward model.
const Labels = "labels"

// LogExposure is the input for patterns of different exposure: the logarithm of the factor of each pattern, [−1, C]. The network sees
// the counts divided by the factor.
const LogExposure = "log_exposure"

// Merged is the value with the objects of a group after merging; without groups it equals the patches.
const Merged = "merged"

// LossScalar returns the scalar that training with these settings minimises.
func (c Config) LossScalar() (string, error) {
	if c.Supervised {
		return LabelError, nil
	}
	return lossScalar(c.Loss)
}

// lossScalar returns the scalar for a loss setting.
func lossScalar(loss string) (string, error) {
	switch loss {
	case "", "poisson":
		return Deviance, nil
	case "amplitude":
		return AmplitudeLoss, nil
	case "mae":
		return AmplitudeMAE, nil
	}
	return "", fmt.Errorf("arch: unknown loss %q, want poisson, amplitude or mae", loss)
}

// Build returns the program of an architecture. Zero settings take their defaults. An invalid name or size is an error that
// names the setting.
func Build(c Config) (*program.Program, error) {
	if c.FiltersScale == 0 {
		c.FiltersScale = 2
	}
	if c.Modes == 0 {
		c.Modes = 1
	}
	if c.Gridsize == 0 {
		c.Gridsize = 2
	}
	switch {
	case c.Gridsize < 1 || c.Gridsize > 8:
		return nil, fmt.Errorf("arch: --gridsize %d, want 1 … 8", c.Gridsize)
	case c.FiltersScale < 1 || c.FiltersScale > 64:
		return nil, fmt.Errorf("arch: --n-filters-scale %d, want 1 … 64", c.FiltersScale)
	case c.Modes < 1:
		return nil, fmt.Errorf("arch: %d probe modes, want at least 1", c.Modes)
	}
	if err := checkStart(c.Start); err != nil {
		return nil, err
	}
	loss, err := c.LossScalar()
	if err != nil {
		return nil, err
	}
	a, err := find(c.Arch)
	if err != nil {
		return nil, err
	}
	if c.Canvas != 0 && !a.canvas || c.AmpActivation != "" && c.AmpActivation != "sigmoid" && !Has(a.name, "amp-activation") {
		return nil, fmt.Errorf("arch: --arch %s does not have the settings canvas and amp-activation", a.name)
	}
	if c.FirstPass && c.Start != "" && c.Start != EmptyBeam {
		return nil, fmt.Errorf("arch: --start %s has no effect with --first-pass: a second network starts from the image of the first; omit --start", c.Start)
	}
	if c.FirstPass && !a.corrects {
		return nil, fmt.Errorf("arch: --arch %s cannot correct the image of a first pass; --arch unet can", a.name)
	}
	b := newBuilder(c)
	b.p.Name = a.name
	if c.Exposure {
		b.expose(c)
	}
	if err := a.build(b, c); err != nil {
		return nil, err
	}
	physics(b, c, loss)
	if _, err := b.p.Types(); err != nil {
		return nil, err
	}
	return b.p, nil
}

// builder appends operations to a program. Callers choose unique names; Types checks them.
type builder struct {
	p      *program.Program
	counts string // the value that the network's input is made of
}

func newBuilder(c Config) builder {
	n, group := program.Dim(c.N), program.Dim(c.Gridsize*c.Gridsize)
	one := program.PerGroup(1)
	return builder{counts: program.Counts, p: &program.Program{
		N: c.N, Group: int(group),
		Inputs: []program.Input{
			{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{one, group, n, n}}, Doc: "photons, DC at [N/2, N/2]"},
			{Name: program.Offsets, Type: program.Type{Kind: program.Real, Shape: program.Shape{one, group, 2}}, Doc: "(row, column) relative to the group's centre, object pixels"},
			{Name: program.Probe, Type: program.Type{Kind: program.Complex, Shape: program.Shape{program.Dim(c.Modes), n, n}}, Doc: "scaled: an object of amplitude 1 gives the mean counts"},
			{Name: program.Mask, Type: program.Type{Kind: program.Real, Shape: program.Shape{n, n}}, Doc: "1 valid, 0 bad pixel"},
			{Name: program.Background, Type: program.Type{Kind: program.Real, Shape: program.Shape{n, n}}, Doc: "counts per pixel, above 0"},
		},
	}}
}

func (b builder) op(out string, kind program.OpKind, in ...string) string {
	b.p.Ops = append(b.p.Ops, program.Op{Kind: kind, Out: out, In: in})
	return out
}

func (b builder) with(out string, kind program.OpKind, attrs map[string]float64, in ...string) string {
	b.p.Ops = append(b.p.Ops, program.Op{Kind: kind, Out: out, In: in, Attrs: attrs})
	return out
}

func (b builder) reshape(out, in string, shape ...program.Dim) string {
	b.p.Ops = append(b.p.Ops, program.Op{Kind: program.Reshape, Out: out, In: []string{in}, Shape: shape})
	return out
}

func (b builder) buffer(name, doc string, shape ...int) string {
	b.p.Buffers = append(b.p.Buffers, program.Buffer{Name: name, Kind: program.Real, Shape: append([]int{}, shape...), Doc: doc})
	return name
}

// conv adds a 3×3 convolution with its parameters name.weight [out, in, 3, 3] and name.bias [out].
func (b builder) conv(name, x string, in, out int, weight program.Init) string {
	return b.biased(name, x, in, out, weight, 0)
}

// biased adds a convolution whose bias starts with the given value.
func (b builder) biased(name, x string, in, out int, weight program.Init, bias float64) string {
	b.param(name+".weight", weight, out, in, 3, 3)
	b.param(name+".bias", program.Init{Kind: program.Constant, Value: bias}, out)
	return b.op(name, program.Conv2D, x, name+".weight", name+".bias")
}

func (b builder) param(name string, init program.Init, shape ...int) string {
	b.p.Params = append(b.p.Params, program.Param{Name: name, Kind: program.Real, Shape: slices.Clone(shape), Init: init, Trainable: true})
	return name
}

// block adds two convolutions of width out, each with a ReLU.
func (b builder) block(name, x string, in, out int, weight program.Init) string {
	x = b.op(name+".0.relu", program.ReLU, b.conv(name+".0", x, in, out, weight))
	return b.op(name+".1.relu", program.ReLU, b.conv(name+".1", x, out, out, weight))
}

// merge adds the value Merged: pairwise, each member of a group sees its own patch at its position and its partners' patches shifted
// by the difference of positions, weighted by |P|².
func (b builder) merge(c Config) {
	if c.Gridsize == 1 {
		n := program.Dim(c.N)
		b.reshape(Merged, program.Patches, program.PerGroup(1), 1, n, n)
		return
	}
	b.op("merge_weight", program.MergeWeight, program.Probe)
	b.op(Merged, program.MergePairwise, program.Patches, program.Offsets, "merge_weight")
}

// expose adds the factor of each pattern, and the counts that it would have with the factor 1, for the network's input.
func (b *builder) expose(c Config) {
	group := program.Dim(c.Gridsize * c.Gridsize)
	b.p.Inputs = append(b.p.Inputs, program.Input{Name: LogExposure, Type: program.Type{Kind: program.Real, Shape: program.Shape{program.PerGroup(1), group}},
		Doc: "ln of the factor of each pattern, whose mean over the scan is 1"})
	b.op("exposure", program.Exp, LogExposure)
	inverse := b.op("exposure.inverse", program.Exp, b.with("exposure.negative", program.Affine, map[string]float64{"scale": -1}, LogExposure))
	b.counts = b.op("features.counts", program.ScalePlanes, program.Counts, inverse)
}

// physics adds the operations after the network: merged objects × probe -> far field -> intensity + background = λ ->
// scalars. The network must have written the values program.Patches and Merged, both complex [−1, C, N, N].
func physics(b builder, c Config, loss string) {
	b.op("exit_wave", program.Illuminate, Merged, program.Probe)
	b.op("far_field", program.FFT2, "exit_wave")
	b.op("intensity", program.Intensity, "far_field")
	intensity := "intensity"
	if c.Exposure {
		intensity = b.op("intensity.exposed", program.ScalePlanes, intensity, "exposure")
	}
	b.op("lambda", program.Add, intensity, program.Background)
	b.op(Deviance, program.PoissonDeviance, "lambda", program.Counts, program.Mask)
	b.op(ExpectedDeviance, program.ExpectedDeviance, "lambda", program.Mask)
	b.p.Scalars = []program.Scalar{
		{Name: Deviance, Value: Deviance, Loss: loss == Deviance},
		{Name: ExpectedDeviance, Value: ExpectedDeviance},
	}
	switch loss {
	case AmplitudeLoss:
		b.op(AmplitudeLoss, program.AmplitudeLoss, "lambda", program.Counts, program.Mask)
	case AmplitudeMAE:
		b.op(AmplitudeMAE, program.AmplitudeMAE, "lambda", program.Counts, program.Mask)
	}
	if c.Supervised {
		b.supervise(c)
	}
	if loss != Deviance {
		b.p.Scalars = append(b.p.Scalars, program.Scalar{Name: loss, Value: loss, Loss: true})
	}
	b.p.Outputs = []program.Output{{Name: program.Patches, Value: program.Patches}, {Name: Merged, Value: Merged}}
}

// supervise adds the distance between the patches and their labels, weighted by the probe: where the probe is dark, a
// pattern contains no information about the object.
func (b builder) supervise(c Config) {
	n, group := program.Dim(c.N), program.Dim(c.Gridsize*c.Gridsize)
	b.p.Inputs = append(b.p.Inputs, program.Input{Name: Labels, Type: program.Type{Kind: program.Complex, Shape: program.Shape{program.PerGroup(1), group, n, n}},
		Doc: "object patches, an amplitude of 1 gives the mean counts"})
	patches := b.reshape("labelled", program.Patches, program.PerGroup(1), group, n, n)
	distance := b.op("label_distance", program.Abs2, b.op("label_difference", program.Sub, patches, Labels))
	weighted := b.op("label_weighted", program.Mul, distance, b.op("label_weight", program.MergeWeight, program.Probe))
	b.op(LabelError, program.MeanPixels, weighted)
}
