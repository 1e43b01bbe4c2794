package ptychopinn

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/config"
)

// Spelling is an older spelling of a flag. It still works, and a notice names its replacement.
type Spelling struct {
	Name     string
	Commands config.Command
	Bool     bool   // takes no value
	Instead  string // replacement
	sets     func(value string) (map[string]string, error)
}

// as returns the setter of a flag that was renamed.
func as(key string) func(string) (map[string]string, error) {
	return func(value string) (map[string]string, error) { return map[string]string{key: value}, nil }
}

const both = config.Train | config.Infer

var olderSpellings = []Spelling{
	{Name: "clip-norm", Commands: config.Train, Instead: "--gradient-clip-val", sets: as("training.gradient-clip-val")},
	{Name: "epochs", Commands: config.Train, Instead: "--max-epochs", sets: as("training.max-epochs")},
	{Name: "checkpoint-monitor-metric", Commands: config.Train, Instead: "--checkpoint-monitor", sets: as("training.checkpoint-monitor")},
	{Name: "run-id", Commands: config.Infer, Instead: "--model-path", sets: as("inference.model-path")},
	{Name: "infer-dir", Commands: config.Infer, Instead: "--test-data", sets: as("inference.test-data")},
	{Name: "disable-mlflow", Commands: config.Train, Bool: true, Instead: "--logger without mlflow, and --disable-progress-bar", sets: func(value string) (map[string]string, error) {
		if value == "false" {
			return nil, nil
		}
		return map[string]string{"execution.logger": "none", "execution.enable-progress-bar": "false"}, nil
	}},
	{Name: "ptycho-dir", Commands: config.Train, Instead: "--train-data-file", sets: func(value string) (map[string]string, error) {
		scans, err := filepath.Glob(filepath.Join(value, "*.npz"))
		if err != nil || len(scans) != 1 {
			return nil, fmt.Errorf("must be a folder with one scan, but %d files there end in .npz: name the scan with --train-data-file", len(scans))
		}
		return map[string]string{"training.train-data-file": scans[0]}, nil
	}},
	{Name: "scale-contract-version", Commands: both, Instead: "nothing: patterns are always counts", sets: func(string) (map[string]string, error) { return nil, nil }},
	{Name: "measurement-domain", Commands: config.Train, Instead: "--diffraction-units", sets: domain("training.diffraction-units")},
	{Name: "measurement-domain", Commands: config.Infer, Instead: "--diffraction-units", sets: domain("inference.diffraction-units")},
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

// Spellings returns the older spellings of a command's flags.
func Spellings(c config.Command) []Spelling {
	var out []Spelling
	for _, f := range slices.Concat(olderSpellings, referenceSpellings) {
		if f.Commands&c != 0 {
			out = append(out, f)
		}
	}
	return append(out, fieldSpellings(c)...)
}

// Flags reads the flags of a command by name, without leading hyphens: the settings' own, older spellings of them, and those of
// PtychoPINN's commands. An older spelling still works, and a notice names its replacement.
func Flags(c config.Command, values map[string]string) config.Source {
	s := config.NewSource(config.FlagLayer)
	fields := map[string]string{} // of PtychoPINN's configuration
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, flag := values[name], strings.ReplaceAll(name, "_", "-")
		if _, _, ours := config.FlagOf(c, flag); !ours {
			if older(&s, c, flag, value) {
				continue
			}
			if f, _ := fieldOf(c, flag); f != nil {
				fields[flag] = value
				continue
			}
		}
		s.Join(config.Flags(c, map[string]string{name: value}))
	}
	addFields(&s, c, fields)
	return s
}

// older adds a flag given by an older spelling. It returns false for an unknown spelling.
func older(s *config.Source, c config.Command, flag, value string) bool {
	for _, f := range slices.Concat(olderSpellings, referenceSpellings) {
		if f.Name != flag || f.Commands&c == 0 {
			continue
		}
		where := "--" + flag
		sets, err := f.sets(value)
		if err != nil {
			s.Reject(flag, value, err.Error(), where)
			return true
		}
		for _, key := range slices.Sorted(maps.Keys(sets)) {
			s.Add(key, sets[key], where)
		}
		if why, none := strings.CutPrefix(f.Instead, "nothing: "); none {
			s.Notice(fmt.Sprintf("--%s has no meaning here: %s", flag, why))
		} else {
			s.Notice(fmt.Sprintf("--%s is an older spelling: use %s", flag, f.Instead))
		}
		return true
	}
	return false
}
