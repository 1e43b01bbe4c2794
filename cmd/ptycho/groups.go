package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Categories of commands, in the order of ptycho --help.
const (
	imaging  = "Reconstruction"
	scans    = "Scans and images"
	upkeep   = "Settings, models and runs"
	backing  = "Backends"
	terminal = "Program"
)

var commandCategories = []string{imaging, scans, upkeep, backing, terminal}

// flagGroups order the flags of every command in its help, its manual page and docs/commands.md. Flags without a group are
// in the last one, so that a new setting needs no line here.
var flagGroups = []struct{ title, names string }{
	{"Data", `train-data-file test-data-file test-data data reconstruction reference rows n-images val-split object probe positions
		n object-size probe-radius overlap jitter nphotons diffraction-units box ramp`},
	{"Preparing the patterns", "crop centre bin pad patterns zero-frequency mask mask-polarity hot-pixels dark flat offset gain"},
	{"Reading the scan", `position-units pixel-size energy electron-energy wavelength distance detector-pixel-size override format data-path y-path x-path
		probe-path diffraction-layout examine repair trust-data`},
	{"Model", "model-path first-pass arch gridsize n-filters-scale mode loss probe-mask modes"},
	{"Optimisation", `engine iterations fit max-epochs batch-size learning-rate scheduler optimizer weight-decay gradient-clip-val ema-decay
		early-stop-patience restarts refine inference-batch-size seed steps`},
	{"Cases", "level run skip quick list time-limit timeout fail-fast repeat shuffle"},
	{"Output", `output-dir output export overwrite dry-run logger experiment-name mlflow-uri preview-every preview checkpoint-every
		checkpoint-save-top-k final-weights halves html junit quiet json`},
	{"Execution", "resume command config preset set backend parity plugin-dir device dtype precision threads max-time stop-after memory-limit memory num-workers prefetch-factor cuda from"},
	{"Rarely used", ""},
}

// fewFlags is the number of flags up to which a command lists them without groups.
const fewFlags = 8

// places are the places of the flags in flagGroups: the group, then the position in the group.
var places = func() map[string][2]int {
	out := map[string][2]int{}
	for group, g := range flagGroups {
		for i, name := range strings.Fields(g.names) {
			out[name] = [2]int{group, i}
		}
	}
	return out
}()

// placeOf returns the place of a flag.
func placeOf(name string) [2]int {
	if p, ok := places[name]; ok {
		return p
	}
	return [2]int{len(flagGroups) - 1, 0}
}

// sortFlags sorts the flags of a command by their groups.
func sortFlags(flags []cli.Flag) {
	at := map[cli.Flag][2]int{} // Names is slow: it runs a regular expression
	for _, f := range flags {
		at[f] = placeOf(f.Names()[0])
	}
	slices.SortStableFunc(flags, func(a, b cli.Flag) int {
		atA, atB := at[a], at[b]
		return slices.Compare(atA[:], atB[:])
	})
}

// flagsOfGroup are some flags of a command under a title.
type flagsOfGroup struct {
	title string
	flags []flagText
}

// groupsOf returns the visible flags of a command in their groups, or in one group where the command has few.
func groupsOf(c *cli.Command) []flagsOfGroup {
	flags := flagsOf(c)
	if len(flags) == 0 {
		return nil
	}
	if len(flags) <= fewFlags {
		return []flagsOfGroup{{"Flags", flags}}
	}
	var out []flagsOfGroup
	for _, f := range flags {
		title := flagGroups[placeOf(strings.TrimPrefix(f.names[0], "--"))[0]].title
		if n := len(out); n == 0 || out[n-1].title != title {
			out = append(out, flagsOfGroup{title: title})
		}
		last := &out[len(out)-1]
		last.flags = append(last.flags, f)
	}
	return out
}

// valueName returns the placeholder for the value of a flag: the possible values where they are few, else their kind.
func valueName(c *cli.Command, f cli.Flag) string {
	name := f.Names()[0]
	if fixed, ok := valueNames[name]; ok {
		return fixed
	}
	switch f.(type) {
	case *cli.IntFlag, *cli.Uint64Flag:
		return "N"
	case *cli.Float64Flag:
		return "X"
	case *cli.DurationFlag:
		return "TIME"
	case *cli.IntSliceFlag:
		return "N,N"
	}
	var values []string
	for _, v := range valuesOf(c, f, "") {
		switch v {
		case files:
			return "FILE"
		case folders:
			return "DIR"
		}
		values = append(values, v.text)
	}
	const few = 12 // values that fit in a line
	if len(values) > 0 && len(values) <= few {
		return strings.Join(values, "|")
	}
	if s, ok := settingOf(name); ok {
		switch s.Type() {
		case "integer":
			return "N"
		case "number":
			return "X"
		case "duration":
			return "TIME"
		}
	}
	return "TEXT"
}

// valueNames are the placeholders of flags for which neither the type nor a short list is right.
var valueNames = map[string]string{
	"backend": "NAME|PATH", "parity": "NAME,NAME", "preset": "NAME", "set": "KEY=VALUE", "fit": "LIST", "fault": "LIST", "device": "DEVICE", "box": "Y0 Y1 X0 X1",
	"centre": "ROW,COLUMN|auto", "hot-pixels": "PIXELS", "dark": "FILE", "flat": "FILE", "mask": "FILE",
	"export": "LIST", "resume": "RUN", "model-path": "RUN", "first-pass": "RUN", "mlflow-uri": "URI", "rows": "ROWS", "run": "REGEXP", "experiment-name": "NAME", "scheduler-milestones": "N,N",
}
