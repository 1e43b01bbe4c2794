package ptychopinn

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestDictionary_Baseline states the dictionary of a configuration without defaults: the nested model
// flattened, seven flags and three paths by their other names, None left out, derived sizes by their formulas.
func TestDictionary_Baseline(t *testing.T) {
	i, err := ReadImport(filepath.Join("testdata", "reference-baseline.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := i.Dictionary()
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		// from the file
		"N": 128, "gridsize": 3, "n_filters_scale": 3, "model_type": "supervised", "amp_activation": "swish", "object.big": false, "probe.big": false,
		"probe.mask": true, "pad_object": false, "probe_scale": 2.0, "gaussian_smoothing_sigma": 0.5, "train_data_file_path": "/data/train.npz",
		"test_data_file_path": "/data/test.npz", "batch_size": 32, "nepochs": 100, "mae_weight": 0.3, "nll_weight": 0.7, "realspace_mae_weight": 0.05,
		"realspace_weight": 0.1, "nphotons": 5e8, "n_groups": 256, "n_subsample": 1024, "subsample_seed": 99, "neighbor_count": 6, "positions.provided": false,
		"probe.trainable": true, "intensity_scale.trainable": false, "sequential_sampling": true, "output_prefix": "/out/run",
		// not changed by any field of a configuration
		"offset": 4, "outer_offset_train": nil, "outer_offset_test": nil, "big_gridsize": 10, "max_position_jitter": 10, "sim_jitter_scale": 0.0,
		"default_probe_scale": 0.7, "tv_weight": 0.0, "nimgs_train": 9, "nimgs_test": 3, "data_source": "generic", "set_phi": false, "label": "", "size": 392,
		"h5_path": "wts.h5", "npseed": 42, "debug": true, "use_xla_translate": true,
		// derived: N + (gridsize − 1)·offset, and max_position_jitter more
		"bigN": 136, "padded_size": 146,
		// fields with defaults that the initial dictionary does not have
		"backend": "tensorflow", "optimizer": "adam", "architecture": "cnn", "enable_oversampling": false,
	} {
		value, there := got[key]
		if !there || !reflect.DeepEqual(value, want) {
			t.Errorf("%s = %v (there: %v), want %v", key, value, there, want)
		}
	}
	for _, key := range []string{"object_big", "probe_big", "probe_mask", "probe_trainable", "intensity_scale_trainable", "positions_provided", "output_dir",
		"train_data_file", "test_data_file", "model", "n_images", "neighbor_pool_size", "gradient_clip_val", "probe_mask_diameter", "learning_rate"} {
		if value, there := got[key]; there {
			t.Errorf("%s = %v is in the dictionary: it is None there, has another name, or is not a field", key, value)
		}
	}
}

func TestDictionary_OtherForms(t *testing.T) {
	for name, c := range map[string]struct {
		contents string
		want     map[string]any
		without  []string
	}{
		"the former name of groups": {"n_images: 30\nbatch_size: 4", map[string]any{"n_groups": 30, "n_images": 30, "nepochs": 50, "output_prefix": "training_outputs"}, nil},
		"a reconstruction": {"model_path: run\ntest_data_file: t.npz\nmodel: {N: 64, gridsize: 2}", map[string]any{"model_path": "run", "test_data_file_path": "t.npz",
			"debug": false, "output_prefix": "inference_outputs", "bigN": 68, "padded_size": 78, "nepochs": 60}, []string{"n_groups", "optimizer"}},
		"the torch side": {`{"DataConfig": {"N": 128, "C": 4, "K": 7, "subsample_seed": 5, "n_subsample": 7}, "ModelConfig": {"mode": "Supervised", "amp_activation": "silu", "probe_mask": true},
			"TrainingConfig": {"epochs": 9, "nll": false, "n_groups": 12}}`, map[string]any{"N": 128, "gridsize": 2, "neighbor_count": 7, "subsample_seed": 5, "model_type": "supervised",
			"amp_activation": "swish", "probe.mask": true, "nepochs": 9, "nll_weight": 0.0, "n_groups": 12, "backend": "pytorch", "nphotons": 1e9, "intensity_scale.trainable": false,
			"probe_scale": 4.0, "bigN": 132}, []string{"n_subsample"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := imported(t, c.contents).Dictionary()
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range c.want {
				if value, there := got[key]; !there || !reflect.DeepEqual(value, want) {
					t.Errorf("%s = %v (there: %v), want %v", key, value, there, want)
				}
			}
			for _, key := range c.without {
				if value, there := got[key]; there {
					t.Errorf("%s = %v is in the dictionary", key, value)
				}
			}
		})
	}
	if _, err := imported(t, "DataConfig: {grid_size: [2, 1]}").Dictionary(); err == nil || !strings.Contains(err.Error(), "square") {
		t.Errorf("an oblong group gives the error %v", err)
	}
	if _, err := imported(t, "nepochs: -1\nbatch_size: 4").Dictionary(); err == nil || !strings.Contains(err.Error(), "nepochs") {
		t.Errorf("a value that the reference refuses gives the error %v", err)
	}
}
