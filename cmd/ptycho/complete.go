package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host/plugin"
)

// candidate is a possible word at the cursor, with its meaning.
type candidate struct{ text, about string }

// Candidates that the shell itself completes.
var (
	files   = candidate{text: ":files"}
	folders = candidate{text: ":folders"}
)

// complete lists the candidates for the last of the words after the program's name.
func complete(app *cli.App, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	words, joined := joinEquals(words)
	last := words[len(words)-1]
	commands := app.Commands
	var command *cli.Command
	rest := words[:len(words)-1]
	for len(rest) > 0 {
		i := indexOf(commands, rest[0])
		if i < 0 {
			break
		}
		command = commands[i]
		rest, commands = rest[1:], command.Subcommands
	}
	var found []candidate
	name, typed, valued := strings.Cut(last, "=")
	flag := flagNamed(command, name)
	before := cli.Flag(nil)
	if len(rest) > 0 && !strings.Contains(rest[len(rest)-1], "=") {
		before = flagNamed(command, rest[len(rest)-1])
	}
	switch {
	case strings.HasPrefix(last, "-") && valued && flag != nil:
		found = begin(valuesOf(command, flag, typed), typed)
		if !joined { // the shell replaces the whole word
			for i := range found {
				if !strings.HasPrefix(found[i].text, ":") {
					found[i].text = name + "=" + found[i].text
				}
			}
		}
		return found
	case before != nil && takesValue(before):
		return begin(valuesOf(command, before, last), last)
	case strings.HasPrefix(last, "-"):
		if command != nil {
			for _, f := range command.Flags {
				d, ok := f.(cli.DocGenerationFlag)
				if v, visible := f.(cli.VisibleFlag); !ok || visible && !v.IsVisible() {
					continue
				}
				for _, n := range append(f.Names(), negations(f.Names()[0])...) {
					found = append(found, candidate{"--" + n, d.GetUsage()})
				}
			}
		}
		return begin(append(found, candidate{"--help", "show help"}), last)
	case command == nil || len(command.Subcommands) > 0:
		for _, c := range documented(commands) {
			found = append(found, candidate{c.Name, c.Usage})
		}
		return begin(found, last) // a command with subcommands has no other arguments
	}
	return begin(argumentsOf(command), last)
}

// joinEquals joins words that the shell split at an equals sign. It reports whether the last word was joined.
func joinEquals(words []string) (out []string, joined bool) {
	for _, w := range words {
		n := len(out)
		joined = false
		switch {
		case w == "=" && n > 0 && strings.HasPrefix(out[n-1], "-"):
			out[n-1] += "="
			joined = true
		case n > 0 && strings.HasPrefix(out[n-1], "-") && strings.HasSuffix(out[n-1], "="):
			out[n-1] += w
			joined = true
		default:
			out = append(out, w)
		}
	}
	return out, joined
}

// begin keeps the candidates that begin with the typed text, and those that the shell completes.
func begin(found []candidate, typed string) []candidate {
	return slices.DeleteFunc(found, func(c candidate) bool {
		return c != files && c != folders && !strings.HasPrefix(c.text, strings.ReplaceAll(typed, "_", "-")) && !strings.HasPrefix(c.text, typed)
	})
}

// flagNamed returns the flag of a command by its name with hyphens, or nil.
func flagNamed(c *cli.Command, name string) cli.Flag {
	if c == nil || !strings.HasPrefix(name, "-") {
		return nil
	}
	name = strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-")
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// Values of flags of commands without settings: files, folders, or one of a few values.
var (
	fileFlags   = []string{"config", "legacy", "output", "reconstruction", "reference", "from", "junit", "html", "data"}
	folderFlags = []string{"plugin-dir", "output-dir", "default-root-dir", "source"}
	enumFlags   = map[string][]string{
		"command": {"train", "infer"},
		"device":  {"auto", "cpu", "cuda", "cuda:0"},
		"lang":    {"go", "python"},
		"object":  simulate.ObjectNames(),
		"probe":   simulate.ProbeNames(),
	}
)

// valuesOf returns the values of a flag, where they can be listed.
func valuesOf(command *cli.Command, f cli.Flag, typed string) []candidate {
	name := f.Names()[0]
	switch {
	case name == "backend" || name == "parity":
		return items(backends(), typed)
	case name == "engine":
		return engines()
	case name == "fault":
		return items(texts(simulate.FaultNames()...), typed)
	case name == "fit":
		return fits(typed)
	case name == "device" && command.Name == "setup":
		return texts("cpu", "cuda")
	case name == "cuda" && command.Name == "setup":
		return texts("12", "13")
	case name == "positions" && command.Name == "simulate":
		return texts(simulate.PathNames()...)
	case name == "dtype" && command.Name == "conformance": // in other commands, the type of the numbers of a file
		return texts("float32", "float64")
	case name == "level":
		return levels()
	case name == "format":
		return texts(append(acquisition.Formats(), config.FormatRaw)...)
	case name == "to" && command.Name == "convert":
		return texts("npz", "cxi", "ptychodus", "ptyd")
	case name == "position-units":
		return texts("m", "mm", "um", "nm", "pm", "A")
	case enumFlags[name] != nil:
		return texts(enumFlags[name]...)
	case name == "preset":
		var out []candidate
		for _, p := range slices.Sorted(maps.Keys(config.Presets())) {
			out = append(out, candidate{p, config.Presets()[p]})
		}
		return out
	case name == "set":
		return assignments(typed)
	case slices.Contains(folderFlags, name):
		return []candidate{folders}
	case slices.Contains(fileFlags, name) || name == "json" && command.Name == "conformance":
		return []candidate{files}
	}
	if s, ok := settingOf(name); ok {
		return valuesOfSetting(s, typed)
	}
	return nil
}

func texts(values ...string) []candidate {
	var out []candidate
	for _, v := range values {
		out = append(out, candidate{text: v})
	}
	return out
}

// levels returns the levels of conformance.
func levels() []candidate {
	var out []candidate
	for l := range conformance.Level(conformance.Levels) {
		out = append(out, candidate{strconv.Itoa(int(l)), l.String()})
	}
	return out
}

// engines returns the engines of solve.
func engines() []candidate {
	var out []candidate
	for _, e := range iterative.Engines() {
		out = append(out, candidate{text: string(e)})
	}
	return out
}

// fits returns the values of solve --fit: one or several, or "none" or "auto" alone.
func fits(typed string) []candidate {
	out := items(texts(iterative.Fit{Probe: true, Background: true, Positions: true, Affine: true, Intensity: true}.Names()...), typed)
	if !strings.Contains(typed, ",") {
		out = append(out, candidate{text: "none"}, candidate{text: "auto"})
	}
	return out
}

func settingOf(flag string) (config.Setting, bool) {
	for _, s := range append(config.Settings(config.Train), config.Settings(config.Infer)...) {
		if slices.Contains(s.Spellings(), flag) {
			return s, true
		}
	}
	return config.Setting{}, false
}

func valuesOfSetting(s config.Setting, typed string) []candidate {
	switch {
	case s.Name == "backend":
		return backends()
	case s.Path && strings.HasSuffix(s.Name, "-dir"):
		return []candidate{folders}
	case s.Path:
		return []candidate{files}
	case s.IsBool():
		return []candidate{{text: "true"}, {text: "false"}}
	}
	var out []candidate
	for _, v := range s.Enum {
		out = append(out, candidate{text: v})
	}
	if s.List {
		return items(out, typed)
	}
	return out
}

// items returns the possible next items of a comma-separated list.
func items(all []candidate, typed string) []candidate {
	done := typed[:strings.LastIndex(typed, ",")+1]
	var out []candidate
	for _, c := range all {
		if !slices.Contains(strings.Split(done, ","), c.text) {
			out = append(out, candidate{done + c.text, c.about})
		}
	}
	return out
}

// assignments returns section.name=value, for --set.
func assignments(typed string) []candidate {
	var out []candidate
	key, value, valued := strings.Cut(typed, "=")
	for _, s := range config.Settings(config.Train | config.Infer) {
		if !valued {
			out = append(out, candidate{s.Key() + "=", s.Meaning})
		} else if s.Key() == key {
			for _, v := range valuesOfSetting(s, value) {
				if v != files && v != folders {
					v.text = key + "=" + v.text
				}
				out = append(out, v)
			}
		}
	}
	return out
}

// backends returns the names of the usable backends. It reads folders and manifests and starts no backend.
func backends() []candidate {
	p, err := searchPlaces()
	if err != nil {
		return nil
	}
	var out []candidate
	for _, f := range plugin.List(p) {
		if f.Problem == "" {
			out = append(out, candidate{text: f.Name, about: string(f.Source)})
		}
	}
	return out
}

// argumentsOf returns the candidates for a command's arguments, by the names in its usage line.
func argumentsOf(c *cli.Command) []candidate {
	switch usage := c.ArgsUsage; {
	case usage == "":
		return nil
	case strings.Contains(usage, "NAME"):
		return backends()
	case strings.Contains(usage, "|"):
		var out []candidate
		for _, v := range strings.Split(usage, "|") {
			out = append(out, candidate{text: v})
		}
		return out
	case strings.Contains(usage, "DIR"):
		return []candidate{folders}
	}
	return []candidate{files}
}
