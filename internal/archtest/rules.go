package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the module path that go.mod names.
const Module = "github.com/ptychogo/ptycho"

// maxLines is the limit for one idea per file. Generated files, such as tables, may be longer.
const maxLines = 400

// maxFunctionLines is the height of a screen.
const maxFunctionLines = 60

// A Violation is a file or an import that breaks a rule.
type Violation struct {
	File   string
	Import string // "" where the rule is not about an import
	Rule   string
}

func (v Violation) String() string {
	if v.Import == "" {
		return fmt.Sprintf("%s: %s", v.File, v.Rule)
	}
	return fmt.Sprintf("%s imports %q: %s", v.File, v.Import, v.Rule)
}

// A layer defines what the files below a folder may import. Paths of this module are written without the module path.
type layer struct {
	dir    string
	own    []string // folders of this module it may import, in addition to its own
	others []string // external modules it may import; none with any
	any    bool     // any external module
	tests  []string // folders of this module and external modules that only its tests may import
	rule   string
}

// core may be imported by all layers.
var core = []string{"core"}

// layers, most specific first: the first whose folder contains the file applies. Packages outside of all layers
// (cmd/ptycho, internal, bench) have no limits.
var layers = []layer{
	{dir: "internal/disk", others: []string{"golang.org/x/sys"},
		rule: "internal/disk uses the standard library, x/sys and what all may use, so that every layer can use it"},
	{dir: "core/config", own: core, others: []string{"gonum.org/v1/gonum", "gopkg.in/yaml.v3"},
		rule: "core/config uses the standard library, gonum, yaml and core"},
	{dir: "core/hdf5", others: []string{"github.com/klauspost/compress", "github.com/pierrec/lz4/v4"},
		rule: "core/hdf5 uses the standard library, klauspost/compress and pierrec/lz4, and nothing of core, so that it can be used by itself"},
	{dir: "internal/machine", others: []string{"golang.org/x/sys"},
		rule: "internal/machine uses the standard library and x/sys, so that every layer can use it"},
	{dir: "core", own: core, others: []string{"gonum.org/v1/gonum"}, tests: []string{"github.com/sbinet/npyio", "golang.org/x/image"}, // an independent reader of golden files; a picture
		rule: "core uses the standard library, gonum and core only, so that every backend can use core"},
	{dir: "sdk", own: core, any: true, tests: []string{"conformance"},
		rule: "sdk uses core, and never host, plugins or cmd, so that a third party's plugin does not include them"},
	{dir: "host", own: []string{"core", "sdk"}, any: true, tests: []string{"conformance"},
		rule: "host uses core and sdk; only cmd/ptycho knows which backends are bundled"},
	{dir: "conformance/command", own: []string{"core", "conformance", "host/plugin"}, tests: []string{"sdk"},
		rule: "conformance/command starts the program of a backend for the suite"},
	{dir: "conformance", own: []string{"core", "sdk/feed"}, others: []string{"gonum.org/v1/gonum"}, tests: []string{"sdk", "host/plugin", "plugins", "github.com/hashicorp/go-hclog",
		"github.com/santhosh-tekuri/jsonschema/v6", "github.com/joshdk/go-junit"}, // independent readers of the reports
		rule: "conformance uses core, and sdk/feed for its oracle, so that it cannot distinguish an in-process backend from a remote one"},
	{dir: "examples", own: []string{"core", "sdk", "conformance/oracle"}, tests: []string{"conformance"},
		rule: "an example uses core and sdk, as a third party would, and the oracle for its results"},
}

// fixtures provides files for tests. Any test may use it.
const fixtures = "internal/fixture"

// everywhere lists packages that every layer may use: each does one thing that is unrelated to ptychography.
var everywhere = []string{
	"internal/disk",
	"internal/machine",
	"internal/words",
}

// engines lists the modules of each plugin's engine; no other plugin may use them.
var engines = map[string][]string{
	"gorgonia": {"gorgonia.org", "github.com/chewxy/hm", "github.com/chewxy/math32", "gonum.org/v1/gonum",
		"go4.org/unsafe/assume-no-moving-gc"},
	"xla": {"github.com/gomlx", "golang.org/x/sys"},
}

// forbidden restricts external modules to some folders, in addition to the layers.
var forbidden = []struct {
	module string
	in     []string // the folders that may use it
	rule   string
}{
	{"google.golang.org/grpc", []string{"sdk", "host", "internal/bent"}, "gRPC stays in sdk, host and the tests of internal/bent: cmd and plugins use them indirectly"},
	{"github.com/hashicorp/go-plugin", []string{"sdk", "host", "internal/bent"}, "go-plugin stays in sdk, host and the tests of internal/bent"},
	{"github.com/hashicorp/go-hclog", []string{"sdk", "host", "cmd"}, "hclog stays in sdk, host and cmd: a backend logs through sdk"},
	{"github.com/urfave/cli/v2", []string{"cmd"}, "the command line library stays in cmd"},
	{"gorgonia.org", []string{"plugins/gorgonia"}, "the engine stays in its plugin"},
	{"github.com/gomlx", []string{"plugins/xla"}, "the engine stays in its plugin"},
}

// nameless are package names that do not describe their contents.
var nameless = []string{"util", "utils", "common", "helper", "helpers", "type", "types", "misc", "base", "shared"}

// Check returns every violation, sorted by file and import.
func Check(files []File) []Violation {
	var found []Violation
	for _, f := range files {
		found = append(found, checkFile(f)...)
	}
	slices.SortFunc(found, func(a, b Violation) int { return strings.Compare(a.String(), b.String()) })
	return found
}

func checkFile(f File) []Violation {
	var found []Violation
	if f.Lines > maxLines && !f.Generated && !f.Long {
		found = append(found, Violation{f.Path, "", fmt.Sprintf("%d lines, want at most %d: one idea a file, or a line %q at its head", f.Lines, maxLines, reason)})
	}
	for _, fn := range f.Functions {
		if !f.Generated {
			found = append(found, Violation{f.Path, "", fmt.Sprintf("%s has %d lines, want at most %d, or a line %q in its comment", fn.Name, fn.Lines, maxFunctionLines, reason)})
		}
	}
	name := strings.TrimSuffix(f.Package, "_test")
	dir := f.Dir()[strings.LastIndex(f.Dir(), "/")+1:]
	for _, n := range []string{name, dir} {
		if slices.Contains(nameless, n) {
			found = append(found, Violation{f.Path, "", fmt.Sprintf("the package name %s is too general: name its contents", n)})
			break
		}
	}
	for _, p := range f.Imports {
		if rule := checkImport(f, p); rule != "" {
			found = append(found, Violation{f.Path, p, rule})
		}
	}
	return found
}

// checkImport returns the rule that the import breaks, or "".
func checkImport(f File, importPath string) string {
	if standard(importPath) {
		return ""
	}
	own, isOwn := strings.CutPrefix(importPath, Module+"/")
	if isOwn && below(own, "cmd") && (own != path.Dir(f.Path) || !strings.HasSuffix(f.Path, "_test.go")) { // its own tests do
		return "nothing imports a command"
	}
	for _, x := range forbidden {
		if !isOwn && below(importPath, x.module) && !belowAny(f.Path, x.in) {
			return x.rule
		}
	}
	l, ok := layerOf(f)
	switch {
	case !ok:
		return ""
	case isOwn && (below(own, l.dir) || belowAny(own, l.own) || belowAny(own, everywhere) || f.Test() && (belowAny(own, l.tests) || own == fixtures)):
		return ""
	case !isOwn && (l.any || belowAny(importPath, l.others) || f.Test() && belowAny(importPath, l.tests)):
		return ""
	}
	return l.rule
}

// layerOf returns the layer of a file. The layer of a plugin is its folder: main.go uses sdk to communicate with the host;
// the packages below are the backend, which may use core, the batch feed and its engine.
func layerOf(f File) (layer, bool) {
	for _, l := range layers {
		if below(f.Path, l.dir) {
			return l, true
		}
	}
	rest, ok := strings.CutPrefix(f.Dir(), "plugins/")
	if !ok {
		return layer{}, false
	}
	name, _, backend := strings.Cut(rest, "/")
	dir := "plugins/" + name
	if backend {
		return layer{dir: dir, own: []string{"core", "sdk/feed"}, others: engines[name], tests: []string{"conformance"},
			rule: "a backend uses only core, sdk/feed and its engine; plugins/" + name + "/main.go uses the rest of sdk"}, true
	}
	return layer{dir: dir, own: []string{"core", "sdk"}, others: engines[name], tests: []string{"conformance"},
		rule: "a plugin uses core, sdk and its engine; never host, conformance or another plugin"}, true
}
