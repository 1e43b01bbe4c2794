// Command ptycho turns ptychography scans into images. Results go to standard output, everything else to standard
// error; docs/commands.md lists commands and exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/launch"
	"github.com/ptychogo/ptycho/internal/address"
	"github.com/ptychogo/ptycho/internal/memory"
	"github.com/ptychogo/ptycho/internal/printable"
)

// maxErrorLine is how many characters a line of an error may have: some hold several paths of 4096.
const maxErrorLine = 16 << 10

func main() {
	signals := newSignals() // first: a signal that arrives before this ends the process without an exit code of ours
	if len(os.Args) < 3 || os.Args[1] != "plugin" || os.Args[2] != "serve" {
		signals.watch()
	}
	launch.Sweep()
	limitHeap()
	app := newApp()
	args := arrange(app, os.Args)
	err := checkLimits()
	if err == nil {
		err = signals.run(func(ctx context.Context) error { return stdout.finish(app.RunContext(ctx, args)) })
	}
	if err = signals.explain(err); err != nil {
		fmt.Fprintln(os.Stderr, "ptycho:", printable.Lines(address.Scrub(err.Error()), maxErrorLine))
	}
	os.Exit(signals.exitCode(err))
}

// heapShare is how much of the available memory the heap may take before garbage is collected early: without a limit, a
// scan that fits is doubled by garbage that waits for its collection. The rest is for the plugin and the system.
const heapShare = 0.8

// limitHeap makes the collector respect the available memory, unless the user has set GOMEMLIMIT.
func limitHeap() {
	if free, ok := memory.Available(); ok && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(heapShare * float64(free)))
	}
}

// newApp is the whole command line.
func newApp() *cli.App {
	app := &cli.App{
		Name:            "ptycho",
		Usage:           "reconstruct ptychography scans with a physics-informed network",
		Description:     "Begin with demo, or with inspect FILE on a scan of your own; solve gives an image in seconds, train and infer one by a network.\nptycho COMMAND --help lists a command's flags; docs/tutorial.md goes through all of it.",
		Version:         host.Version,
		HideVersion:     true, // version is a command
		HideHelpCommand: true,
		Writer:          stdout,
		// A file name and a value of --set may hold a comma. The library obeys this only in flags without a default: lists of
		// numbers have one, and commas separate their numbers.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // main owns the exit code
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage(err) },
		CommandNotFound: func(c *cli.Context, name string) {
			fmt.Fprintln(os.Stderr, "ptycho:", unknownCommand(c, name))
			os.Exit(host.ExitUsage)
		},
		Commands: []*cli.Command{
			trainCommand(), inferCommand(), solveCommand(), evaluateCommand(), inspectCommand(), simulateCommand(), demoCommand(), benchCommand(), conformanceCommand(),
			configCommand(), modelCommand(), runsCommand(), pluginsCommand(), completionCommand(), versionCommand(), pluginCommand(), completeCommand(), docsCommand(),
		},
	}
	for _, c := range app.Commands {
		own(c)
	}
	return app
}

// own makes a command's usage errors ours, and refuses arguments where a command has flags alone: the library passes
// over them.
func own(c *cli.Command) {
	c.OnUsageError = func(x *cli.Context, err error, _ bool) error { return usage(unknownFlag(x.Command, err)) }
	if act := c.Action; act != nil && c.ArgsUsage == "" && !c.Hidden {
		c.Action = func(x *cli.Context) error {
			if x.NArg() > 0 {
				return usage(fmt.Errorf("%q is no flag, and there is nothing else to give; %s --help lists the flags", x.Args().First(), x.Command.HelpName))
			}
			return act(x)
		}
	}
	c.HideHelpCommand = true
	for _, s := range c.Subcommands {
		own(s)
	}
}

// unknownFlag says which flag was probably meant; other errors stay as they are.
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
		nearest = "; " + c.HelpName + " --help lists them"
	}
	return fmt.Errorf("%s has no flag --%s%s", c.Name, name, nearest)
}

// unknownCommand says which command was probably meant.
func unknownCommand(c *cli.Context, name string) string {
	commands, list := c.App.Commands, "ptycho --help"
	if c.Command.Name != c.App.Name { // the library's root is a command too
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

// required refuses a command without the flags that it cannot do without.
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
	var settings *config.Error
	if errors.As(err, &settings) {
		return host.ExitUsage
	}
	if errors.Is(err, context.Canceled) {
		return host.ExitInterrupted
	}
	return host.ExitCode(err)
}
