package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// program writes a program that leaves a trace if it is executed, which must never happen.
func pluginFile(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\ntouch \"$0.ran\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func install(t *testing.T, p Places, name, version, protocol string) string {
	t.Helper()
	dir := filepath.Join(p.installed(), name, version)
	path := pluginFile(t, filepath.Join(dir, "run"))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	m, err := json.Marshal(manifest{Name: name, Version: version, Protocol: protocol, File: "run", SHA256: hex.EncodeToString(sum[:]),
		Capabilities: []backend.Capability{backend.CanTrain}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifestName), m, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func places(t *testing.T) Places {
	t.Helper()
	root := t.TempDir()
	return Places{
		Dirs:       []string{filepath.Join(root, "dir1"), filepath.Join(root, "dir2")},
		DataHome:   filepath.Join(root, "data"),
		Executable: pluginFile(t, filepath.Join(root, "bin", "ptycho")),
		Bundled:    []Bundle{{Name: "toy", Args: []string{"plugin", "serve", "toy"}}},
	}
}

func TestFind_FirstMatchShadowsOthers(t *testing.T) {
	p := places(t)
	want := []string{ // in the order of the search
		pluginFile(t, filepath.Join(p.Dirs[0], filePrefix+"toy")),
		pluginFile(t, filepath.Join(p.Dirs[1], filePrefix+"toy")),
		install(t, p, "toy", "1.10.0", "2.0"),
		install(t, p, "toy", "1.9.0", "2.0"),
		pluginFile(t, filepath.Join(filepath.Dir(p.Executable), filePrefix+"toy")),
		p.Executable,
	}
	sources := []Source{Directory, Directory, Installed, Installed, Beside, Bundled}
	for len(want) > 0 {
		f, err := Find("toy", p)
		if err != nil {
			t.Fatal(err)
		}
		if f.ReplacesBundled() != (f.Source != Bundled) {
			t.Errorf("%s: says that it replaces the bundled one: %v", f.Source, f.ReplacesBundled())
		}
		all := append([]Found{f}, f.Shadowed...)
		var paths []string
		for i, g := range all {
			paths = append(paths, g.Path)
			if g.Source != sources[i] || g.Problem != "" || (g.SHA256 != "") != (g.Source == Installed) {
				t.Errorf("%+v, want source %q", g, sources[i])
			}
		}
		if !reflect.DeepEqual(paths, want) {
			t.Fatalf("found %v, want %v", paths, want)
		}
		if len(want) > 1 { // remove the first and search again
			gone := want[0]
			if f.Source == Installed {
				gone = filepath.Dir(gone)
			}
			if err := os.RemoveAll(gone); err != nil {
				t.Fatal(err)
			}
		} else if !reflect.DeepEqual(f.Args, []string{"plugin", "serve", "toy"}) {
			t.Errorf("bundled with %v", f.Args)
		}
		want, sources = want[1:], sources[1:]
	}
}

func TestFind_ExplicitPaths(t *testing.T) {
	p := places(t)
	path := pluginFile(t, filepath.Join(t.TempDir(), filePrefix+"mine"))
	f, err := Find(path, p)
	if err != nil || f.Path != path || f.Name != "mine" || f.Source != Explicit {
		t.Errorf("%+v, %v", f, err)
	}
	t.Chdir(filepath.Dir(path))
	if f, err := Find("./"+filePrefix+"mine", p); err != nil || filepath.Base(f.Path) != filePrefix+"mine" || !filepath.IsAbs(f.Path) {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := Find("mine", p); err == nil {
		t.Errorf("found in the current directory: %+v", f)
	}
}

// TestFind_RefusesUntrusted checks every searched place.
// Long: a table of places and faults.
func TestFind_RefusesUntrusted(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, p Places) string
		kind    backend.Kind
		say     string
	}{
		"missing":        {func(*testing.T, Places) string { return "other" }, backend.NotFound, "known: toy"},
		"missing path":   {func(_ *testing.T, p Places) string { return p.Dirs[0] + "/x" }, backend.NotFound, "no such file"},
		"way out":        {func(*testing.T, Places) string { return ".." }, backend.Invalid, "not a valid name"},
		"empty":          {func(*testing.T, Places) string { return "" }, backend.Invalid, "not a valid name"},
		"folder":         {func(t *testing.T, p Places) string { return filepath.Dir(p.Executable) }, backend.Invalid, "not a regular file"},
		"group-writable": {writable(0o775), backend.Invalid, "chmod g-w"},
		"world-writable": {writable(0o757), backend.Invalid, "chmod o-w"},
		"not executable": {writable(0o644), backend.Invalid, "chmod u+x"},
		"writable installed": {func(t *testing.T, p Places) string {
			return "toy" + chmod(t, install(t, p, "toy", "1.0.0", "2.0"), 0o777)
		}, backend.Invalid, "chmod go-w"},
		"writable manifest": {func(t *testing.T, p Places) string {
			return "toy" + chmod(t, filepath.Join(filepath.Dir(install(t, p, "toy", "1.0.0", "2.0")), manifestName), 0o666)
		}, backend.Invalid, "chmod go-w"},
		"writable folder of versions": {func(t *testing.T, p Places) string {
			return "toy" + chmod(t, filepath.Dir(filepath.Dir(install(t, p, "toy", "1.0.0", "2.0"))), 0o777)
		}, backend.Invalid, "chmod go-w"},
		"writable data folder": {func(t *testing.T, p Places) string {
			install(t, p, "toy", "1.0.0", "2.0")
			return "toy" + chmod(t, p.DataHome, 0o777)
		}, backend.Invalid, "chmod go-w"},
		"writable plugin folder": {func(t *testing.T, p Places) string {
			pluginFile(t, filepath.Join(p.Dirs[0], filePrefix+"toy"))
			return "toy" + chmod(t, p.Dirs[0], 0o777)
		}, backend.Invalid, "chmod go-w"},
		"writable folder above": {func(t *testing.T, p Places) string {
			pluginFile(t, filepath.Join(p.Dirs[0], filePrefix+"toy"))
			return "toy" + chmod(t, filepath.Dir(p.Dirs[0]), 0o777)
		}, backend.Invalid, "chmod go-w"},
		"writable folder beside ptycho": {func(t *testing.T, p Places) string {
			pluginFile(t, filepath.Join(filepath.Dir(p.Executable), filePrefix+"toy"))
			return "toy" + chmod(t, filepath.Dir(p.Executable), 0o777)
		}, backend.Invalid, "chmod go-w"},
		"explicit in a writable folder": {func(t *testing.T, p Places) string {
			path := pluginFile(t, filepath.Join(p.Dirs[0], filePrefix+"toy"))
			return path + chmod(t, p.Dirs[0], 0o777)
		}, backend.Invalid, "chmod go-w"},
		"endless manifest": {func(t *testing.T, p Places) string {
			path := filepath.Join(filepath.Dir(install(t, p, "toy", "1.0.0", "2.0")), manifestName)
			if err := errors.Join(os.Remove(path), os.Symlink("/dev/zero", path)); err != nil {
				t.Fatal(err)
			}
			return "toy"
		}, backend.Invalid, "not a regular file"},
		"writable version": {func(t *testing.T, p Places) string {
			return "toy" + chmod(t, filepath.Dir(install(t, p, "toy", "1.0.0", "2.0")), 0o777)
		}, backend.Invalid, "chmod go-w"},
		"no manifest": {func(t *testing.T, p Places) string {
			os.Remove(filepath.Join(filepath.Dir(install(t, p, "toy", "1.0.0", "2.0")), manifestName))
			return "toy"
		}, backend.Invalid, "install it again"},
		"another protocol": {func(t *testing.T, p Places) string {
			install(t, p, "toy", "1.0.0", "10.2")
			return "toy"
		}, backend.Invalid, fmt.Sprintf("protocol 10.2, but this ptycho speaks %d.%d", backend.ProtocolMajor, backend.ProtocolMinor)},
	} {
		t.Run(name, func(t *testing.T) {
			p := places(t)
			f, err := Find(c.prepare(t, p), p)
			if err == nil || backend.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.say) {
				t.Errorf("found %+v, error %v (%v), want %v with %q", f, err, backend.KindOf(err), c.kind, c.say)
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) string {
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return ""
}

func writable(mode os.FileMode) func(*testing.T, Places) string {
	return func(t *testing.T, p Places) string {
		chmod(t, pluginFile(t, filepath.Join(p.Dirs[0], filePrefix+"toy")), mode)
		return "toy"
	}
}

func TestList_ExecutesNothing(t *testing.T) {
	p := places(t)
	pluginFile(t, filepath.Join(p.Dirs[0], filePrefix+"mine"))
	chmod(t, pluginFile(t, filepath.Join(p.Dirs[1], filePrefix+"open")), 0o777)
	pluginFile(t, filepath.Join(p.Dirs[1], "unrelated"))
	install(t, p, "toy", "2.0.0", "2.0")
	list := List(p)
	if len(list) != 3 || list[0].Name != "mine" || list[1].Problem == "" || list[2].Manifest == nil || list[2].Manifest.Version != "2.0.0" ||
		len(list[2].Shadowed) != 1 {
		t.Errorf("%+v", list)
	}
	ran, err := filepath.Glob(filepath.Join(filepath.Dir(p.Dirs[0]), "*", "*.ran"))
	if err != nil || len(ran) > 0 {
		t.Errorf("executed: %v, %v", ran, err)
	}
}

func TestDefaultPlaces_ReadEnvironment(t *testing.T) {
	t.Setenv(pathKey, "/a"+string(os.PathListSeparator)+string(os.PathListSeparator)+"."+string(os.PathListSeparator)+"/b")
	t.Setenv("XDG_DATA_HOME", "/data")
	p, err := DefaultPlaces([]string{"flag"})
	if err != nil || !reflect.DeepEqual(p.Dirs, []string{"flag", "/a", "/b"}) || p.DataHome != "/data" || !filepath.IsAbs(p.Executable) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestCompareVersions_AsNumbers(t *testing.T) {
	ascending := []string{"0.9", "1.0.0-rc1", "1.0.0-rc2", "1.0.0", "v1.0.1", "1.9.0", "1.10.0", "2"}
	for i := range ascending[1:] {
		if a, b := ascending[i], ascending[i+1]; compareVersions(a, b) >= 0 || compareVersions(b, a) <= 0 {
			t.Errorf("%s is not older than %s", a, b)
		}
	}
	if compareVersions("1.0", "1.0.0") != 0 {
		t.Error("1.0 is not 1.0.0")
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"name":"toy","version":"1","protocol":"1.0","file":"run","sha256":"` + strings.Repeat("0f", 32) + `"}`))
	f.Add([]byte(`{"name":"toy","protocol":"1.0","file":"../run"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseManifest(raw)
		if err == nil && (filepath.Base(m.File) != m.File || checkName(m.Name) != nil || len(m.SHA256) != 64) {
			t.Errorf("accepted %+v", m)
		}
	})
}
