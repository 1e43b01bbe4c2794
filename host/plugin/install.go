package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/disk"
)

// This file changes the folder of installed plugins, PLACE/NAME/VERSION with the program and its plugin.json. A version appears
// and disappears by the renaming of its folder; names that begin with a dot are unfinished and are listed by nobody.

// The beginnings of the names of other folders of a backend: of versions on their way in and out, and of Python environments.
const (
	newPrefix         = ".new-"
	oldPrefix         = ".old-"
	environmentPrefix = ".python-"
)

// FlagError asks for a flag that says what is wanted.
type FlagError struct{ sentence string }

func (e *FlagError) Error() string { return e.sentence }

// Install starts the program of s once, to ask what it is, and copies it to the folder of installed plugins with a description
// and its digest. An installed version of the same number is an error unless replace is set.
func Install(ctx context.Context, s Spec, p Places, replace bool) (Found, error) {
	unlock, err := p.lock()
	if err != nil {
		return Found{}, err
	}
	defer unlock()
	return p.install(ctx, s, "", replace)
}

// install is Install with the lock held. want is the name that the program must report, or "".
func (p Places) install(ctx context.Context, s Spec, want string, replace bool) (Found, error) {
	process, err := Start(ctx, s)
	if err != nil {
		return Found{}, err
	}
	info := process.Info()
	if err := process.Stop(ctx); err != nil {
		return Found{}, err
	}
	if err := checkName(info.Name); err != nil {
		return Found{}, err
	}
	if want != "" && info.Name != want {
		return Found{}, invalid("the package announces the backend %s, but its program reports the name %s", want, info.Name)
	}
	if checkName(info.Version) != nil {
		return Found{}, invalid("%s reports the version %.80q, which cannot be the name of a folder: use only letters, digits and - _ .", s.Path, info.Version)
	}
	parent := filepath.Join(p.installed(), info.Name)
	if _, err := os.Lstat(filepath.Join(parent, info.Version)); err == nil && !replace {
		return Found{}, &FlagError{fmt.Sprintf("%s %s is installed in %s; to replace it, add --overwrite", info.Name, info.Version, filepath.Join(parent, info.Version))}
	}
	if err := disk.MkdirAll(parent); err != nil {
		return Found{}, fmt.Errorf("install %s: %w", info.Name, err)
	}
	fresh, err := os.MkdirTemp(parent, newPrefix)
	if err != nil {
		return Found{}, fmt.Errorf("install %s: %w", info.Name, err)
	}
	defer os.RemoveAll(fresh) // after its renaming this finds nothing
	if err := fill(fresh, s, info); err != nil {
		return Found{}, fmt.Errorf("install %s: %w", info.Name, err)
	}
	if err := exchange(fresh, filepath.Join(parent, info.Version)); err != nil {
		return Found{}, fmt.Errorf("install %s: %w", info.Name, err)
	}
	sweepUnfinished(parent)
	f := Found{Name: info.Name, Path: filepath.Join(parent, info.Version), Source: Installed}
	err = f.load(f.Path, info.Name)
	if err != nil {
		err = backend.Errorf(backend.Invalid, "install", "%s was copied, but cannot be used: %w", info.Name, err)
	}
	return f, err
}

// fill writes the program and its description to a new folder.
func fill(folder string, s Spec, info backend.Info) error {
	if err := os.Chmod(folder, 0o755); err != nil { //nolint:gosec // other users may list and run, not change
		return err
	}
	m := manifest{Name: info.Name, Version: info.Version, Protocol: fmt.Sprintf("%d.%d", info.ProtocolMajor, info.ProtocolMinor),
		File: filePrefix + info.Name, Args: s.Args, Engine: info.Engine, Capabilities: info.Capabilities}
	if strings.HasSuffix(s.Path, ".exe") {
		m.File += ".exe"
	}
	from, err := openTrusted(s.Path)
	if err != nil {
		return err
	}
	defer from.Close()
	sum := sha256.New()
	path := filepath.Join(folder, m.File)
	if err := disk.WriteFrom(path, func(w io.Writer) error {
		_, err := io.Copy(io.MultiWriter(w, sum), from)
		return err
	}); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o755); err != nil { //nolint:gosec // a program
		return err
	}
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	description := filepath.Join(folder, manifestName)
	if err := disk.Write(description, append(raw, '\n')); err != nil {
		return err
	}
	return os.Chmod(description, 0o644) //nolint:gosec // readable, and not writable for a group whatever the umask
}

// exchange gives the folder fresh its name. A folder that has the name is removed afterwards.
func exchange(fresh, name string) error {
	if _, err := os.Lstat(name); err == nil {
		if err := swap(fresh, name); err != nil {
			return err
		}
	} else if err := os.Rename(fresh, name); err != nil {
		return err
	}
	if err := disk.SyncFolder(filepath.Dir(name)); err != nil {
		return err
	}
	return os.RemoveAll(fresh) // now the old version, if there was one
}

// swapByName exchanges the names of two folders by a third name beside b.
func swapByName(a, b string) error {
	between := filepath.Join(filepath.Dir(b), oldPrefix+filepath.Base(b))
	if err := os.Rename(b, between); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		_ = os.Rename(between, b) // the error of the first failure counts
		return err
	}
	return os.Rename(between, a)
}

// lock makes this process the only one that changes installed plugins. The returned function ends that.
func (p Places) lock() (unlock func(), err error) {
	if p.installed() == "" {
		return nil, invalid("neither XDG_DATA_HOME nor HOME is set, so the folder of installed plugins is not known; set one of them")
	}
	if err := disk.MkdirAll(p.installed()); err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(p.installed(), ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	held, err := disk.TryLock(f)
	if err == nil && !held { // a file system without locks is used without one
		f.Close()
		return nil, backend.Errorf(backend.Unavailable, "install", "another ptycho is installing or removing a plugin in %s; wait until it has ended", p.installed())
	}
	return func() { f.Close() }, nil
}

// sweepUnfinished removes what installations and removals that were killed left in the folder of a backend, and the Python
// environments that no installed version starts.
func sweepUnfinished(parent string) {
	entries, _ := os.ReadDir(parent) // an error means that none is there
	var scripts []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			scripts = append(scripts, firstBytes(filepath.Join(parent, e.Name(), filePrefix+filepath.Base(parent))))
		}
	}
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		used := func(script string) bool { return strings.Contains(script, path+string(filepath.Separator)) }
		switch {
		case strings.HasPrefix(e.Name(), newPrefix), strings.HasPrefix(e.Name(), oldPrefix),
			strings.HasPrefix(e.Name(), environmentPrefix) && !slices.ContainsFunc(scripts, used):
			_ = os.RemoveAll(path) // what stays is listed by nobody
		}
	}
}

// firstBytes returns the beginning of a file, where a script names its interpreter, or "".
func firstBytes(path string) string {
	f, _, err := disk.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 8<<10))
	if err != nil {
		return ""
	}
	return string(b)
}

// Remove removes an installed version of a backend, and the only one if version is "".
func Remove(name, version string, p Places) (Found, error) {
	if err := checkName(name); err != nil {
		return Found{}, err
	}
	unlock, err := p.lock()
	if err != nil {
		return Found{}, err
	}
	defer unlock()
	all := p.versions(name)
	var names []string
	chosen := -1
	for i, f := range all {
		v := f.Version()
		names = append(names, v)
		if v == version || version == "" && len(all) == 1 {
			chosen = i
		}
	}
	switch {
	case len(all) == 0:
		return Found{}, backend.Errorf(backend.NotFound, "remove", "the backend %q is not installed; see: ptycho plugins list", name)
	case chosen < 0 && version == "":
		return Found{}, &FlagError{fmt.Sprintf("%s is installed in %d versions, %s; add --version", name, len(all), strings.Join(names, ", "))}
	case chosen < 0:
		return Found{}, backend.Errorf(backend.NotFound, "remove", "version %s of %s is not installed; these are: %s", version, name, strings.Join(names, ", "))
	}
	parent := filepath.Join(p.installed(), name)
	old := filepath.Join(parent, oldPrefix+names[chosen])
	if err := os.RemoveAll(old); err != nil {
		return Found{}, fmt.Errorf("remove %s: %w", name, err)
	}
	if err := os.Rename(filepath.Join(parent, names[chosen]), old); err != nil {
		return Found{}, fmt.Errorf("remove %s: %w", name, err)
	}
	if err := os.RemoveAll(old); err != nil {
		return Found{}, fmt.Errorf("remove %s: %w", name, err)
	}
	sweepUnfinished(parent)
	_ = os.Remove(parent) // fails, and stays, while it holds another version
	return all[chosen], nil
}

// AllInstalled returns all installed versions of a backend, or of all backends if name is "". It executes nothing.
func AllInstalled(name string, p Places) ([]Found, error) {
	if name == "" {
		var all []Found
		entries, _ := os.ReadDir(p.installed()) // a missing folder has no plugins
		for _, e := range entries {
			if checkName(e.Name()) == nil {
				all = append(all, p.versions(e.Name())...)
			}
		}
		return all, nil
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	all := p.versions(name)
	if len(all) == 0 {
		return nil, backend.Errorf(backend.NotFound, "find backend", "the backend %q is not installed; see: ptycho plugins list", name)
	}
	return all, nil
}

// Version returns the version of an installed plugin, which is the name of its folder, or "".
func (f Found) Version() string {
	switch {
	case f.Source != Installed:
		return ""
	case f.Manifest != nil:
		return filepath.Base(filepath.Dir(f.Path))
	}
	return filepath.Base(f.Path)
}

// Verify compares a plugin's file with the digest that was recorded at its installation. It executes nothing.
func Verify(f Found) error {
	if f.Problem != "" {
		return invalid("backend %s: %s", f.Name, f.Problem)
	}
	s := Spec{Name: f.Name, Path: f.Path, SHA256: f.SHA256}
	file, err := s.open()
	if err != nil {
		return err
	}
	return file.Close()
}

func invalid(format string, args ...any) error {
	return backend.Errorf(backend.Invalid, "install", format, args...)
}
