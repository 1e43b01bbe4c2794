package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// filePrefix begins the file name of every plugin that can be found by name.
const filePrefix = "ptycho-backend-"

// pathKey is the variable that lists further folders, separated as in PATH.
const pathKey = "PTYCHO_PLUGIN_PATH"

// Source is where a plugin was found.
type Source string

// The sources, in the order of the search.
const (
	Explicit  Source = "explicit path"
	Directory Source = "plugin directory"
	Installed Source = "installed"
	Beside    Source = "beside ptycho"
	Bundled   Source = "bundled"
)

// Found is a plugin that can be started.
type Found struct {
	Name     string
	Path     string // absolute
	Args     []string
	Source   Source
	SHA256   string    // digest to check at each start; empty: not recorded
	Manifest *manifest // of an installed plugin
	Shadowed []Found   // further matches, which are not started
	Problem  string    // why the plugin cannot be used, or ""
}

// ReplacesBundled reports whether the plugin replaces the bundled backend of the same name.
func (f Found) ReplacesBundled() bool {
	return slices.ContainsFunc(f.Shadowed, func(s Found) bool { return s.Source == Bundled })
}

// Bundle is a backend inside the ptycho executable, started as a separate process.
type Bundle struct {
	Name string
	Args []string // of the executable: plugin serve NAME
}

// Places are the places to search.
type Places struct {
	Dirs       []string // --plugin-dir, then PTYCHO_PLUGIN_PATH
	DataHome   string   // $XDG_DATA_HOME
	Executable string   // of ptycho, absolute
	Bundled    []Bundle
}

// DefaultPlaces returns the places from the environment and dirs, the folders of --plugin-dir.
func DefaultPlaces(dirs []string, bundled ...Bundle) (Places, error) {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		return Places{}, fmt.Errorf("plugins: the path of this program: %w", err)
	}
	p := Places{Dirs: slices.Clone(dirs), Executable: exe, Bundled: bundled}
	for _, d := range filepath.SplitList(os.Getenv(pathKey)) {
		if filepath.IsAbs(d) { // relative and empty paths depend on the current directory
			p.Dirs = append(p.Dirs, d)
		}
	}
	p.DataHome = os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(p.DataHome) { // the XDG specification ignores relative paths
		p.DataHome = ""
		if home, err := os.UserHomeDir(); err == nil {
			p.DataHome = filepath.Join(home, ".local", "share")
		}
	}
	return p, nil
}

// Find returns the plugin of a name, which is a path if it contains a slash, and otherwise the name of a backend.
func Find(name string, p Places) (Found, error) {
	if strings.ContainsRune(name, '/') || strings.ContainsRune(name, filepath.Separator) {
		return explicit(name)
	}
	if err := checkName(name); err != nil {
		return Found{}, err
	}
	all, err := p.named(name)
	if err != nil {
		return Found{}, err
	}
	if len(all) == 0 {
		return Found{}, backend.Errorf(backend.NotFound, "find backend", "unknown backend %q%s; see: ptycho plugins list", name, p.known())
	}
	first := all[0]
	first.Shadowed = all[1:]
	if first.Problem != "" {
		return Found{}, backend.Errorf(backend.Invalid, "find backend", "backend %s: %s", name, first.Problem)
	}
	return first, nil
}

func (p Places) known() string {
	var names []string
	for _, f := range List(p) {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (known: " + strings.Join(names, ", ") + ")"
}

// List returns all plugins by name, each with the plugins that it shadows, and with its problem if it cannot be used. It reads
// plugin.json and the modes of files and executes nothing.
func List(p Places) []Found {
	var names []string
	for _, dir := range p.folders() {
		entries, _ := os.ReadDir(dir.path) // a missing folder has no plugins
		for _, e := range entries {
			if name, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".exe"), filePrefix); ok {
				names = append(names, name)
			}
		}
	}
	entries, _ := os.ReadDir(p.installed())
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, b := range p.Bundled {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	var out []Found
	for _, name := range slices.Compact(names) {
		if checkName(name) != nil {
			continue
		}
		all, err := p.named(name)
		if err != nil {
			all = []Found{{Name: name, Problem: err.Error()}}
		}
		if len(all) > 0 {
			all[0].Shadowed = all[1:]
			out = append(out, all[0])
		}
	}
	return out
}

type folder struct {
	path   string
	source Source
}

// folders returns the folders that hold plugins as files named ptycho-backend-NAME.
func (p Places) folders() []folder {
	var out []folder
	for _, d := range p.Dirs {
		out = append(out, folder{d, Directory})
	}
	if p.Executable != "" {
		out = append(out, folder{filepath.Dir(p.Executable), Beside})
	}
	return out
}

func (p Places) installed() string {
	if p.DataHome == "" {
		return ""
	}
	return filepath.Join(p.DataHome, "ptycho", "plugins")
}

// named returns all matches of a name, in the order of the search.
func (p Places) named(name string) ([]Found, error) {
	var out []Found
	for _, dir := range p.folders() {
		if dir.source == Beside {
			continue
		}
		f, ok, err := inFolder(dir, name)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f)
		}
	}
	out = append(out, p.versions(name)...)
	if p.Executable != "" {
		f, ok, err := inFolder(folder{filepath.Dir(p.Executable), Beside}, name)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f)
		}
	}
	for _, b := range p.Bundled {
		if b.Name == name {
			out = append(out, Found{Name: name, Path: p.Executable, Args: b.Args, Source: Bundled})
		}
	}
	return out, nil
}

func inFolder(dir folder, name string) (Found, bool, error) {
	abs, err := filepath.Abs(dir.path)
	if err != nil {
		return Found{}, false, backend.Errorf(backend.Invalid, "find backend", "folder %s: %w", dir.path, err)
	}
	for _, suffix := range []string{"", ".exe"} {
		path := filepath.Join(abs, filePrefix+name+suffix)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		f := Found{Name: name, Path: path, Source: dir.source}
		if err := checkFile(path); err != nil {
			f.Problem = err.Error()
		}
		return f, true, nil
	}
	return Found{}, false, nil
}

func explicit(path string) (Found, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Found{}, backend.Errorf(backend.Invalid, "find backend", "%s: %w", path, err)
	}
	if err := checkFile(abs); err != nil {
		kind := backend.Invalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = backend.NotFound
		}
		return Found{}, backend.Errorf(kind, "find backend", "%w", err)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(abs), filePrefix), ".exe")
	return Found{Name: name, Path: abs, Source: Explicit}, nil
}

// checkName rejects names that could lead out of the searched folders.
func checkName(name string) error {
	ok := name != "" && len(name) <= 64 && name[0] != '.' && name[0] != '-'
	for _, c := range name {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c))
	}
	if !ok {
		return backend.Errorf(backend.Invalid, "find backend", "%q is not a valid name of a backend: use only letters, digits and - _ . (a path needs a slash)", name)
	}
	return nil
}
