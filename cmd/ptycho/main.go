// Command ptycho reconstructs images from ptychography scans. Results go to standard output, everything else to standard
// error. docs/commands.md lists the commands and exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/plugin"
	"github.com/ptychogo/ptycho/internal/machine"
	"github.com/ptychogo/ptycho/internal/words"
)

// maxErrorLine is the greatest length of a line of an error, in characters. Some lines hold several paths of 4096.
const maxErrorLine = 16 << 10

func main() {
	signals := newSignals() // first: a signal that arrives earlier ends the process without our exit code
	if len(os.Args) < 3 || os.Args[1] != "plugin" || os.Args[2] != "serve" {
		signals.watch()
	}
	plugin.Sweep()
	limitHeap()
	os.Exit(execute(signals, os.Args))
}

// execute runs a command line and returns its exit code.
func execute(signals *signals, args []string) int {
	app := newApp()
	err := checkLimits()
	if err == nil {
		err = signals.run(func(ctx context.Context) error {
			err := app.RunContext(ctx, arrange(app, args))
			if unknown, ok := app.Metadata[unknownKey].(error); ok {
				err = unknown
			}
			return stdout.finish(err)
		})
	}
	if err = signals.explain(err); err != nil {
		fmt.Fprintln(os.Stderr, "ptycho:", words.Lines(words.Scrub(err.Error()), maxErrorLine))
	}
	return signals.exitCode(err)
}

// unknownKey is the key of the error about an unknown command: the library's callback for one cannot return it.
const unknownKey = "unknown command"

// heapShare is the share of the available memory that the heap may take before garbage is collected early. Without a limit,
// uncollected garbage doubles the memory of a large scan. The rest is for the plugin and the system.
const heapShare = 0.8

// limitHeap sets the heap limit from the available memory, unless the user has set GOMEMLIMIT.
func limitHeap() {
	if free, ok := machine.AvailableMemory(); ok && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(heapShare * float64(free)))
	}
}

// newApp returns the whole command line.
func newApp() *cli.App {
	cli.HelpPrinter, cli.HelpPrinterCustom = printHelp, func(w io.Writer, _ string, data any, _ map[string]any) { printHelp(w, "", data) }
	app := &cli.App{
		Name:            "ptycho",
		Usage:           "reconstruct ptychography scans with a physics-informed network",
		Description:     "ptycho COMMAND --help lists the flags of a command. docs/tutorial.md leads from a scan to an image.",
		Version:         host.Version,
		HideVersion:     true, // version is a command
		HideHelpCommand: true,
		Writer:          stdout,
		// A file name and a value of --set may contain a comma. The library ignores this in flags with a default, so commas
		// still separate the numbers of lists, which all have defaults.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // main owns the exit code
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage(err) },
		CommandNotFound: func(c *cli.Context, name string) {
			c.App.Metadata[unknownKey] = usage(errors.New(unknownCommand(c, name)))
		},
		Commands: []*cli.Command{
			trainCommand(), inferCommand(), solveCommand(), evaluateCommand(), inspectCommand(), convertCommand(), simulateCommand(), demoCommand(), benchCommand(), conformanceCommand(),
			configCommand(), modelCommand(), runsCommand(), pluginsCommand(), completionCommand(), versionCommand(), pluginCommand(), completeCommand(), docsCommand(),
		},
	}
	for _, c := range app.Commands {
		prepare(c)
	}
	return app
}

// prepare sorts a command's flags, gives its usage errors our exit code, and rejects arguments of a command that takes flags
// only: the library ignores such arguments.
func prepare(c *cli.Command) {
	sortFlags(c.Flags)
	c.OnUsageError = func(x *cli.Context, err error, _ bool) error {
		return usage(unknownFlag(x.Command, flagError(x.Command, err)))
	}
	if act := c.Action; act != nil && c.ArgsUsage == "" && !c.Hidden {
		c.Action = func(x *cli.Context) error {
			if x.NArg() > 0 {
				return usage(fmt.Errorf("unexpected argument %q: %s takes flags only, see %s --help", x.Args().First(), x.Command.Name, x.Command.HelpName))
			}
			return act(x)
		}
	}
	c.HideHelpCommand = true
	for _, s := range c.Subcommands {
		prepare(s)
	}
}

// unknownFlag adds the nearest flag to an error about an unknown flag. Other errors are returned unchanged.
func unknownFlag(c *cli.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return err
	}
	var names []string
	for _, f := range c.Flags {
		for _, n := range f.Names() {
			names = append(names, "--"+n)
		}
	}
	nearest := config.Nearest("--"+name, names)
	if nearest == "" {
		nearest = "; " + c.HelpName + " --help lists the flags"
	}
	return fmt.Errorf("unknown flag --%s of %s%s", name, c.Name, nearest)
}

// unknownCommand returns the text of the error about an unknown command, with the nearest command.
func unknownCommand(c *cli.Context, name string) string {
	commands, list := c.App.Commands, "ptycho --help"
	if c.Command.Name != c.App.Name { // the library has a root command
		commands, list = c.Command.Subcommands, "ptycho "+c.Command.Name+" --help"
	}
	var names []string
	for _, known := range commands {
		if !known.Hidden {
			names = append(names, known.Name)
		}
	}
	return fmt.Sprintf("unknown command %q%s; %s lists the commands", name, strings.TrimSuffix(config.Nearest(name, names), "?"), list)
}

// required returns an error if one of the named flags is missing.
func required(c *cli.Context, names ...string) error {
	for _, name := range names {
		if c.String(name) == "" {
			return usage(fmt.Errorf("--%s is missing; %s --help lists the flags", name, c.Command.HelpName))
		}
	}
	return nil
}

func usage(err error) error { return host.Fail(host.ExitUsage, err) }

func exitCode(err error) int {
	if errors.Is(err, context.Canceled) {
		return host.ExitInterrupted
	}
	return host.ExitCode(err)
}
