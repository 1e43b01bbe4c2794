package config

import "strings"

// presets are named sets of settings. Their values were measured with the training recipe, or are the reference's
// defaults.
var presets = map[string]struct {
	meaning string
	values  map[string]any
}{
	"quick": {"a first look: a quarter of the epochs", map[string]any{
		"training.max-epochs": defaultEpochs / 4}},
	"thorough": {"four times the epochs, with averaged weights", map[string]any{
		"training.max-epochs": 4 * defaultEpochs, "training.ema-decay": 0.999}},
	// Gradients are clipped, as by default: without it the network of amplitudes stayed flat at this rate (deviance 20 to 27, a flat object 22).
	"ptychopinn": {"the published network at the reference's rate, each pattern alone", map[string]any{
		"model.arch": "cnn", "model.n-filters-scale": 1, "model.align-input": true, "model.separate-patterns": true,
		"training.max-epochs": 8, "training.batch-size": 4, "training.learning-rate": 1e-3, "training.neighbor-count": 6}},
}

// Presets returns the names with a description of each.
func Presets() map[string]string {
	out := map[string]string{}
	for name, p := range presets {
		out[name] = p.meaning
	}
	return out
}

// Preset returns the values of a preset.
func Preset(name string) Source {
	p, ok := presets[name]
	if !ok {
		s := Source{layer: PresetLayer}
		s.Reject("", "", "is not a preset; use one of "+strings.Join(sortedKeys(presets), ", "), "--preset "+name)
		return s
	}
	return preset(name, p.values)
}

// preset returns a source of values by full key.
func preset(name string, values map[string]any) Source {
	return fromMap(PresetLayer, "preset "+name, values)
}
