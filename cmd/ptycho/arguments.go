package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange moves a command's flags before its arguments, because the library ignores flags that follow an argument. It
// replaces underscores in flag names by hyphens and joins the four numbers of --box.
func arrange(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	switch args[1] { // spellings of other programs
	case "help":
		args = append(append(args[:1:1], args[2:]...), "--help")
	case "--version", "-v":
		args = []string{args[0], "version"}
	}
	out, rest := args[:1:1], args[1:]
	commands := app.Commands
	var command *cli.Command
	for len(rest) > 0 {
		i := indexOf(commands, rest[0])
		if i < 0 {
			break
		}
		command = commands[i]
		out, rest, commands = append(out, rest[0]), rest[1:], command.Subcommands
	}
	if command == nil {
		return args
	}
	flags, positional := separate(command, rest)
	out = append(out, flags...)
	if len(positional) > 0 {
		out = append(append(out, "--"), positional...)
	}
	return out
}

// separate splits the words after a command into its flags, each with its value, and its arguments.
func separate(command *cli.Command, rest []string) (flags, positional []string) {
	switches := map[string]bool{"help": true, "h": true}
	for _, f := range command.Flags {
		for _, n := range f.Names() {
			if _, ok := f.(*cli.BoolFlag); ok {
				switches[n] = true
			}
		}
	}
	take := func(name, value string) { flags = append(flags, "--"+name+"="+value) }
	for len(rest) > 0 {
		a := rest[0]
		rest = rest[1:]
		if a == "--" {
			return flags, append(positional, rest...)
		}
		if len(a) < 2 || a[0] != '-' {
			positional = append(positional, a)
			continue
		}
		name, value, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		name = strings.ReplaceAll(name, "_", "-")
		switch {
		case joined:
			take(name, value)
		case switches[name]:
			flags = append(flags, "--"+name)
		default:
			words := 1
			if name == "box" {
				words = 4
			}
			words = min(words, len(rest))
			if words == 0 {
				flags = append(flags, "--"+name)
				continue
			}
			take(name, strings.Join(rest[:words], ","))
			rest = rest[words:]
		}
	}
	return flags, positional
}

func indexOf(commands []*cli.Command, name string) int {
	for i, c := range commands {
		if c.HasName(name) {
			return i
		}
	}
	return -1
}
