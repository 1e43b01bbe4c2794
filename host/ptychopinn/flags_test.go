package ptychopinn

import (
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
)

func TestFlags_ReferenceFlagsWork(t *testing.T) {
	for name, c := range map[string]struct {
		command    config.Command
		given      map[string]string
		key, value string
		notice     string
	}{
		"weights that choose a loss together": {config.Train, map[string]string{"nll_weight": "0", "mae_weight": "1"}, "model.loss", "mae", "--mae-weight"},
		"the patterns before the groups":      {config.Train, map[string]string{"n_groups": "5", "n_subsample": "7"}, "training.n-images", "7", "no meaning here"},
		"the number of epochs":                {config.Train, map[string]string{"nepochs": "3"}, "training.max-epochs", "3", "--nepochs"},
		"a knob without a meaning":            {config.Train, map[string]string{"probe_scale": "4"}, "training.seed", "0", "never trusted"},
		"a flag behind torch-":                {config.Train, map[string]string{"torch-accelerator": "cpu"}, "execution.accelerator", "cpu", "--accelerator"},
		"the profile":                         {config.Train, map[string]string{"profile": "ci"}, "model.loss", "poisson", "no meaning here"},
		"a level of the log":                  {config.Train, map[string]string{"console-level": "WARNING"}, "execution.log-level", "warn", "--log-level"},
		"groups of a reconstruction":          {config.Infer, map[string]string{"n_groups": "9"}, "inference.n-images", "9", "--n-groups"},
		"a scale that is not fitted":          {config.Infer, map[string]string{"varpro_scaling": "true"}, "inference.patch-weighting", "probe", "no meaning here"},
		"a mask that the model holds":         {config.Infer, map[string]string{"probe-mask": "true", "probe-mask-sigma": "2"}, "inference.rows", "", "contains its probe"},
		"a switch that is off":                {config.Infer, map[string]string{"comparison-plot": "false"}, "inference.rows", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := config.Sketch(c.command, Flags(c.command, c.given))
			if err != nil {
				t.Fatal(err)
			}
			if v, _ := o.Lookup(c.key); v.Text != c.value {
				t.Errorf("%s = %q (%v), want %q", c.key, v.Text, v.Origin, c.value)
			}
			if said := strings.Join(o.Notices(), "\n"); !strings.Contains(said, c.notice) {
				t.Errorf("the notices are %q, want one that says %q", said, c.notice)
			}
		})
	}
}

func TestFlags_UnsupportedRejected(t *testing.T) {
	for flag, c := range map[string]struct {
		command     config.Command
		value, says string
	}{
		"probe_trainable": {config.Train, "true", "refine the probe"}, "do_stitching": {config.Train, "true", "ptycho infer"}, "log-patch-stats": {config.Train, "true", "metrics.csv"},
		"profile": {config.Train, "fast", "must be ci"}, "realspace_weight": {config.Train, "0.5", "loss on the object"}, "nepochs": {config.Train, "many", "whole number"},
		"comparison_plot": {config.Infer, "true", "ptycho evaluate"}, "debug_dump": {config.Infer, "d", "does not write"}, "phase_vmin": {config.Infer, "-1", "range of grey"}, "mae_weight": {config.Train, "0.3", "mixture"},
		"console-level": {config.Train, "loud", "CRITICAL"}, "nepochz": {config.Train, "3", "is not a flag of train"},
	} {
		_, err := config.Sketch(c.command, Flags(c.command, map[string]string{flag: c.value}))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "--"+strings.ReplaceAll(flag, "_", "-")) && !strings.Contains(err.Error(), "--"+flag) {
			t.Errorf("--%s %s: the error is %v, want one that names the flag and says %q", flag, c.value, err, c.says)
		}
	}
}

// TestFlags_NoDuplicateFlags fails if an older spelling is the name of a setting's flag, which would win.
func TestFlags_NoDuplicateFlags(t *testing.T) {
	for _, c := range []config.Command{config.Train, config.Infer} {
		seen := map[string]bool{}
		for _, f := range Spellings(c) {
			if _, _, ours := config.FlagOf(c, f.Name); ours || seen[f.Name] {
				t.Errorf("--%s of %v is there twice", f.Name, c)
			}
			seen[f.Name] = true
		}
	}
}

func TestMarkdown_HasEverySpelling(t *testing.T) {
	page := Markdown()
	for _, f := range append(Spellings(config.Train), Spellings(config.Infer)...) {
		if !strings.Contains(page, "| `--"+f.Name+"` |") {
			t.Errorf("--%s is not documented", f.Name)
		}
	}
}
