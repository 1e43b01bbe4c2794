// Command ptycho turns ptychography scans into images. Results go to standard output, everything else to standard
// error; docs/commands.md lists commands and exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host/workflow"
)

func main() {
	app := newApp()
	signals := watchSignals()
	err := app.RunContext(signals.context(), arrange(app, os.Args))
	if err != nil {
		fmt.Fprintln(os.Stderr, "ptycho:", err)
	}
	os.Exit(signals.code(exitCode(err)))
}

// newApp is the whole command line.
func newApp() *cli.App {
	app := &cli.App{
		Name:            "ptycho",
		Usage:           "reconstruct ptychography scans with a physics-informed network",
		Description:     "Begin with demo, or with inspect FILE on a scan of your own; solve gives an image in seconds, train and infer one by a network.\nptycho COMMAND --help lists a command's flags; docs/tutorial.md goes through all of it.",
		Version:         workflow.Version,
		HideVersion:     true, // version is a command
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // main owns the exit code
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return usage(err) },
		CommandNotFound: func(_ *cli.Context, name string) {
			fmt.Fprintf(os.Stderr, "ptycho: unknown command %q; ptycho --help lists the commands\n", name)
			os.Exit(workflow.ExitUsage)
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
	c.OnUsageError = func(x *cli.Context, err error, _ bool) error {
		if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
			err = fmt.Errorf("there is no flag --%s; %s --help lists them", name, x.Command.HelpName)
		}
		return usage(err)
	}
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

// required refuses a command without the flags that it cannot do without.
func required(c *cli.Context, names ...string) error {
	for _, name := range names {
		if c.String(name) == "" {
			return usage(fmt.Errorf("--%s is missing; %s --help lists the flags", name, c.Command.HelpName))
		}
	}
	return nil
}

func usage(err error) error { return &workflow.Failure{Code: workflow.ExitUsage, Err: err} }

func exitCode(err error) int {
	var settings *config.Error
	if errors.As(err, &settings) {
		return workflow.ExitUsage
	}
	if errors.Is(err, context.Canceled) {
		return workflow.ExitInterrupted
	}
	return workflow.ExitCode(err)
}
