package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts a command's flags before its arguments, wherever they were written, spells flags with hyphens, and joins
// the four numbers of --box: the library ignores flags that follow an argument.
func arrange(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
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
	flags, positional := separate(rest, switchesOf(command))
	out = append(out, flags...)
	if len(positional) > 0 {
		out = append(append(out, "--"), positional...)
	}
	return out
}

// switchesOf are the names of a command's flags that take no value.
func switchesOf(command *cli.Command) map[string]bool {
	switches := map[string]bool{"help": true, "h": true}
	for _, f := range command.Flags {
		if _, ok := f.(*cli.BoolFlag); ok {
			for _, n := range f.Names() {
				switches[n] = true
			}
		}
	}
	return switches
}

// separate tells a command's flags, each joined with its value, from its arguments.
func separate(rest []string, switches map[string]bool) (flags, positional []string) {
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
			flags = append(flags, "--"+name+"="+value)
		case switches[name]:
			flags = append(flags, "--"+name)
		default:
			take := 1
			if name == "box" {
				take = 4
			}
			take = min(take, len(rest))
			if take == 0 {
				flags = append(flags, "--"+name)
				continue
			}
			flags = append(flags, "--"+name+"="+strings.Join(rest[:take], ","))
			rest = rest[take:]
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
