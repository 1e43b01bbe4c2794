package arch

import (
	"fmt"
	"slices"
	"strings"
)

// architecture is a row of the table.
type architecture struct {
	name  string
	doc   string                          // short description, which continues "name, "
	side  func(n int) error               // returns an error for patterns of n×n pixels that do not fit
	build func(b builder, c Config) error // writes the values program.Patches and Merged

	// settings of core/config that this architecture has and not every other one. Setting one for another architecture is
	// an error.
	settings []string
	canvas   bool // a group of several patterns is merged on a canvas of Config.Canvas pixels
	groups   bool // the network sees all patterns of a group at once, unless they are separate; see SeesGroups
	corrects bool // it can correct the image of a first network; see Config.FirstPass
}

// table lists the architectures, the default first.
var table = []architecture{
	{name: "unet", doc: "levels with skip connections, one pattern at a time", side: unetSide, build: unet, corrects: true,
		settings: []string{"start"}},
	{name: "cnn", doc: "the published autoencoder, a group at a time", side: cnnSide, build: cnn,
		settings: []string{"amp-activation", "pad-object", "probe-big", "standardise-input", "back-projection", "align-input", "separate-patterns"}, canvas: true, groups: true},
}

func find(name string) (architecture, error) {
	if name == "" {
		return table[0], nil
	}
	i := slices.IndexFunc(table, func(a architecture) bool { return a.name == name })
	if i < 0 {
		return architecture{}, fmt.Errorf("arch: unknown architecture %q, want one of %s", name, strings.Join(Names(), ", "))
	}
	return table[i], nil
}

// Names lists the architectures, the default first.
func Names() []string {
	var out []string
	for _, a := range table {
		out = append(out, a.name)
	}
	return out
}

// Doc describes the architectures for a help text.
func Doc() string {
	var out []string
	for _, a := range table {
		out = append(out, a.name+", "+a.doc)
	}
	return strings.Join(out, "; ")
}

// Settings lists the settings of an architecture that not every other one has.
func Settings(name string) []string {
	a, _ := find(name) // Build rejects unknown names
	return slices.Clone(a.settings)
}

// Has reports whether an architecture has one of those settings.
func Has(name, setting string) bool { return slices.Contains(Settings(name), setting) }

// Owners lists the architectures that have a setting. It is empty for a setting that all of them have.
func Owners(setting string) []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return !Has(name, setting) })
}

// NeedsCanvas reports whether Build needs the side of a canvas.
func (c Config) NeedsCanvas() bool {
	a, _ := find(c.Arch)
	return a.canvas && c.Gridsize > 1 && !c.Separate
}

// CheckSide returns an error with the accepted sizes if the architecture cannot use patterns of n×n pixels.
func CheckSide(name string, n int) error {
	a, err := find(name)
	if err != nil {
		return err
	}
	return a.side(n)
}

// Sides returns the largest side of patterns up to n, and the smallest from n on, that the architecture can use; 0 where it has none.
func Sides(name string, n int) (down, up int) {
	a, err := find(name)
	if err != nil {
		return 0, 0
	}
	for down = n; down > 0 && a.side(down) != nil; down-- {
	}
	for up = n; up <= largestSide && a.side(up) != nil; up++ {
	}
	if up > largestSide {
		up = 0
	}
	return down, up
}

// largestSide is the largest side of patterns that are read.
const largestSide = 1024

// SeesGroups reports whether the network sees all patterns of a group at once. Otherwise it sees each separately, and its weights
// fit any group size.
func (c Config) SeesGroups() bool {
	a, _ := find(c.Arch)
	return a.groups && !c.Separate
}
