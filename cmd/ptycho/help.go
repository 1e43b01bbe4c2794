package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// flagColumn is the column of the texts of flags in --help. A longer flag has a line to itself.
const flagColumn = 32

// printHelp writes the help of the program or of a command. It replaces the library's templates.
func printHelp(w io.Writer, _ string, data any) {
	switch data := data.(type) {
	case *cli.App:
		_, _ = io.WriteString(w, programHelp(data)) // the writer reports its error
	case *cli.Command:
		_, _ = io.WriteString(w, commandHelp(data))
	}
}

// programHelp returns the text of ptycho --help.
func programHelp(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nExamples:\n", app.Name, app.Usage)
	writeExamples(&b, "  ", "")
	fmt.Fprintf(&b, "\nUsage: %s COMMAND [FLAGS] [ARGUMENTS]\n", app.Name)
	for _, category := range commandCategories {
		fmt.Fprintf(&b, "\n%s:\n", category)
		for _, c := range documented(app.Commands) {
			if c.Category == category {
				fmt.Fprintf(&b, "  %-13s %s\n", c.Name, c.Usage)
			}
		}
	}
	fmt.Fprintf(&b, "\n%s\n", app.Description)
	return b.String()
}

// commandHelp returns the text of ptycho COMMAND --help.
func commandHelp(c *cli.Command) string {
	name := strings.TrimPrefix(c.HelpName, "ptycho ")
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nExamples:\n", c.HelpName, c.Usage)
	writeExamples(&b, "  ", name)
	fmt.Fprintf(&b, "\nUsage: %s\n", usageLine(name, c))
	if subcommands := documented(c.Subcommands); len(subcommands) > 0 {
		b.WriteString("\nCommands:\n")
		for _, s := range subcommands {
			fmt.Fprintf(&b, "  %-13s %s\n", s.Name, s.Usage)
		}
	}
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Description)
	}
	for _, g := range groupsOf(c) {
		fmt.Fprintf(&b, "\n%s:\n", g.title)
		for _, f := range g.flags {
			b.WriteString(f.helpLine())
		}
	}
	return b.String()
}

// writeExamples writes the examples of a command, one to a line.
func writeExamples(b *strings.Builder, indent, name string) {
	for _, line := range examples[name] {
		b.WriteString(indent + line + "\n")
	}
}

// helpLine returns a flag with its value, its text and its default. The documents name its further spellings.
func (f flagText) helpLine() string {
	left := "  " + f.names[0]
	if off := "--no-" + strings.TrimPrefix(f.names[0], "--"); slices.Contains(f.names, off) {
		left += ", " + off
	}
	if f.value != "" {
		left += " " + f.value
	}
	text := f.usage
	if f.def != "" {
		if head, ok := strings.CutSuffix(text, ")"); ok {
			text = head + "; default " + f.def + ")"
		} else {
			text += " (default " + f.def + ")"
		}
	}
	n := utf8.RuneCountInString(left)
	if n > flagColumn-2 {
		return left + "\n" + strings.Repeat(" ", flagColumn) + text + "\n"
	}
	return left + strings.Repeat(" ", flagColumn-n) + text + "\n"
}
