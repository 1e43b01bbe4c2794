package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
)

// everyCommand calls visit with each command that is not hidden, and its name without "ptycho".
func everyCommand(app *cli.App, visit func(name string, c *cli.Command)) {
	var walk func(prefix string, commands []*cli.Command)
	walk = func(prefix string, commands []*cli.Command) {
		for _, c := range documented(commands) {
			name := strings.TrimSpace(prefix + " " + c.Name)
			visit(name, c)
			walk(name, c.Subcommands)
		}
	}
	walk("", app.Commands)
}

// TestExamples_TwoOfEachCommandParse parses the examples of help without running them.
func TestExamples_TwoOfEachCommandParse(t *testing.T) {
	names := map[string]bool{"": true}
	everyCommand(newApp(), func(name string, _ *cli.Command) { names[name] = true })
	for name := range examples {
		if !names[name] {
			t.Errorf("examples of %q, which is not a command", name)
		}
	}
	for name := range names {
		if len(examples[name]) != 2 {
			t.Errorf("command %q has %d examples, want 2", name, len(examples[name]))
		}
		for _, line := range examples[name] {
			_, after, ok := strings.Cut(line, "ptycho ")
			after, _, _ = strings.Cut(strings.TrimSuffix(after, ")"), " >")
			if !ok || !strings.HasPrefix(after, name) {
				t.Errorf("%q is not an example of %q", line, name)
			}
			app, ran := newApp(), ""
			everyCommand(app, func(name string, c *cli.Command) {
				c.Action = func(*cli.Context) error { ran = name; return nil }
			})
			if err := app.Run(arrange(app, append([]string{"ptycho"}, strings.Fields(after)...))); err != nil || !strings.HasPrefix(after, ran) || ran == "" {
				t.Errorf("%q runs command %q: %v", line, ran, err)
			}
		}
	}
}

// TestHelp_FlagTextsAreShort keeps the text of every flag in one line.
func TestHelp_FlagTextsAreShort(t *testing.T) {
	everyCommand(newApp(), func(name string, c *cli.Command) {
		for _, f := range flagsOf(c) {
			if n := utf8.RuneCountInString(f.usage); n == 0 || n > 80 {
				t.Errorf("ptycho %s %s has a text of %d characters, want 1 to 80: %s", name, f.names[0], n, f.usage)
			}
		}
	})
}

// TestHelp_GroupsKnowTheirFlags finds names in the table of groups that no command has.
func TestHelp_GroupsKnowTheirFlags(t *testing.T) {
	known := map[string]bool{}
	for _, s := range config.Settings(config.Train | config.Infer) {
		known[s.Name] = true
	}
	everyCommand(newApp(), func(_ string, c *cli.Command) {
		for _, f := range c.Flags {
			known[f.Names()[0]] = true
		}
	})
	for _, g := range flagGroups {
		for _, name := range strings.Fields(g.names) {
			if !known[name] {
				t.Errorf("group %s names --%s, which no command has", g.title, name)
			}
		}
	}
}

// TestHelp_BeginsWithExamples checks the order of the parts of a help text.
func TestHelp_BeginsWithExamples(t *testing.T) {
	for name, c := range map[string]*cli.Command{"train": trainCommand(), "bench feed": benchFeedCommand()} {
		c.HelpName = "ptycho " + name
		prepare(c)
		text := commandHelp(c)
		examplesAt, usageAt, dataAt, rareAt := strings.Index(text, "\nExamples:\n"), strings.Index(text, "\nUsage:"), strings.Index(text, "\nData:\n"), strings.Index(text, "\nRarely used:\n")
		if examplesAt < 0 || usageAt < examplesAt || dataAt < usageAt || rareAt < dataAt {
			t.Errorf("help of %s has examples at %d, usage at %d, data at %d, rarely used flags at %d:\n%s", name, examplesAt, usageAt, dataAt, rareAt, text)
		}
	}
}
