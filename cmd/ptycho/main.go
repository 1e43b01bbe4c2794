// Command ptycho turns ptychography scans into images. Results go to standard output, everything else to standard
// error; docs/commands.md lists commands and exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
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
		Version:         host.Version,
		HideVersion:     true, // version is a command
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // main owns the exit code
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return usage(err) },
		CommandNotFound: func(_ *cli.Context, name string) {
			fmt.Fprintf(os.Stderr, "ptycho: unknown command %q; ptycho --help lists the commands\n", name)
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

// own makes a command's usage errors ours.
func own(c *cli.Command) {
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return usage(err) }
	c.HideHelpCommand = true
	for _, s := range c.Subcommands {
		own(s)
	}
}

func usage(err error) error { return &host.Failure{Code: host.ExitUsage, Err: err} }

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
