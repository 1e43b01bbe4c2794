package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/ptychopinn"
)

// docsCommand writes the generated documents. make docs runs it, and a test compares its output with the files in docs.
func docsCommand() *cli.Command {
	return &cli.Command{
		Name: "docs", Hidden: true,
		Flags: []cli.Flag{&cli.StringFlag{Name: "output", Value: "docs", Usage: "folder to write into"}},
		Action: func(c *cli.Context) error {
			dir := c.String("output")
			man := filepath.Join(dir, "man")
			if err := os.MkdirAll(man, 0o777); err != nil {
				return usage(fmt.Errorf("docs: %w", err))
			}
			app := newApp()
			if name := withoutCodes("", app.Commands); name != "" {
				return fmt.Errorf("docs: command %s has no exit codes: add a line to commandCodes", name)
			}
			pages := map[string]string{
				filepath.Join(dir, "configuration.md"): config.Markdown() + ptychopinn.Markdown(),
				filepath.Join(dir, "commands.md"):      commandsMarkdown(app),
				filepath.Join(man, "ptycho.1"):         manual(app),
			}
			for _, command := range documented(app.Commands) {
				pages[filepath.Join(man, "ptycho-"+command.Name+".1")] = manualOf(command)
			}
			for path, text := range pages {
				if err := format.WriteFile(path, []byte(text)); err != nil {
					return usage(fmt.Errorf("docs: %w", err))
				}
			}
			return nil
		},
	}
}

// documented returns the commands that are not hidden.
func documented(commands []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden })
}

// runs reports whether a command runs by itself, with or without subcommands.
func runs(c *cli.Command) bool { return len(c.Subcommands) == 0 || len(flagsOf(c)) > 0 }

// exitRuntime is the exit code of Go's runtime.
const exitRuntime = 2

// exitCodes lists the exit codes with their meanings.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{host.ExitOK, "done"},
	{host.ExitOther, "another error, such as a full disk, or a result that could not be written to standard output"},
	{exitRuntime, "Go's runtime stopped ptycho after a fault, or could not start; it prints why"},
	{host.ExitUsage, "the command line or the configuration is wrong, or a limit of the shell (ulimit) is too low"},
	{host.ExitData, "a data file or a model is missing, damaged or does not fit"},
	{host.ExitBackend, "the backend was not found, is not trusted, is incompatible or faulty, or does not support a setting"},
	{host.ExitDevice, "the device is not available, or is out of memory"},
	{host.ExitCrashed, "the backend's process ended unexpectedly or did not answer"},
	{host.ExitDiverged, "the training diverged: NaN, an explosion, or an object that stays flat"},
	{host.ExitPartial, "done in part"},
	{exitNotConforming, "conformance: a case failed"},
	{exitInconclusive, "conformance: cases were skipped, or not all ran"},
	{host.ExitInterrupted, "stopped by SIGINT (Ctrl-C)"},
	{host.ExitTerminated, "stopped by SIGTERM, SIGHUP or a closed pipe on standard output or standard error"},
}

// commandCodes lists the exit codes of each command besides 0, 1, 10, 130 and 143, which every command has.
var commandCodes = map[string][]int{
	"train":               {host.ExitData, host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitDiverged},
	"infer":               {host.ExitData, host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitPartial},
	"evaluate":            {host.ExitData},
	"solve":               {host.ExitData, host.ExitDiverged, host.ExitPartial},
	"inspect":             {host.ExitData},
	"convert":             {host.ExitData},
	"simulate":            {host.ExitData},
	"demo":                {host.ExitData, host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitDiverged},
	"bench":               {host.ExitBackend, host.ExitDevice, host.ExitCrashed},
	"conformance":         {host.ExitBackend, host.ExitDevice, host.ExitCrashed, exitNotConforming, exitInconclusive},
	"conformance compare": {host.ExitData, exitNotConforming},
	"bench feed":          {host.ExitBackend, host.ExitDevice, host.ExitCrashed},
	"model show":          {host.ExitData},
	"plugins":             {host.ExitBackend},
	"plugins list":        {}, "plugins doctor": {host.ExitBackend}, "plugins setup": {host.ExitBackend},
	"plugins install": {host.ExitBackend, host.ExitCrashed}, "plugins verify": {host.ExitBackend}, "plugins remove": {host.ExitBackend}, "plugins new": {},
	"runs": {}, "runs send": {host.ExitPartial},
	"model": {}, "config": {}, "config explain": {}, "config show": {}, "config diff": {}, "config schema": {}, "config import": {}, "completion": {}, "version": {},
}

// withoutCodes returns the name of a command that is missing in commandCodes, or "".
func withoutCodes(prefix string, commands []*cli.Command) string {
	for _, c := range documented(commands) {
		name := strings.TrimSpace(prefix + " " + c.Name)
		if _, ok := commandCodes[name]; !ok {
			return name
		}
		if lacking := withoutCodes(name, c.Subcommands); lacking != "" {
			return lacking
		}
	}
	return ""
}

// codesOf returns the exit codes of a command, which is named without "ptycho".
func codesOf(name string) string {
	all := slices.Concat([]int{host.ExitOK, host.ExitOther, host.ExitUsage}, commandCodes[name], []int{host.ExitInterrupted, host.ExitTerminated})
	text := make([]string, len(all))
	for i, code := range all {
		text[i] = fmt.Sprint(code)
	}
	return strings.Join(text, ", ")
}

// flagText describes a flag in help and documents.
type flagText struct {
	names []string // with hyphens; the first is the name
	value string   // stands for the value, "" for a switch
	def   string
	usage string
}

// flagsOf returns the flags of a command that are not hidden. A switch that is on by default is named with the switch that
// turns it off. The commands that look at settings take the flags of train and infer too, which are one line.
func flagsOf(c *cli.Command) []flagText {
	looks := flagNamed(c, "--command") != nil
	var out []flagText
	for _, f := range c.Flags {
		d, ok := f.(cli.DocGenerationFlag)
		v, visible := f.(cli.VisibleFlag)
		name := f.Names()[0]
		if _, setting := settingOf(name); !ok || name == "help" || visible && !v.IsVisible() || looks && setting && name != "json" {
			continue
		}
		t := flagText{usage: d.GetUsage()}
		for _, name := range f.Names() {
			t.names = append(t.names, "--"+name)
		}
		if d.TakesValue() {
			t.value, t.def = valueName(c, f), d.GetDefaultText()
		} else if d.GetDefaultText() == "true" {
			t.names = append(t.names, "--no-"+name)
		}
		if bare, err := strconv.Unquote(t.def); err == nil {
			t.def = bare
		}
		out = append(out, t)
	}
	if looks {
		out = append(out, flagText{names: []string{"--…"}, usage: "every flag of train, or of infer with --command infer"})
	}
	return out
}

// negations returns the switches that turn the setting of a flag off.
func negations(name string) []string {
	for _, s := range config.Settings(config.Train | config.Infer) {
		if s.Name == name {
			return s.Negations()
		}
	}
	return nil
}

// usageLine returns the form of a command line.
func usageLine(name string, c *cli.Command) string {
	line := "ptycho " + name
	if !runs(c) {
		return line + " COMMAND"
	}
	if len(flagsOf(c)) > 0 {
		line += " [FLAGS]"
	}
	if c.ArgsUsage != "" {
		line += " " + c.ArgsUsage
	}
	return line
}

// commandsMarkdown returns the text of docs/commands.md.
func commandsMarkdown(app *cli.App) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n`ptycho COMMAND [FLAGS] [ARGUMENTS]`. Results go to standard output, everything else to standard error; with `--json` results are JSON.\n" +
		"Flags may stand before or after arguments, with two hyphens or one, and with underscores for hyphens; `--no-x` turns a switch `--x` of train or infer off.\n" +
		"`ptycho COMMAND --help` prints the same texts. `make docs` generates this page and the manual pages in `docs/man` from the tables of the command line.\n\n")
	var walk func(prefix string, commands []*cli.Command, index bool)
	walk = func(prefix string, commands []*cli.Command, index bool) {
		for _, c := range documented(commands) {
			name := strings.TrimSpace(prefix + " " + c.Name)
			if index {
				if runs(c) {
					fmt.Fprintf(&b, "| [`ptycho %s`](#ptycho-%s) | %s |\n", name, strings.ReplaceAll(name, " ", "-"), c.Usage)
				}
			} else {
				fmt.Fprintf(&b, "## ptycho %s\n\n%s\n", name, markdownOf(name, c))
			}
			walk(name, c.Subcommands, index)
		}
	}
	b.WriteString("| command | what it does |\n|---|---|\n")
	walk("", app.Commands, true)
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.meaning)
	}
	b.WriteString("\nThe first signal ends a command within two seconds, or after the announced step: train and demo then write a\ncheckpoint, solve writes the image of its last whole iteration. Other commands leave no partial files. A `train` that is\nstopped before its first step saves nothing. After a closed pipe (`ptycho train … 2>&1 | head -1`), train writes its first checkpoint and\nexits with 143. A second signal stops immediately, a third kills the process.\n\n")
	walk("", app.Commands, false)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func markdownOf(name string, c *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    %s\n\n%s.\n", usageLine(name, c), strings.ToUpper(c.Usage[:1])+c.Usage[1:])
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Description)
	}
	if !runs(c) {
		return b.String()
	}
	b.WriteString("\nExamples:\n\n")
	writeExamples(&b, "    ", name)
	fmt.Fprintf(&b, "\nExit codes: %s.\n", codesOf(name))
	for _, g := range groupsOf(c) {
		fmt.Fprintf(&b, "\n| %s | default | meaning |\n|---|---|---|\n", strings.ToLower(g.title))
		for _, f := range g.flags {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(strings.TrimSpace(strings.Join(f.names, ", ")+" "+f.value)), code(f.def), strings.ReplaceAll(f.usage, "|", `\|`))
		}
	}
	return b.String()
}

// code sets a cell of a table as code.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}
