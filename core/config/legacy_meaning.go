package config

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// meaning is what a key of the reference becomes here.
type meaning struct {
	says string // for the documentation
	take func(v legacyValue, i *Import) outcome
}

type outcome struct {
	sets  []Assignment
	note  string
	wrong string
}

func set(key, value string) outcome {
	return outcome{sets: []Assignment{{Key: key, Value: value}}}
}

func note(why string) outcome { return outcome{note: why} }

// becomes is a key that is a setting here, with other spellings of some values.
func becomes(key string, spelled ...string) meaning {
	says := "`" + key + "`"
	other := map[string]string{}
	for n := 0; n+1 < len(spelled); n += 2 {
		other[spelled[n]] = spelled[n+1]
		says += fmt.Sprintf("; %s is %s", shown(spelled[n]), shown(spelled[n+1]))
	}
	return meaning{says, func(v legacyValue, _ *Import) outcome {
		if as, ok := other[v.text]; ok {
			return set(key, as)
		}
		return set(key, v.text)
	}}
}

// ofBatches is the batch without gradients: of the validation in a training, of the reconstruction in inference.
var ofBatches = meaning{"`training.inference-batch-size` and `inference.inference-batch-size`", func(v legacyValue, _ *Import) outcome {
	return outcome{sets: []Assignment{{Key: "training.inference-batch-size", Value: v.text}, {Key: "inference.inference-batch-size", Value: v.text}}}
}}

// either is a setting of train or of infer, by the kind of the file.
func either(name, inferName string) meaning {
	return meaning{"`training." + name + "`, or `inference." + inferName + "` of an InferenceConfig", func(v legacyValue, i *Import) outcome {
		if i.Kind == "InferenceConfig" {
			return set("inference."+inferName, v.text)
		}
		return set("training."+name, v.text)
	}}
}

// nothing is a key without a meaning here, whatever its value.
func nothing(why string) meaning {
	return meaning{"no meaning here: " + why, func(legacyValue, *Import) outcome { return note(why) }}
}

// only is a key that asks for nothing in some of its values, and in all others for something that is not done here.
func only(why, asks string, harmless ...string) meaning {
	names := make([]string, len(harmless))
	for n, h := range harmless {
		names[n] = shown(h)
	}
	return meaning{strings.Join(names, ", ") + ": no meaning here, " + why + "; any other value is an error: " + asks, func(v legacyValue, _ *Import) outcome {
		for _, h := range harmless {
			same := v.text == h && !v.list
			if a, ok := finite(h); ok {
				b, number := finite(v.text)
				same = number && a == b
			}
			if same {
				return note(why)
			}
		}
		return outcome{wrong: asks}
	}}
}

// architecture is the network: this program has the reference's autoencoder.
var architecture = meaning{"cnn: `model.arch`; any other value is an error", func(v legacyValue, _ *Import) outcome {
	if v.text != "cnn" {
		return outcome{wrong: "asks for a generator that this program does not have: cnn is the reference's autoencoder, unet this program's own"}
	}
	return set("model.arch", "cnn")
}}

// weights are nll_weight and mae_weight: together they choose the loss.
var weights = meaning{"`model.loss`: poisson where nll_weight alone is above 0, mae where mae_weight alone is; a mixture is an error", func(_ legacyValue, i *Import) outcome {
	nll, _ := finite(i.said("training", "nll_weight"))
	mae, _ := finite(i.said("training", "mae_weight"))
	loss := ""
	switch {
	case nll > 0 && mae > 0:
		return outcome{wrong: fmt.Sprintf("is part of a mixture (nll_weight %v, mae_weight %v), and this program improves one likelihood at a time: set one of the two to 0", nll, mae)}
	case nll > 0:
		loss = "poisson"
	case mae > 0:
		loss = "mae"
	default:
		return outcome{wrong: "leaves no loss: one of nll_weight and mae_weight has to be above 0"}
	}
	if mode := i.said("training", "torch_loss_mode"); i.has("training", "torch_loss_mode") && mode != loss {
		if i.said("training", "backend") == "pytorch" {
			return note("the pytorch backend follows torch_loss_mode")
		}
		if !i.has("training", "backend") {
			return outcome{wrong: fmt.Sprintf("asks for %s and torch_loss_mode for %s: give one of them", loss, mode)}
		}
	}
	return set("model.loss", loss)
}}

var torchLoss = meaning{"`model.loss`; without meaning where backend is tensorflow, which follows the weights", func(v legacyValue, i *Import) outcome {
	if i.Kind != "torch" && i.has("training", "backend") && i.said("training", "backend") == "tensorflow" {
		return note("the tensorflow backend follows nll_weight and mae_weight")
	}
	return set("model.loss", v.text)
}}

// groups is a number of groups; n_subsample, the number of patterns, says more where both are given.
var groups = meaning{"`training.n-images`, or `inference.n-images` of an InferenceConfig: every pattern leads a group in turn; without meaning beside n_subsample", func(v legacyValue, i *Import) outcome {
	if i.has("training", "n_subsample") {
		return note("n_subsample chooses the patterns, and every pattern leads a group in turn")
	}
	return either("n-images", "n-images").take(v, i)
}}

// sequential takes the first patterns and not a choice of them.
var sequential = meaning{"true: `training.rows` 0:n of the number of images; false: no meaning, a choice of patterns is drawn by the seed", func(v legacyValue, i *Import) outcome {
	if v.text != "true" {
		return note("a choice of patterns is drawn by the seed")
	}
	for _, name := range []string{"n_subsample", "n_images", "n_groups"} {
		if i.has("training", name) {
			return set("training.rows", "0:"+i.said("training", name))
		}
	}
	return note("without a number of images all patterns are used")
}}

var neighbours = meaning{"`training.neighbor-count`; without meaning beside neighbor_pool_size", func(v legacyValue, i *Import) outcome {
	switch {
	case i.Kind == "InferenceConfig":
		return note("every pattern is reconstructed alone, groups belong to training")
	case i.has("training", "neighbor_pool_size"):
		return note("neighbor_pool_size says from how many neighbours partners are drawn")
	}
	return set("training.neighbor-count", v.text)
}}

// trainOnly is a setting of training that an InferenceConfig may name without effect.
func trainOnly(key, why string) meaning {
	return meaning{"`" + key + "`; of an InferenceConfig no meaning here, " + why, func(v legacyValue, i *Import) outcome {
		if i.Kind == "InferenceConfig" {
			return note(why)
		}
		return set(key, v.text)
	}}
}

var clip = meaning{"`training.gradient-clip-val`; null is 0, no clipping", func(v legacyValue, _ *Import) outcome {
	if v.null {
		return set("training.gradient-clip-val", "0")
	}
	return set("training.gradient-clip-val", v.text)
}}

var warmupEpochs = only("there is no warm-up", "asks for a warm-up in epochs, and here it is counted in steps: remove the key and set training.warmup-steps", "0")

// bigObject merges the patches of a group before the forward model, which is always done here.
var bigObject = meaning{"true: no meaning here, the patches of a group are always merged; false: the same with gridsize 1, else an error", func(v legacyValue, i *Import) outcome {
	size := i.said("model", "gridsize")
	if i.Kind == "torch" {
		size = i.gridsize()
	}
	if v.text == "true" || size == "1" {
		return note("the patches of a group are always merged")
	}
	return outcome{wrong: "asks for groups whose patches do not overlap in one object, which this program does not have: gridsize 1 trains on single patterns"}
}}

// gridsize is the side of a group by grid_size, or else by C.
func (i *Import) gridsize() string {
	if v, ok := i.values["data.grid_size"]; ok && v.list {
		return v.items[0]
	}
	if c, ok := finite(i.said("data", "C")); ok {
		return strconv.Itoa(int(math.Sqrt(c)))
	}
	return ""
}

var gridSize = meaning{"`model.gridsize`, where both numbers are equal", func(v legacyValue, _ *Import) outcome {
	if v.items[0] != v.items[1] {
		return outcome{wrong: "must have two equal numbers: groups are square"}
	}
	return set("model.gridsize", v.items[0])
}}

var patternsOfGroup = meaning{"`model.gridsize`, the root of C; without meaning beside grid_size", func(v legacyValue, i *Import) outcome {
	if i.has("data", "grid_size") {
		return note("grid_size says how many patterns a group has")
	}
	root := math.Round(math.Sqrt(v.float()))
	if root*root != v.float() {
		return outcome{wrong: "must be a square: a group has gridsize² patterns"}
	}
	return set("model.gridsize", strconv.Itoa(int(root)))
}}

// middle is the reference's side of the kept middle, ours the margin that is cut off.
var middle = meaning{"`inference.middle-trim`, the margin (N − middle_trim)/2, since the reference means the side that is kept", func(v legacyValue, i *Import) outcome {
	n, kept := i.said("data", "N"), v.float()
	side, ok := finite(n)
	if !ok || kept == 0 || kept > side {
		return note("nothing is cut off")
	}
	return set("inference.middle-trim", strconv.Itoa(int(side-kept)/2))
}}

// shared is how several devices share the work; one device shares nothing.
var shared = meaning{"`execution.strategy` where n_devices is above 1; else no meaning", func(v legacyValue, i *Import) outcome {
	for _, key := range []string{"training.n_devices", "execution.devices"} {
		if n, ok := finite(i.values[key].text); ok && n > 1 {
			return set("execution.strategy", v.text)
		}
	}
	return note("one device shares nothing")
}}

var deviceCount = meaning{"`execution.devices`; auto is 1", func(v legacyValue, _ *Import) outcome {
	if v.text == "auto" {
		return set("execution.devices", "1")
	}
	return set("execution.devices", v.text)
}}

var maskOf = meaning{"`training.probe-mask`; a mask given as numbers is an error", func(v legacyValue, _ *Import) outcome {
	if v.list || v.text != "true" && v.text != "false" {
		return outcome{wrong: "holds a mask, and this program makes its own by probe-mask-diameter and probe-mask-sigma"}
	}
	return set("training.probe-mask", v.text)
}}

var folders = meaning{"`training.train-data-file`, the one scan in the one folder; an empty list: no meaning", func(v legacyValue, _ *Import) outcome {
	switch {
	case len(v.items) == 0 && (v.list || v.text == ""):
		return note("names no folder")
	case len(v.items) > 1:
		return outcome{wrong: "names several folders, and a run has one scan: give train-data-file"}
	}
	dir := v.text
	if v.list {
		dir = v.items[0]
	}
	scans, err := filepath.Glob(filepath.Join(dir, "*.npz"))
	if err != nil || len(scans) != 1 {
		return outcome{wrong: fmt.Sprintf("must name a folder with one scan, and %d files there end in .npz: name the scan by train-data-file", len(scans))}
	}
	return set("training.train-data-file", scans[0])
}}

// debugging shows what the program thinks.
var debugging = meaning{"true: `execution.log-level` debug; false: no meaning", func(v legacyValue, _ *Import) outcome {
	if v.text == "true" {
		return set("execution.log-level", "debug")
	}
	return note("is what is done anyway")
}}

var domainOf = meaning{"`diffraction-units` of training and inference: counts, or amplitude for normalized_amplitude", func(v legacyValue, _ *Import) outcome {
	units := map[string]string{"count_intensity": "counts", "normalized_amplitude": "amplitude"}[v.text]
	return outcome{sets: []Assignment{{Key: "training.diffraction-units", Value: units}, {Key: "inference.diffraction-units", Value: units}}}
}}

// photons are said by the scan's file; a number beside it would be a contradiction.
var photons = nothing("the scan's file holds counts, or says how many photons it has; patterns that are normalised and say nothing need nphotons")

// LegacyMeaning is a key of the reference with what it becomes here, for the documentation.
type LegacyMeaning struct{ Section, Key, Default, Allowed, Says string }

// LegacyMeanings lists the keys of the reference's configurations.
func LegacyMeanings() []LegacyMeaning {
	var out []LegacyMeaning
	for _, form := range []struct {
		title string
		of    map[string][]legacyRow
	}{{"flat", legacyFlatTable}, {"torch", legacyTorch}} {
		for _, section := range slices.Sorted(maps.Keys(form.of)) {
			for _, r := range form.of[section] {
				def := "none"
				if r.def != nil {
					def = fmt.Sprint(r.def)
				}
				out = append(out, LegacyMeaning{form.title + " " + section, r.name, def, r.rule(), r.means.says})
			}
		}
	}
	return out
}
