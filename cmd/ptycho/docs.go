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
)

// docsCommand writes the generated documents: make docs runs it, a test compares what it writes with what is there.
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
			if name := withoutEnding("", app.Commands); name != "" {
				return fmt.Errorf("docs: nothing says which exit codes %s has: give it a line in endings", name)
			}
			pages := map[string]string{
				filepath.Join(dir, "configuration.md"): config.Markdown(),
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

// documented are the commands that are not hidden.
func documented(commands []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden })
}

// runs says whether a command does something itself, with subcommands or without.
func runs(c *cli.Command) bool { return len(c.Subcommands) == 0 || len(c.Flags) > 0 }

// exitCodes are all ways to end, with what they mean.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{host.ExitOK, "done"},
	{host.ExitOther, "an error that is none of the following, or a result that could not be written to standard output"},
	{host.ExitUsage, "the command line or the configuration is wrong, or a limit of the shell (ulimit) is too low"},
	{host.ExitData, "a file of data or a model is missing, damaged or does not fit"},
	{host.ExitBackend, "the backend was not found, is not trusted, is incompatible or faulty, or cannot do what is asked"},
	{host.ExitDevice, "the device is not available, or is out of memory"},
	{host.ExitCrashed, "the backend's process died"},
	{host.ExitDiverged, "the training diverged: NaN, an explosion, or an object that stays flat"},
	{host.ExitPartial, "done in part"},
	{exitNotConforming, "conformance: the backend is not right"},
	{exitInconclusive, "conformance: cases were skipped, or not all ran"},
	{host.ExitInterrupted, "ended by SIGINT (Ctrl-C)"},
	{host.ExitTerminated, "ended by SIGTERM, SIGHUP or a closed pipe on standard output or standard error"},
}

// endings are the exit codes of each command besides 0, 1, 10, 130 and 143, which every command has.
var endings = map[string][]int{
	"train":        {host.ExitData, host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitDiverged},
	"infer":        {host.ExitData, host.ExitBackend, host.ExitDevice, host.ExitCrashed},
	"evaluate":     {host.ExitData},
	"solve":        {host.ExitData, host.ExitDiverged},
	"inspect":      {host.ExitData},
	"simulate":     {host.ExitData},
	"demo":         {host.ExitData, host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitDiverged},
	"bench":        {host.ExitBackend, host.ExitDevice, host.ExitCrashed},
	"conformance":  {host.ExitBackend, host.ExitDevice, host.ExitCrashed, exitNotConforming, exitInconclusive},
	"bench feed":   {host.ExitBackend, host.ExitDevice, host.ExitCrashed},
	"model show":   {host.ExitData},
	"plugins":      {host.ExitBackend},
	"plugins list": {}, "plugins doctor": {host.ExitBackend}, "plugins setup": {host.ExitBackend},
	"runs": {}, "runs send": {host.ExitPartial},
	"model": {}, "config": {}, "config explain": {}, "config show": {}, "config diff": {}, "config schema": {}, "config import": {}, "completion": {}, "version": {},
}

// withoutEnding names a command that endings lacks, "" when there is none.
func withoutEnding(prefix string, commands []*cli.Command) string {
	for _, c := range documented(commands) {
		name := strings.TrimSpace(prefix + " " + c.Name)
		if _, ok := endings[name]; !ok {
			return name
		}
		if lacking := withoutEnding(name, c.Subcommands); lacking != "" {
			return lacking
		}
	}
	return ""
}

// codesOf are the exit codes of a command, by its name behind ptycho.
func codesOf(name string) string {
	all := slices.Concat([]int{host.ExitOK, host.ExitOther, host.ExitUsage}, endings[name], []int{host.ExitInterrupted, host.ExitTerminated})
	text := make([]string, len(all))
	for i, code := range all {
		text[i] = fmt.Sprint(code)
	}
	return strings.Join(text, ", ")
}

// flagText is what the documents say of a flag.
type flagText struct {
	names []string // with their hyphens, the first is the name
	value string   // VALUE, "" for a switch
	def   string
	usage string
}

// flagsOf are the flags of a command that are not hidden. The switches that turn a setting off are named with it. The
// commands that look at settings have the flags of train and infer too, which are one line.
func flagsOf(c *cli.Command) []flagText {
	looks := flagNamed(c, "--command") != nil
	hidden := map[string]bool{}
	for _, f := range c.Flags {
		if b, ok := f.(*cli.BoolFlag); ok && b.Hidden && !looks {
			hidden[b.Name] = true
		}
	}
	var out []flagText
	for _, f := range c.Flags {
		d, ok := f.(cli.DocGenerationFlag)
		v, visible := f.(cli.VisibleFlag)
		if _, setting := settingOf(f.Names()[0]); !ok || visible && !v.IsVisible() || looks && setting && f.Names()[0] != "json" {
			continue
		}
		t := flagText{usage: d.GetUsage()}
		for _, name := range f.Names() {
			t.names = append(t.names, "--"+name)
		}
		if d.TakesValue() {
			t.value, t.def = "VALUE", d.GetDefaultText()
		}
		for _, off := range negations(f.Names()[0]) {
			if hidden[off] {
				t.names = append(t.names, "--"+off)
			}
		}
		if bare, err := strconv.Unquote(t.def); err == nil {
			t.def = bare
		}
		out = append(out, t)
	}
	if looks {
		out = append(out, flagText{names: []string{"--…"}, usage: "every flag of train, or with --command infer of infer"})
	}
	return out
}

// negations are the switches that turn the setting of a flag off.
func negations(name string) []string {
	for _, s := range config.Settings(config.Train | config.Infer) {
		if s.Name == name {
			return s.Negations()
		}
	}
	return nil
}

// usageLine is a command as it is written.
func usageLine(name string, c *cli.Command) string {
	line := "ptycho " + name
	if !runs(c) {
		return line + " COMMAND"
	}
	if len(c.Flags) > 0 {
		line += " [FLAGS]"
	}
	if c.ArgsUsage != "" {
		line += " " + c.ArgsUsage
	}
	return line
}

// commandsMarkdown is docs/commands.md.
func commandsMarkdown(app *cli.App) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n`ptycho COMMAND [FLAGS] [ARGUMENTS]`. Results go to standard output, everything else to standard error; with `--json` results are JSON.\n" +
		"Flags may stand before and behind arguments, with two hyphens or one, and with underscores for hyphens. `ptycho COMMAND --help` prints this too.\n" +
		"This page is generated from the command line's own tables by `make docs`; so are the manual pages in `docs/man`.\n\n")
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
	b.WriteString("\nThe first signal ends a command within two seconds, or after the step that it announces: train and demo then write a\ncheckpoint, solve writes the image of its last whole iteration. Other commands leave no partial files. A `train` that is\nstopped before its first step saves nothing. After a closed pipe (`ptycho train … 2>&1 | head -1`), train writes its first checkpoint and\nexits with 143. A second signal stops immediately, a third kills the process.\n\n")
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
	fmt.Fprintf(&b, "\nExit codes: %s.\n", codesOf(name))
	if len(c.Flags) > 0 {
		b.WriteString("\n| flag | default | meaning |\n|---|---|---|\n")
	}
	for _, f := range flagsOf(c) {
		names := "`" + strings.Join(f.names, "`, `") + "`"
		def := ""
		if f.def != "" {
			def = "`" + f.def + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", names, def, strings.ReplaceAll(f.usage, "|", `\|`))
	}
	return b.String()
}
