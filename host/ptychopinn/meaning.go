package ptychopinn

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/config"
)

// meaning translates a key of the reference.
type meaning struct {
	says string // for the documentation
	take func(v literal, i *Import) outcome
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

// becomes translates a key to a setting, and the listed values to other spellings.
func becomes(key string, spelled ...string) meaning {
	says := "`" + key + "`"
	other := map[string]string{}
	for n := 0; n+1 < len(spelled); n += 2 {
		other[spelled[n]] = spelled[n+1]
		says += fmt.Sprintf("; %s is %s", config.Shown(spelled[n]), config.Shown(spelled[n+1]))
	}
	return meaning{says, func(v literal, _ *Import) outcome {
		if as, ok := other[v.text]; ok {
			return set(key, as)
		}
		return set(key, v.text)
	}}
}

// ofBatches is the batch without gradients: in a training that of validation, in inference that of the reconstruction.
var ofBatches = meaning{"`training.inference-batch-size` and `inference.inference-batch-size`", func(v literal, _ *Import) outcome {
	return outcome{sets: []Assignment{{Key: "training.inference-batch-size", Value: v.text}, {Key: "inference.inference-batch-size", Value: v.text}}}
}}

// either translates to a setting of train or of infer, depending on the kind of the file.
func either(name, inferName string) meaning {
	return meaning{"`training." + name + "`, or `inference." + inferName + "` of an InferenceConfig", func(v literal, i *Import) outcome {
		if i.Kind == "InferenceConfig" {
			return set("inference."+inferName, v.text)
		}
		return set("training."+name, v.text)
	}}
}

// nothing returns the meaning of a key without one here, for any value.
func nothing(why string) meaning {
	return meaning{"no meaning here: " + why, func(literal, *Import) outcome { return note(why) }}
}

// only returns the meaning of a key that changes nothing for the harmless values. Every other value asks for something
// that is not supported here.
func only(why, asks string, harmless ...string) meaning {
	names := make([]string, len(harmless))
	for n, h := range harmless {
		names[n] = config.Shown(h)
	}
	return meaning{strings.Join(names, ", ") + ": no meaning here, " + why + "; any other value is an error: " + asks, func(v literal, _ *Import) outcome {
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

// architecture translates the network: this program has the reference's autoencoder.
var architecture = meaning{"cnn: `model.arch`; any other value is an error", func(v literal, _ *Import) outcome {
	if v.text != "cnn" {
		return outcome{wrong: "asks for a generator that this program does not have: use cnn, the reference's autoencoder, or unet"}
	}
	return set("model.arch", "cnn")
}}

// weights translates nll_weight and mae_weight, which together choose the loss.
var weights = meaning{"`model.loss`: poisson where nll_weight alone is above 0, mae where mae_weight alone is; a mixture is an error", func(_ literal, i *Import) outcome {
	nll, _ := finite(i.said("training", "nll_weight"))
	mae, _ := finite(i.said("training", "mae_weight"))
	loss := ""
	switch {
	case nll > 0 && mae > 0:
		return outcome{wrong: fmt.Sprintf("is part of a mixture (nll_weight %v, mae_weight %v), but this program uses one likelihood at a time: set one of the two to 0", nll, mae)}
	case nll > 0:
		loss = "poisson"
	case mae > 0:
		loss = "mae"
	default:
		return outcome{wrong: "leaves no loss: set nll_weight or mae_weight above 0"}
	}
	if mode := i.said("training", "torch_loss_mode"); i.has("training", "torch_loss_mode") && mode != loss {
		if i.said("training", "backend") == "pytorch" {
			return note("the pytorch backend follows torch_loss_mode")
		}
		if !i.has("training", "backend") {
			return outcome{wrong: fmt.Sprintf("asks for %s, but torch_loss_mode for %s: give one of them", loss, mode)}
		}
	}
	return set("model.loss", loss)
}}

var torchLoss = meaning{"`model.loss`; without meaning where backend is tensorflow, which follows the weights", func(v literal, i *Import) outcome {
	if i.Kind != "torch" && i.has("training", "backend") && i.said("training", "backend") == "tensorflow" {
		return note("the tensorflow backend follows nll_weight and mae_weight")
	}
	return set("model.loss", v.text)
}}

// groups translates the number of groups. n_subsample, the number of patterns, has precedence.
var groups = meaning{"`training.n-images`, or `inference.n-images` of an InferenceConfig: every pattern leads a group in turn; without meaning beside n_subsample", func(v literal, i *Import) outcome {
	if i.has("training", "n_subsample") {
		return note("n_subsample chooses the patterns, and every pattern leads a group in turn")
	}
	return either("n-images", "n-images").take(v, i)
}}

// sequential selects the first patterns instead of a random selection.
var sequential = meaning{"true: `training.rows` 0:n of the number of images; false: no meaning, the selection of patterns is drawn by the seed", func(v literal, i *Import) outcome {
	if v.text != "true" {
		return note("the selection of patterns is drawn by the seed")
	}
	for _, name := range []string{"n_subsample", "n_images", "n_groups"} {
		if i.has("training", name) {
			return set("training.rows", "0:"+i.said("training", name))
		}
	}
	return note("without a number of images all patterns are used")
}}

var neighbours = meaning{"`training.neighbor-count`; without meaning beside neighbor_pool_size", func(v literal, i *Import) outcome {
	switch {
	case i.Kind == "InferenceConfig":
		return note("every pattern is reconstructed alone; groups belong to training")
	case i.has("training", "neighbor_pool_size"):
		return note("neighbor_pool_size sets the number of neighbours from which partners are drawn")
	}
	return set("training.neighbor-count", v.text)
}}

// trainOnly translates to a setting of training, which has no effect in an InferenceConfig.
func trainOnly(key, why string) meaning {
	return meaning{"`" + key + "`; of an InferenceConfig no meaning here, " + why, func(v literal, i *Import) outcome {
		if i.Kind == "InferenceConfig" {
			return note(why)
		}
		return set(key, v.text)
	}}
}

var clip = meaning{"`training.gradient-clip-val`; null is 0, no clipping", func(v literal, _ *Import) outcome {
	if v.null {
		return set("training.gradient-clip-val", "0")
	}
	return set("training.gradient-clip-val", v.text)
}}

var warmupEpochs = only("0 means without warm-up", "asks for a warm-up in epochs, which is counted in steps here: remove the key and set training.warmup-steps", "0")

// bigObject translates the merging of a group's patches before the forward model, which is always done here.
var bigObject = meaning{"true: no meaning here, the patches of a group are always merged; false: the same with gridsize 1, else an error", func(v literal, i *Import) outcome {
	size := i.said("model", "gridsize")
	if i.Kind == "torch" {
		size = i.gridsize()
	}
	if v.text == "true" || size == "1" {
		return note("the patches of a group are always merged")
	}
	return outcome{wrong: "asks for groups whose patches are not merged into one object, which this program does not have: use gridsize 1 to train on single patterns"}
}}

// gridsize returns the side of a group from grid_size, or else from C.
func (i *Import) gridsize() string {
	if v, ok := i.values["data.grid_size"]; ok && v.list {
		return v.items[0]
	}
	if c, ok := finite(i.said("data", "C")); ok {
		return strconv.Itoa(int(math.Sqrt(c)))
	}
	return ""
}

var gridSize = meaning{"`model.gridsize`, where both numbers are equal", func(v literal, _ *Import) outcome {
	if v.items[0] != v.items[1] {
		return outcome{wrong: "must have two equal numbers: groups are square"}
	}
	return set("model.gridsize", v.items[0])
}}

var patternsOfGroup = meaning{"`model.gridsize`, the root of C; without meaning beside grid_size", func(v literal, i *Import) outcome {
	if i.has("data", "grid_size") {
		return note("grid_size sets the number of patterns in a group")
	}
	root := math.Round(math.Sqrt(v.float()))
	if root*root != v.float() {
		return outcome{wrong: "must be a square: a group has gridsize² patterns"}
	}
	return set("model.gridsize", strconv.Itoa(int(root)))
}}

// middle translates the side of the centre that the reference keeps to the margin that is trimmed here.
var middle = meaning{"`inference.middle-trim`, the margin (N − middle_trim)/2, because the reference counts the side that is kept", func(v literal, i *Import) outcome {
	n, kept := i.said("data", "N"), v.float()
	side, ok := finite(n)
	if !ok || kept == 0 || kept > side {
		return note("nothing is trimmed")
	}
	return set("inference.middle-trim", strconv.Itoa(int(side-kept)/2))
}}

// shared translates how several devices share the work, which has no meaning for one device.
var shared = meaning{"`execution.strategy` where n_devices is above 1; else no meaning", func(v literal, i *Import) outcome {
	for _, key := range []string{"training.n_devices", "execution.devices"} {
		if n, ok := finite(i.values[key].text); ok && n > 1 {
			return set("execution.strategy", v.text)
		}
	}
	return note("one device does not share the work")
}}

var deviceCount = meaning{"`execution.devices`; auto is 1", func(v literal, _ *Import) outcome {
	if v.text == "auto" {
		return set("execution.devices", "1")
	}
	return set("execution.devices", v.text)
}}

var maskOf = meaning{"`training.probe-mask`; a mask given as numbers is an error", func(v literal, _ *Import) outcome {
	if v.list || v.text != "true" && v.text != "false" {
		return outcome{wrong: "contains a mask, which this program cannot read: set probe-mask-diameter and probe-mask-sigma"}
	}
	return set("training.probe-mask", v.text)
}}

var folders = meaning{"`training.train-data-file`, the one scan in the one folder; an empty list: no meaning", func(v literal, _ *Import) outcome {
	switch {
	case len(v.items) == 0 && (v.list || v.text == ""):
		return note("names no folder")
	case len(v.items) > 1:
		return outcome{wrong: "names several folders, but a run has one scan: give train-data-file"}
	}
	dir := v.text
	if v.list {
		dir = v.items[0]
	}
	scans, err := filepath.Glob(filepath.Join(dir, "*.npz"))
	if err != nil || len(scans) != 1 {
		return outcome{wrong: fmt.Sprintf("must name a folder with one scan, but %d files there end in .npz: name the scan with train-data-file", len(scans))}
	}
	return set("training.train-data-file", scans[0])
}}

// debugging translates verbose output.
var debugging = meaning{"true: `execution.log-level` debug; false: no meaning", func(v literal, _ *Import) outcome {
	if v.text == "true" {
		return set("execution.log-level", "debug")
	}
	return note("this is the default")
}}

var domainOf = meaning{"`diffraction-units` of training and inference: counts, or amplitude for normalized_amplitude", func(v literal, _ *Import) outcome {
	units := map[string]string{"count_intensity": "counts", "normalized_amplitude": "amplitude"}[v.text]
	return outcome{sets: []Assignment{{Key: "training.diffraction-units", Value: units}, {Key: "inference.diffraction-units", Value: units}}}
}}

// photons has no meaning: the scan's file contains counts or its number of photons, which another number could
// contradict.
var photons = nothing("the scan's file contains counts or its number of photons; normalised patterns without that number need nphotons")
