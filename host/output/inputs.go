package output

import (
	"regexp"

	"github.com/ptychogo/ptycho/core/config"
)

// lineOf matches the line number after the name of a settings file in an origin.
var lineOf = regexp.MustCompile(`:\d+$`)

// SettingsFiles returns the files of settings, as inputs.
func SettingsFiles(values []config.Value) []Input {
	var inputs []Input
	seen := map[string]bool{}
	add := func(o config.Origin) {
		path := lineOf.ReplaceAllString(o.Where, "")
		if o.Layer == config.FileLayer && !seen[path] {
			seen[path] = true
			inputs = append(inputs, Input{Name: "--config", Path: path})
		}
	}
	for _, v := range values {
		add(v.Origin)
		for _, o := range v.Overrode {
			add(o.Origin)
		}
	}
	return inputs
}
