package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho/core/config"
)

// free are the flags with numbers, names or expressions as values, for which a shell has no candidates.
var free = strings.Fields(`batch-size shape dtype skip-bytes gap-bytes gridsize n n-filters-scale steps threads num-workers prefetch-factor run rows box mlflow-uri
	object-size probe-radius n-images overlap jitter nphotons seed max-epochs iterations modes position-bound preview time-limit
	data-path y-path x-path probe-path energy electron-energy wavelength distance detector-pixel-size crop
	centre bin pad mask hot-pixels dark flat offset gain skip timeout repeat shuffle python version`)

// TestComplete_EveryFlagOffersItsValues checks that each flag with a value has candidates, or is free.
func TestComplete_EveryFlagOffersItsValues(t *testing.T) {
	app := newApp()
	var walk func(path []string, commands []*cli.Command)
	walk = func(path []string, commands []*cli.Command) {
		for _, c := range commands {
			if c.Hidden {
				continue
			}
			words := append(slices.Clone(path), c.Name)
			walk(words, c.Subcommands)
			for _, f := range c.Flags {
				name := f.Names()[0]
				if visible, ok := f.(cli.VisibleFlag); !takesValue(f) || ok && !visible.IsVisible() || slices.Contains(free, name) {
					continue
				}
				if s, ok := settingOf(name); ok && !s.Path && len(s.Enum) == 0 && name != "backend" && name != "device" {
					continue // a number or a text
				}
				if found := complete(app, append(slices.Clone(words), "--"+name, "")); len(found) == 0 {
					t.Errorf("ptycho %s --%s offers nothing", strings.Join(words, " "), name)
				}
			}
		}
	}
	walk(nil, newApp().Commands)
}

// TestComplete_OffersWhatIsAccepted parses each offered value of a setting.
func TestComplete_OffersWhatIsAccepted(t *testing.T) {
	for _, s := range config.Settings(config.Train | config.Infer) {
		for _, v := range valuesOfSetting(s, "") {
			if v == files || v == folders {
				continue
			}
			if _, err := config.Sketch(config.Train, config.Set(s.Key()+"="+v.text)); err != nil && strings.Contains(err.Error(), "must be") {
				t.Errorf("%s offers %q: %v", s.Key(), v.text, err)
			}
		}
	}
}

// TestComplete_ValuesBelongToTheCommand has flags that mean another thing in another command, and lists that grow elsewhere.
func TestComplete_ValuesBelongToTheCommand(t *testing.T) {
	for line, want := range map[string]string{
		"conformance --dtype": "float32 float64", "train --dtype": "", // of a file of numbers
		"conformance --level":  "0 1 2 3 4",
		"simulate --positions": "random raster", "simulate --object": "lines fields cells blocks",
	} {
		var got []string
		for _, c := range complete(newApp(), append(strings.Fields(line), "")) {
			got = append(got, c.text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s offers %q, want %q", line, got, want)
		}
	}
}
