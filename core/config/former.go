package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Former is an older spelling of a flag. It still works, and a notice names its replacement.
type Former struct {
	Name     string
	Commands Command
	Bool     bool   // takes no value
	Instead  string // replacement
	sets     func(value string) (map[string]string, error)
}

// as returns the setter of a flag that was renamed.
func as(key string) func(string) (map[string]string, error) {
	return func(value string) (map[string]string, error) { return map[string]string{key: value}, nil }
}

var formers = []Former{
	{Name: "clip-norm", Commands: Train, Instead: "--gradient-clip-val", sets: as("training.gradient-clip-val")},
	{Name: "epochs", Commands: Train, Instead: "--max-epochs", sets: as("training.max-epochs")},
	{Name: "checkpoint-monitor-metric", Commands: Train, Instead: "--checkpoint-monitor", sets: as("training.checkpoint-monitor")},
	{Name: "run-id", Commands: Infer, Instead: "--model-path", sets: as("inference.model-path")},
	{Name: "infer-dir", Commands: Infer, Instead: "--test-data", sets: as("inference.test-data")},
	{Name: "disable-mlflow", Commands: Train, Bool: true, Instead: "--logger without mlflow, and --disable-progress-bar", sets: func(value string) (map[string]string, error) {
		if opposite(value) == "true" {
			return nil, nil
		}
		return map[string]string{"execution.logger": "none", "execution.enable-progress-bar": "false"}, nil
	}},
	{Name: "ptycho-dir", Commands: Train, Instead: "--train-data-file", sets: func(value string) (map[string]string, error) {
		scans, err := filepath.Glob(filepath.Join(value, "*.npz"))
		if err != nil || len(scans) != 1 {
			return nil, fmt.Errorf("must be a folder with one scan, but %d files there end in .npz: name the scan with --train-data-file", len(scans))
		}
		return map[string]string{"training.train-data-file": scans[0]}, nil
	}},
	{Name: "scale-contract-version", Commands: both, Instead: "nothing: patterns are always counts", sets: func(string) (map[string]string, error) { return nil, nil }},
	{Name: "measurement-domain", Commands: Train, Instead: "--diffraction-units", sets: domain("training.diffraction-units")},
	{Name: "measurement-domain", Commands: Infer, Instead: "--diffraction-units", sets: domain("inference.diffraction-units")},
}

// domain translates the reference's names of the patterns' units.
func domain(key string) func(string) (map[string]string, error) {
	return func(value string) (map[string]string, error) {
		switch value {
		case "count_intensity":
			return map[string]string{key: "counts"}, nil
		case "normalized_amplitude":
			return map[string]string{key: "amplitude"}, nil
		}
		return nil, fmt.Errorf("must be count_intensity or normalized_amplitude")
	}
}

// Formers returns the older spellings of a command's flags.
func Formers(c Command) []Former {
	var out []Former
	for _, f := range slices.Concat(formers, referenceFormers) {
		if f.Commands&c != 0 {
			out = append(out, f)
		}
	}
	return append(out, legacyFormers(c)...)
}

// former adds a flag given by an older spelling. It returns false for an unknown spelling.
func (s *Source) former(c Command, flag, value string) bool {
	for _, f := range slices.Concat(formers, referenceFormers) {
		if f.Name != flag || f.Commands&c == 0 {
			continue
		}
		where := "--" + flag
		sets, err := f.sets(value)
		if err != nil {
			s.reject(flag, value, err.Error(), where)
			return true
		}
		for _, key := range slices.Sorted(maps.Keys(sets)) {
			s.add(key, sets[key], where)
		}
		if why, none := strings.CutPrefix(f.Instead, "nothing: "); none {
			s.notices = append(s.notices, fmt.Sprintf("--%s has no meaning here: %s", flag, why))
		} else {
			s.notices = append(s.notices, fmt.Sprintf("--%s is an older spelling: use %s", flag, f.Instead))
		}
		return true
	}
	return false
}
