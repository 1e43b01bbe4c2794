package ptychopinn

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ptychogo/ptycho/core/config"
)

// Flags of the reference's commands that are not fields of its configurations. A flag without meaning here is accepted
// with a notice; a flag that asks for something this program does not do is an error.
var referenceSpellings = []Spelling{
	{Name: "profile", Commands: config.Train, Instead: "nothing: training always uses patterns in counts and the Poisson likelihood", sets: func(value string) (map[string]string, error) {
		if value != "ci" {
			return nil, errors.New("must be ci, the only profile of PtychoPINN")
		}
		return map[string]string{"model.loss": "poisson"}, nil
	}},
	{Name: "log-patch-stats", Commands: both, Bool: true, Instead: "the files metrics.csv and report.json", sets: refused("asks for patch statistics, which this program does not write: see metrics.csv and report.json")},
	{Name: "patch-stats-limit", Commands: both, Instead: "nothing: patch statistics are not written", sets: ignored},
	{Name: "varpro-scaling", Commands: config.Infer, Bool: true, Instead: "nothing: the amplitude follows from the counts, so that a fitted scale is not needed", sets: ignored},
	{Name: "probe-mask", Commands: config.Infer, Bool: true, Instead: "nothing: the model contains its probe", sets: ignored},
	{Name: "no-probe-mask", Commands: config.Infer, Bool: true, Instead: "nothing: the model contains its probe", sets: ignored},
	{Name: "probe-mask-sigma", Commands: config.Infer, Instead: "nothing: the model contains its probe", sets: ignored},
	{Name: "probe-mask-diameter", Commands: config.Infer, Instead: "nothing: the model contains its probe", sets: ignored},
	{Name: "file-index", Commands: config.Infer, Instead: "--test-data", sets: refused("selects a file of a folder by number: name the scan with --test-data")},
	{Name: "do-stitching", Commands: config.Train, Bool: true, Instead: "ptycho infer", sets: refused("asks train for an image: run ptycho infer with the trained model")},
	{Name: "verbose", Commands: config.Train, Bool: true, Instead: "--log-level debug", sets: ifTrue("execution.log-level", "debug")},
	{Name: "debug", Commands: config.Infer, Bool: true, Instead: "--log-level debug", sets: ifTrue("execution.log-level", "debug")},
	{Name: "console-level", Commands: config.Train, Instead: "--log-level", sets: func(value string) (map[string]string, error) {
		level, ok := map[string]string{"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "error"}[strings.ToUpper(value)]
		if !ok {
			return nil, errors.New("must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
		}
		return map[string]string{"execution.log-level": level}, nil
	}},
	{Name: "comparison-plot", Commands: config.Infer, Bool: true, Instead: "ptycho evaluate", sets: refused("asks infer for a comparison: use ptycho evaluate to compare a reconstruction with a reference")},
	{Name: "phase-vmin", Commands: config.Infer, Instead: "nothing", sets: refused("sets the range of grey, which pictures here take from the image: use the numbers in reconstruction.npz")},
	{Name: "phase-vmax", Commands: config.Infer, Instead: "nothing", sets: refused("sets the range of grey, which pictures here take from the image: use the numbers in reconstruction.npz")},
	{Name: "debug-dump", Commands: config.Infer, Instead: "reconstruction.npz and report.json", sets: refused("asks for intermediate pictures, which this program does not write")},
	{Name: "torch-accelerator", Commands: both, Instead: "--accelerator", sets: as("execution.accelerator")},
	{Name: "torch-deterministic", Commands: config.Train, Bool: true, Instead: "--deterministic", sets: as("execution.deterministic")},
	{Name: "torch-num-workers", Commands: both, Instead: "--num-workers", sets: as("execution.num-workers")},
	{Name: "torch-accumulate-grad-batches", Commands: config.Train, Instead: "--accumulate-grad-batches", sets: as("training.accumulate-grad-batches")},
	{Name: "torch-learning-rate", Commands: config.Train, Instead: "--learning-rate", sets: as("training.learning-rate")},
	{Name: "torch-scheduler", Commands: config.Train, Instead: "--scheduler", sets: as("training.scheduler")},
	{Name: "torch-plateau-factor", Commands: config.Train, Instead: "--plateau-factor", sets: as("training.plateau-factor")},
	{Name: "torch-plateau-patience", Commands: config.Train, Instead: "--plateau-patience", sets: as("training.plateau-patience")},
	{Name: "torch-plateau-min-lr", Commands: config.Train, Instead: "--plateau-min-lr", sets: as("training.plateau-min-lr")},
	{Name: "torch-plateau-threshold", Commands: config.Train, Instead: "--plateau-threshold", sets: as("training.plateau-threshold")},
	{Name: "torch-logger", Commands: config.Train, Instead: "--logger", sets: as("execution.logger")},
	{Name: "torch-recon-log-every-n-epochs", Commands: config.Train, Instead: "--preview-every", sets: as("execution.preview-every")},
	{Name: "torch-recon-log-num-patches", Commands: config.Train, Instead: "nothing: " + onePicture, sets: ignored},
	{Name: "torch-recon-log-fixed-indices", Commands: config.Train, Instead: "nothing: " + onePicture, sets: ignored},
	{Name: "torch-recon-log-stitch", Commands: config.Train, Bool: true, Instead: "nothing: " + onePicture, sets: ignored},
	{Name: "torch-recon-log-max-stitch-samples", Commands: config.Train, Instead: "nothing: " + onePicture, sets: ignored},
	{Name: "torch-enable-checkpointing", Commands: config.Train, Bool: true, Instead: "--enable-checkpointing", sets: as("training.enable-checkpointing")},
	{Name: "torch-checkpoint-save-top-k", Commands: config.Train, Instead: "--checkpoint-save-top-k", sets: as("training.checkpoint-save-top-k")},
	{Name: "torch-inference-batch-size", Commands: config.Infer, Instead: "--inference-batch-size", sets: as("inference.inference-batch-size")},
}

func ignored(string) (map[string]string, error) { return nil, nil }

// ifTrue returns the setter of a switch that gives a setting a value.
func ifTrue(key, value string) func(string) (map[string]string, error) {
	return func(given string) (map[string]string, error) {
		if given != "true" {
			return nil, nil
		}
		return map[string]string{key: value}, nil
	}
}

// refused returns the setter of a flag that asks for something this program does not do. A switch that is off asks for
// nothing.
func refused(asks string) func(string) (map[string]string, error) {
	return func(given string) (map[string]string, error) {
		if given == "false" {
			return nil, nil
		}
		return nil, errors.New(asks)
	}
}

// fieldOf finds the field of the reference's configuration that a flag of its scripts sets. Every field has a flag
// of its name there.
func fieldOf(c config.Command, flag string) (row *field, section string) {
	field := strings.ReplaceAll(flag, "-", "_")
	switch {
	case c == config.Infer && slices.Contains(inferenceFields, field), c == config.Train && slices.Contains(trainingFields, field):
		return flatField("training", field), "training"
	case c == config.Train:
		return flatField("model", field), "model"
	}
	return nil, ""
}

// fieldSpellings returns these flags as older spellings, without those that are flags here.
func fieldSpellings(c config.Command) []Spelling {
	fields := inferenceFields
	if c == config.Train {
		fields = slices.Clone(trainingFields)
		for _, row := range flatTable["model"] {
			fields = append(fields, row.name)
		}
	}
	var out []Spelling
	for _, field := range fields {
		name := strings.ReplaceAll(field, "_", "-")
		row, _ := fieldOf(c, name)
		if _, _, ours := config.FlagOf(c, name); ours || slices.ContainsFunc(referenceSpellings, func(f Spelling) bool { return f.Name == name && f.Commands&c != 0 }) {
			continue
		}
		out = append(out, Spelling{Name: name, Commands: c, Bool: row.kind == yes, Instead: row.means.says})
	}
	return out
}

// addFields adds flags that are fields of the reference's configuration. They are read together, because one may decide the
// meaning of another.
func addFields(s *config.Source, c config.Command, given map[string]string) {
	if len(given) == 0 {
		return
	}
	i := &Import{Kind: "TrainingConfig", form: flatTable, values: map[string]literal{}}
	if c == config.Infer {
		i.Kind = "InferenceConfig"
	}
	var keys []entry
	for _, flag := range slices.Sorted(maps.Keys(given)) {
		row, section := fieldOf(c, flag)
		k := entry{written: flag, row: row}
		var rule string
		if k.value, rule = readLiteral(row, &yaml.Node{Kind: yaml.ScalarNode, Value: given[flag]}); rule != "" {
			k.wrong = "must be " + rule
		} else {
			i.values[section+"."+row.name] = k.value
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		i.Keys = append(i.Keys, i.translate(k))
	}
	i.contradict()
	i.idle()
	for _, k := range i.Keys {
		where := "--" + k.Key
		if k.Wrong != "" {
			s.Reject(k.Key, k.Value, k.Wrong, where)
			continue
		}
		for _, a := range k.Became {
			s.AddExplicit(a.Key, a.Value, where, !a.Idle)
		}
		s.Notice(fmt.Sprintf("--%s is a flag of PtychoPINN: %s", k.Key, k.Outcome()))
	}
}
