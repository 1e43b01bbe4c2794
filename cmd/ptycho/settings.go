package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/host/ui"
	"github.com/ptychogo/ptycho/host/workflow"
)

// settingFlags are the flags of the command's settings, with --config and --set.
func settingFlags(c config.Command) []cli.Flag {
	flags := []cli.Flag{
		&cli.StringSliceFlag{Name: "config", Usage: "YAML file of settings; later files win"},
		&cli.StringSliceFlag{Name: "set", Usage: "a setting by its key: section.name=value"},
	}
	for _, s := range config.Settings(c) {
		text := s.Meaning
		if s.Unit != "" {
			text += " (" + s.Unit + ")"
		}
		if rule := s.Rule(); rule != "" {
			text += "; " + rule
		}
		if s.IsBool() {
			flags = append(flags, &cli.BoolFlag{Name: s.Name, Usage: text, DefaultText: s.DefaultText()})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: s.Name, Usage: text, DefaultText: s.DefaultText()})
	}
	return flags
}

// sources are the command line's sources of settings.
func sources(c *cli.Context, command config.Command) []config.Source {
	out := []config.Source{config.Environment(os.Environ())}
	for _, path := range c.StringSlice("config") {
		out = append(out, config.File(path))
	}
	if set := c.StringSlice("set"); len(set) > 0 {
		out = append(out, config.Set(set...))
	}
	given := map[string]string{}
	for _, s := range config.Settings(command) {
		if !c.IsSet(s.Name) {
			continue
		}
		given[s.Name] = c.String(s.Name)
		if s.IsBool() {
			given[s.Name] = "false"
			if c.Bool(s.Name) {
				given[s.Name] = "true"
			}
		}
	}
	return append(out, config.Flags(command, given))
}

// trainingConfig resolves the settings of a training run. A resumed run starts from its stored configuration.
func trainingConfig(c *cli.Context, more ...config.Source) (*config.Training, error) {
	list := append(sources(c, config.Train), more...)
	if dir := c.String("resume"); dir != "" {
		stored := filepath.Join(dir, workflow.ConfigFile)
		if _, err := os.Stat(stored); err != nil {
			return nil, &workflow.Failure{Code: workflow.ExitData, Err: errors.New("train: --resume " + dir + " holds no " + workflow.ConfigFile + ": give the output directory of a training run that has written a checkpoint")}
		}
		list = append(list, config.Stored(stored))
	}
	return config.NewTraining(list...)
}

// described resolves again with what the data says about itself. Only its header is read.
func described(c *cli.Context, cfg *config.Training) (*config.Training, error) {
	path := cfg.Settings().TrainDataFile
	layout, err := format.ParseLayout(cfg.Settings().DiffractionLayout)
	if err != nil {
		return nil, usage(err)
	}
	d, err := format.Describe(path, layout)
	if err != nil {
		return nil, &workflow.Failure{Code: workflow.ExitData, Err: err}
	}
	return trainingConfig(c, config.Data(path, map[string]any{"model.n": d.N}))
}

// inferenceConfig resolves the settings of a reconstruction; the backend is the model's unless another is named.
func inferenceConfig(c *cli.Context) (*config.Inference, error) {
	list := sources(c, config.Infer)
	cfg, err := config.NewInference(list...)
	if err != nil {
		return nil, err
	}
	path := cfg.Settings().ModelPath
	m, err := bundle.ReadManifest(path)
	if err != nil {
		return nil, &workflow.Failure{Code: workflow.ExitData, Err: err}
	}
	if m.Backend == "" {
		return cfg, nil
	}
	return config.NewInference(append(list, config.Data(path, map[string]any{"execution.backend": m.Backend}))...)
}

// console is the notices and the progress of a command on standard error.
func console(quiet bool) *ui.Meter {
	return ui.NewMeter(os.Stderr, term.IsTerminal(int(os.Stderr.Fd())), quiet, time.Now)
}

// logger takes the log lines of plugins.
func logger(level string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "ptycho", Level: hclog.LevelFromString(strings.ToLower(level)), Output: os.Stderr})
}
