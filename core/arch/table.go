package arch

import (
	"fmt"
	"slices"
	"strings"
)

// architecture is a row of the table.
type architecture struct {
	name  string
	doc   string                          // what it is, continuing "name, "
	side  func(n int) error               // refuses patterns of n×n pixels that it cannot take
	build func(b builder, c Config) error // makes the values program.Patches and Merged

	// settings of core/config that it has and not every other does; whoever gives one to another architecture is told so.
	settings []string
	canvas   bool // a group of several patterns is merged on a canvas of Config.Canvas pixels
	groups   bool // the network sees all patterns of a group at once; without, each alone, and its weights fit any group
}

// table is every architecture, the default first.
var table = []architecture{
	{name: "unet", doc: "levels with skip connections, one pattern at a time", side: unetSide, build: unet},
	{name: "cnn", doc: "the published autoencoder, a group at a time", side: cnnSide, build: cnn,
		settings: []string{"amp-activation", "pad-object", "probe-big"}, canvas: true, groups: true},
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

// Doc says in words what there is to choose from.
func Doc() string {
	var out []string
	for _, a := range table {
		out = append(out, a.name+", "+a.doc)
	}
	return strings.Join(out, "; ")
}

// Settings lists those of an architecture that not every other has.
func Settings(name string) []string {
	a, _ := find(name) // Build refuses a name that there is not
	return slices.Clone(a.settings)
}

// Has says whether an architecture has one of those settings.
func Has(name, setting string) bool { return slices.Contains(Settings(name), setting) }

// Owners lists the architectures that have a setting; none are named where all of them do.
func Owners(setting string) []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return !Has(name, setting) })
}

// NeedsCanvas says whether Build wants to be told the side of a canvas.
func (c Config) NeedsCanvas() bool {
	a, _ := find(c.Arch)
	return a.canvas && c.Gridsize > 1
}

// CheckSide returns an error, which says what the architecture takes, if it cannot take patterns of n×n pixels.
func CheckSide(name string, n int) error {
	a, err := find(name)
	if err != nil {
		return err
	}
	return a.side(n)
}

// SeesGroups says whether the network of an architecture sees all patterns of a group at once.
func SeesGroups(name string) bool {
	a, _ := find(name)
	return a.groups
}
