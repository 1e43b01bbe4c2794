package ptychopinn

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/ptychogo/ptycho/core/config"
)

// dictionaryDefaults is the reference's global dictionary params.cfg before any configuration is applied.
var dictionaryDefaults = map[string]any{
	"N": 128, "offset": 4, "gridsize": 2, "outer_offset_train": nil, "outer_offset_test": nil, "batch_size": 16, "nepochs": 60, "n_filters_scale": 2,
	"output_prefix": "outputs", "big_gridsize": 10, "max_position_jitter": 10, "sim_jitter_scale": 0.0, "default_probe_scale": 0.7,
	"mae_weight": 0.0, "nll_weight": 1.0, "tv_weight": 0.0, "realspace_mae_weight": 0.0, "realspace_weight": 0.0, "nphotons": 1e9, "nimgs_train": 9,
	"nimgs_test": 3, "data_source": "generic", "probe.trainable": false, "intensity_scale.trainable": false, "positions.provided": false,
	"object.big": true, "probe.big": false, "probe_scale": 10.0, "set_phi": false, "probe.mask": true, "pad_object": true, "model_type": "pinn", "label": "",
	"size": 392, "amp_activation": "sigmoid", "h5_path": "wts.h5", "npseed": 42, "debug": true, "gaussian_smoothing_sigma": 0.0,
	"use_xla_translate": true,
}

// dictionaryNames are the fields with another name in the dictionary (KEY_MAPPINGS).
var dictionaryNames = map[string]string{
	"object_big": "object.big", "probe_big": "probe.big", "probe_mask": "probe.mask", "probe_trainable": "probe.trainable",
	"intensity_scale_trainable": "intensity_scale.trainable", "positions_provided": "positions.provided", "output_dir": "output_prefix",
	"train_data_file": "train_data_file_path", "test_data_file": "test_data_file_path",
}

// Fields of the reference's dataclasses that go into the dictionary. Execution settings never do.
var (
	trainingFields = []string{"train_data_file", "test_data_file", "batch_size", "nepochs", "mae_weight", "nll_weight", "realspace_mae_weight", "realspace_weight", "nphotons",
		"n_groups", "n_images", "n_subsample", "subsample_seed", "neighbor_count", "enable_oversampling", "neighbor_pool_size", "positions_provided", "probe_trainable",
		"intensity_scale_trainable", "output_dir", "sequential_sampling", "backend", "torch_loss_mode", "torch_mae_pred_l2_match_target", "gradient_clip_val",
		"gradient_clip_algorithm", "optimizer", "momentum", "weight_decay", "adam_beta1", "adam_beta2", "scheduler", "lr_warmup_epochs", "lr_min_ratio", "plateau_factor",
		"plateau_patience", "plateau_min_lr", "plateau_threshold"}
	inferenceFields = []string{"model_path", "test_data_file", "n_groups", "n_images", "n_subsample", "subsample_seed", "neighbor_count", "enable_oversampling",
		"neighbor_pool_size", "debug", "output_dir", "backend"}
)

// Dictionary returns the flat dictionary params.cfg that the reference makes of the configuration: its defaults, then
// every field of the dataclasses by its dictionary name, the nested model flattened, None left out. For the torch side
// it follows the bridge. The derived bigN and padded_size are added. A value that the reference itself would reject is
// an error; a value without counterpart here is not.
func (i *Import) Dictionary() (map[string]any, error) {
	out := maps.Clone(dictionaryDefaults)
	var wrong []config.Violation
	wrong = append(wrong, i.read...)
	for _, k := range i.Keys {
		if k.foreign {
			wrong = append(wrong, config.Violation{Key: k.Key, Value: k.Value, Rule: k.Wrong, Origin: inFile(i.where(k))})
		}
	}
	fields := func(section string, names ...string) {
		for _, name := range names {
			row := find(flatTable[section], name)
			value := row.def
			if v, ok := i.flat(section, name); ok {
				value = v
			} else if other, ok := i.otherDefault(name); ok {
				value = other
			}
			if value == nil {
				continue
			}
			if as, ok := dictionaryNames[name]; ok {
				name = as
			}
			out[name] = value
		}
	}
	for _, row := range flatTable["model"] {
		fields("model", row.name)
	}
	if i.Kind == "InferenceConfig" {
		fields("training", inferenceFields...)
	} else {
		fields("training", trainingFields...)
	}
	if v, ok := i.values["data.grid_size"]; ok && v.items[0] != v.items[1] {
		wrong = append(wrong, config.Violation{Key: "grid_size", Value: v.shown(), Rule: "must have two equal numbers: groups are square", Origin: inFile(i.Name)})
	}
	if len(wrong) > 0 {
		return nil, config.NewError(wrong)
	}
	n, side, offset, jitter := out["N"].(int), out["gridsize"].(int), out["offset"].(int), out["max_position_jitter"].(int)
	out["bigN"] = n + (side-1)*offset
	out["padded_size"] = out["bigN"].(int) + jitter
	return out, nil
}

// typed returns a value in the type of its key.
func (v literal) typed() any {
	switch {
	case v.list:
		return v.items
	case v.kind == whole:
		n, _ := strconv.Atoi(v.text) // was checked when it was read
		return n
	case v.kind == number:
		return v.float()
	case v.kind == yes:
		return v.text == "true"
	}
	return v.text
}

// otherDefault returns a default that differs from that of a TrainingConfig's field.
func (i *Import) otherDefault(name string) (any, bool) {
	switch {
	case name == "output_dir" && i.Kind == "InferenceConfig":
		return "inference_outputs", true
	case name == "output_dir":
		return "training_outputs", true
	case name == "n_groups" && i.Kind == "InferenceConfig":
		return nil, true // all
	case name == "n_groups" && i.has("training", "n_images"):
		return i.values["training.n_images"].typed(), true // the former name
	case name == "n_groups" && i.Kind == "torch":
		return nil, true // required by the factory
	}
	return nil, false
}

// flat returns a field of the flat form: the file's value, or the value of the torch side's bridge.
//
// Long: one table, a line for each key that differs between the two forms.
func (i *Import) flat(section, name string) (any, bool) {
	if i.Kind != "torch" {
		v, ok := i.values[section+"."+name]
		if !ok {
			return nil, false
		}
		if name == "amp_activation" && (v.text == "silu" || v.text == "SiLU") {
			return "swish", true
		}
		return v.typed(), true
	}
	of := func(section, name string) any {
		if v, ok := i.values[section+"."+name]; ok {
			return v.typed()
		}
		return find(torchTable[section], name).def
	}
	switch name {
	case "N", "probe_scale":
		return of("data", name), true
	case "subsample_seed":
		return of("data", name), true
	case "n_subsample": // another thing on the torch side
		return nil, true
	case "gridsize":
		side, _ := finite(i.gridsize())
		return int(side), true
	case "neighbor_count":
		return of("data", "K"), true
	case "nphotons":
		v, ok := i.values["data.nphotons"]
		return v.float(), ok // if absent, the factory takes the flat form's default
	case "model_type":
		if of("model", "mode") == "Supervised" {
			return "supervised", true
		}
		return "pinn", true
	case "amp_activation":
		if a := fmt.Sprint(of("model", name)); a != "silu" && a != "SiLU" {
			return a, true
		}
		return "swish", true
	case "probe_mask":
		v, given := i.values["model.probe_mask"]
		return given && (v.list || v.text == "true"), true
	case "intensity_scale_trainable":
		return of("model", name), true
	case "nepochs":
		return of("training", "epochs"), true
	case "nll_weight":
		if of("training", "nll") == false {
			return 0.0, true
		}
		return 1.0, true
	case "backend":
		return "pytorch", true
	}
	if v, ok := i.values[section+"."+name]; ok {
		return v.typed(), true
	}
	return nil, false
}
