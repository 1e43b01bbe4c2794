package main

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/plugin"
	"github.com/ptychogo/ptycho/host/ptychopinn"
	"github.com/ptychogo/ptycho/host/train"
	"github.com/ptychogo/ptycho/internal/words"
)

// settingFlags returns the flags of the command's settings, with --config, --preset and --set.
func settingFlags(c config.Command) []cli.Flag {
	flags := []cli.Flag{
		&cli.StringSliceFlag{Name: "config", Usage: "YAML or JSON file of settings; later files win"},
		&cli.StringFlag{Name: "preset", Usage: "a named group of settings: " + strings.Join(slices.Sorted(maps.Keys(config.Presets())), ", ")},
		&cli.StringSliceFlag{Name: "set", Usage: "a setting by its key, section.name=value"},
	}
	for _, s := range config.Settings(c) {
		text := s.Help()
		if !s.IsBool() {
			flags = append(flags, &cli.StringFlag{Name: s.Name, Aliases: slices.Clone(s.Also), Usage: text, DefaultText: s.DefaultText()})
			continue
		}
		flags = append(flags, &cli.BoolFlag{Name: s.Name, Aliases: slices.Clone(s.Also), Usage: text, DefaultText: s.DefaultText()})
		for _, name := range s.Negations() {
			flags = append(flags, &cli.BoolFlag{Name: name, Hidden: true})
		}
	}
	for _, f := range ptychopinn.Spellings(c) {
		if f.Bool {
			flags = append(flags, &cli.BoolFlag{Name: f.Name, Hidden: true})
		} else {
			flags = append(flags, &cli.StringFlag{Name: f.Name, Hidden: true})
		}
	}
	return flags
}

// sources returns the command line's sources of settings. Flags named in besides are not settings.
func sources(c *cli.Context, command config.Command, besides ...string) []config.Source {
	besides = append(besides, "config", "preset", "set")
	out := []config.Source{config.Environment(os.Environ())}
	if name := c.String("preset"); name != "" {
		out = append(out, config.Preset(name))
	}
	for _, path := range c.StringSlice("config") {
		_ = output.Settle(path) // a file that cannot be read is reported as such
		out = append(out, ptychopinn.File(path))
	}
	if set := c.StringSlice("set"); len(set) > 0 {
		out = append(out, config.Set(set...))
	}
	given, written := map[string]string{}, c.LocalFlagNames()
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !slices.Contains(written, name) || slices.Contains(besides, name) {
			continue
		}
		switch f.(type) {
		case *cli.BoolFlag:
			given[name] = strconv.FormatBool(c.Bool(name))
		case *cli.StringFlag:
			given[name] = c.String(name)
		}
	}
	return append(out, ptychopinn.Flags(command, given))
}

// draftTraining checks the settings of a training run before its data is opened. A resumed run starts from its stored
// configuration.
func draftTraining(c *cli.Context) (*config.Draft, error) {
	list := sources(c, config.Train)
	if given := c.String("resume"); given != "" {
		run := config.RunOf(given)
		if err := output.Settle(run); err != nil {
			return nil, err
		}
		stored := filepath.Join(run, train.ConfigFile)
		if _, err := os.Stat(stored); err != nil && output.Interrupted(run) {
			return nil, host.Failf(host.ExitData, "train: the run in %s was stopped before its first checkpoint: start it again with its original command", run)
		} else if err != nil {
			return nil, host.Failf(host.ExitData, "train: --resume %s: %s is missing there: give the output directory of a training run that has written a checkpoint, or one of its checkpoints", given, train.ConfigFile)
		}
		list = append(list, config.Stored(stored))
	}
	return config.Check(config.Train, list...)
}

// describeScan completes the draft of a training run. It reads the headers and positions of the data but no patterns.
func describeScan(d *config.Draft) (*config.Training, error) {
	path := d.Settings().TrainDataFile
	source := dataset.Source{Path: path, Layout: d.Settings().DiffractionLayout, Scan: d.Scan(), Adapt: d.AdaptedSide}
	scan, err := source.Describe()
	if err != nil {
		return nil, err
	}
	if source.Path = d.Settings().TestDataFile; source.Path != "" {
		if _, err := source.Describe(); err != nil {
			return nil, err
		}
	}
	cfg, err := d.Training(config.Data(path, map[string]any{"model.n": scan.N}))
	if err != nil {
		return nil, err
	}
	if err := arch.CheckSide(cfg.Model().Arch, scan.N); err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", path, err)
	}
	return cfg, nil
}

// draftInference checks the settings of a reconstruction before its model is opened, and reads the model's description,
// which names its backend. The notice, unless it is "", is about how the scan is read.
func draftInference(c *cli.Context) (cfg *config.Inference, notice string, err error) {
	d, err := config.Check(config.Infer, sources(c, config.Infer)...)
	if err != nil {
		return nil, "", err
	}
	path := d.Inference().ModelPath
	fixed, err := model.Describe(path)
	if err != nil {
		return nil, "", err
	}
	scan, notice, err := remembered(path, d)
	if err != nil {
		return nil, "", err
	}
	maps.Copy(fixed, scan)
	if cfg, err = d.Reconstruction(config.Data(path, fixed)); err != nil {
		return nil, "", err
	}
	return cfg, cmp.Or(notice, applied(cfg)), nil
}

// console returns the meter that writes a command's notices and progress to standard error.
func console(ctx context.Context, quiet bool) *progressMeter {
	m := newMeter(os.Stderr, term.IsTerminal(int(os.Stderr.Fd())), quiet, time.Now)
	signalsOf(ctx).show(m)
	return m
}

// consoleOf returns the console of a command with settings. Its first lines are the notices about older spellings.
func consoleOf(ctx context.Context, x config.Execution, notices []string) *progressMeter {
	meter := console(ctx, x.Quiet)
	if !x.EnableProgressBar {
		meter.HideProgress()
	}
	for _, n := range notices {
		meter.Notice("%s", n)
	}
	return meter
}

// maxLogLine is the greatest number of characters that are shown of a plugin's log line.
const maxLogLine = 2000

// logger returns the logger that shows the log lines of plugins.
func logger(level string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "ptycho", Level: hclog.LevelFromString(strings.ToLower(level)), Output: words.Writer(os.Stderr, maxLogLine), Exclude: plugin.Echo})
}
