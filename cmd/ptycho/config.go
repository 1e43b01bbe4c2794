package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/ptychopinn"
	"github.com/ptychogo/ptycho/host/train"
	"github.com/ptychogo/ptycho/internal/words"
)

func configCommand() *cli.Command {
	return &cli.Command{Name: "config", Category: upkeep, Usage: "show, compare and import settings", Subcommands: []*cli.Command{{
		Name: "explain", ArgsUsage: "[RUN_DIR]", Usage: "print every setting with its value, its origin and what it overrides",
		Description: "With RUN_DIR, prints the settings of that run. Without it, prints the settings that train (or infer, with --command infer)\nwould have with the same flags. Nothing is started or written.",
		Flags:       configFlags(&cli.BoolFlag{Name: "json", Usage: "print in the form of a run's config.json"}),
		Action: func(c *cli.Context) error {
			o, err := outline(c)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printed(o.JSON())
			}
			stdout.Print(o.Explain())
			return nil
		},
	}, {
		Name: "show", ArgsUsage: "[RUN_DIR]", Usage: "print the settings as a file for --config",
		Description: "With RUN_DIR, prints the settings of that run. Without it, prints the settings that train (or infer, with --command infer)\nwould have with the same flags. With --legacy, prints the dictionary params.cfg that PtychoPINN builds from its configuration file.",
		Flags: configFlags(&cli.BoolFlag{Name: "json", Usage: "print as JSON, without origins"},
			&cli.StringFlag{Name: "legacy", Usage: "print the flat dictionary of this PtychoPINN configuration"}),
		Action: func(c *cli.Context) error {
			if file := c.String("legacy"); file != "" {
				return showLegacy(c, file)
			}
			o, err := outline(c)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printed(o.SettingsJSON())
			}
			stdout.Print(string(o.YAML()))
			return nil
		},
	}, {
		Name: "diff", ArgsUsage: "A B", Usage: "print the settings that differ, with both values and origins",
		Description: "A and B are run directories, config.json files, or settings files in YAML or JSON, also of PtychoPINN.\nSettings that are missing in a file have their defaults.",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "report as JSON"}},
		Action:      runConfigDiff,
	}, {
		Name: "schema", Usage: "print the JSON Schema (draft 2020-12) of a settings file, for editors",
		Action: func(c *cli.Context) error { return printed(config.Schema()) },
	}, {
		Name: "import", ArgsUsage: "FILE", Usage: "translate a PtychoPINN configuration and explain each key",
		Description: "Prints a settings file whose comments explain each key. With --output, writes the file and prints the explanations as a table.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Usage: "settings file to write"},
			&cli.BoolFlag{Name: "overwrite", Usage: "replace the file"},
			&cli.BoolFlag{Name: "json", Usage: "report as JSON"},
		},
		Action: runConfigImport,
	}}}
}

// configFlags returns the flags of train and infer together, for the commands that only look at settings. A flag's name in
// one command may be an alternative spelling in the other: it is defined once, and ptychopinn.Flags resolves it.
func configFlags(flags ...cli.Flag) []cli.Flag {
	flags = append(flags, &cli.StringFlag{Name: "command", Value: "train", Usage: "command whose settings are shown"})
	taken := map[string]bool{}
	for _, f := range flags {
		taken[f.Names()[0]] = true
	}
	for _, command := range []config.Command{config.Train, config.Infer} {
		for _, f := range settingFlags(command) {
			if taken[f.Names()[0]] {
				continue
			}
			switch f := f.(type) {
			case *cli.StringFlag:
				f.Aliases = slices.DeleteFunc(f.Aliases, func(name string) bool { return taken[name] })
			case *cli.BoolFlag:
				f.Aliases = slices.DeleteFunc(f.Aliases, func(name string) bool { return taken[name] })
			}
			for _, name := range f.Names() {
				taken[name] = true
			}
			flags = append(flags, f)
		}
	}
	return flags
}

// outline returns the settings of a run, or those of the given flags.
func outline(c *cli.Context) (*config.Outline, error) {
	command := config.Train
	switch name := c.String("command"); {
	case c.NArg() > 1:
		return nil, usage(fmt.Errorf("config %s: %d run directories given, want at most one", c.Command.Name, c.NArg()))
	case name == config.Infer.String():
		command = config.Infer
	case name != config.Train.String():
		return nil, usage(fmt.Errorf("--command %s: want train or infer", name))
	}
	list := sources(c, command, "command", "json", "legacy")
	if c.NArg() == 1 {
		for _, name := range c.FlagNames() {
			if name != "json" {
				return nil, usage(fmt.Errorf("config %s: --%s cannot be combined with a run directory, whose settings are fixed", c.Command.Name, name))
			}
		}
		return recordedSettings(c.Args().First())
	}
	if run := c.String("resume"); run != "" && command == config.Train {
		list = append(list, config.Stored(filepath.Join(config.RunOf(run), train.ConfigFile)))
	}
	o, err := config.Sketch(command, list...)
	if err != nil {
		return nil, err
	}
	data, err := dataSources(o)
	if err != nil {
		console(c.Context, false).Notice("settings that come from the data are left out: %v", err)
		return o, nil
	}
	o, err = config.Sketch(command, append(list, data...)...)
	if err != nil {
		return nil, err
	}
	for _, n := range o.Notices() {
		console(c.Context, false).Notice("%s", n)
	}
	return o, nil
}

// dataSources returns the settings that the scan, or the model, of a configuration determines.
func dataSources(o *config.Outline) ([]config.Source, error) {
	at := func(key string) string {
		v, _ := o.Lookup(key)
		return v.Text
	}
	if path := at("inference.model-path"); path != "" {
		model, err := model.Describe(path)
		if err != nil {
			return nil, err
		}
		return []config.Source{config.Data(path, model)}, nil
	}
	path := at("training.train-data-file")
	if path == "" {
		return nil, nil
	}
	scan, err := dataset.Source{Path: path, Layout: at("training.diffraction-layout"), Scan: o.Scan(), Adapt: o.AdaptedSide}.Describe()
	if err != nil {
		return nil, err
	}
	return []config.Source{config.Data(path, map[string]any{"model.n": scan.N})}, nil
}

// recordedSettings returns the settings of a run. The path is its folder, its config.json or one of its checkpoints.
func recordedSettings(path string) (*config.Outline, error) {
	path = config.RunOf(path)
	if err := output.Settle(path); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		file := filepath.Join(path, train.ConfigFile)
		if _, err := os.Stat(file); err != nil {
			return nil, host.Failf(host.ExitUsage, "config: %s: %s is missing there: give the output directory of a training run", path, train.ConfigFile)
		}
		path = file
	}
	return config.Recorded(path)
}

func runConfigDiff(c *cli.Context) error {
	if c.NArg() != 2 {
		return usage(fmt.Errorf("config diff: %s given, want two", words.Of(c.NArg(), "configuration")))
	}
	var sides [2][]config.Value
	for i, path := range c.Args().Slice() {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			o, err := recordedSettings(path)
			if err != nil {
				return err
			}
			sides[i] = o.Values()
			continue
		}
		if sides[i], err = config.Read(path, ptychopinn.Contents); err != nil {
			return err
		}
	}
	differences := config.Compare(sides[0], sides[1])
	return printReport(c, differences, func() {
		if len(differences) == 0 {
			return
		}
		w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "SETTING\tA\tFROM\tB\tFROM")
		for _, d := range differences {
			fmt.Fprintf(w, "%s\t%q\t%s\t%q\t%s\n", d.Key, d.A.Value, d.A.Origin, d.B.Value, d.B.Origin)
		}
		_ = w.Flush() // stdout keeps the error
	})
}

// printed writes a document to standard output.
func printed(text []byte, err error) error {
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}
