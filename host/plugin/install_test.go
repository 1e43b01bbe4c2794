//go:build unix

package plugin

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// toyScript writes a script that starts this test's toy backend, and returns its Spec.
func toyScript(t *testing.T, more string) Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filePrefix+"toy")
	if err := os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\n%s=plugin exec %s # %s\n", roleKey, self, more), 0o755); err != nil {
		t.Fatal(err)
	}
	return Spec{Path: path}
}

func emptyPlaces(t *testing.T) Places {
	t.Helper()
	return Places{DataHome: t.TempDir()}
}

func installToy(t *testing.T, p Places, more string) Found {
	t.Helper()
	f, err := Install(t.Context(), toyScript(t, more), p, false)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestInstall_IsFoundByNameAndStarts(t *testing.T) {
	p := emptyPlaces(t)
	installed := installToy(t, p, "")
	f, err := Find("toy", p)
	if err != nil || f.Path != installed.Path || f.SHA256 == "" {
		t.Fatalf("found %+v, %v; installed %+v", f, err, installed)
	}
	process := start(t, Spec{Name: f.Name, Path: f.Path, Args: f.Args, SHA256: f.SHA256})
	if err := process.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if capabilities := process.Info().Capabilities; !slices.Equal(f.Manifest.Capabilities, capabilities) {
		t.Errorf("the description lists %v, the backend %v", f.Manifest.Capabilities, capabilities)
	}
}

func TestInstall_ReplacesOnlyOnRequest(t *testing.T) {
	p := emptyPlaces(t)
	first := installToy(t, p, "one")
	_, err := Install(t.Context(), toyScript(t, "two"), p, false)
	if f := (*FlagError)(nil); !errors.As(err, &f) {
		t.Errorf("a second installation: %v", err)
	}
	second, err := Install(t.Context(), toyScript(t, "two"), p, true)
	if err != nil || second.SHA256 == first.SHA256 || second.Path != first.Path {
		t.Errorf("replaced: %+v, %v; before: %+v", second, err, first)
	}
	parent := filepath.Dir(filepath.Dir(second.Path))
	if names := entryNames(t, parent); len(names) != 1 {
		t.Errorf("%s holds %v, want one version", parent, names)
	}
}

func entryNames(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestInstall_SweepsWhatAKillLeft(t *testing.T) {
	p := emptyPlaces(t)
	parent := filepath.Join(p.installed(), "toy")
	for _, name := range []string{".new-1", ".old-1.0", ".python-7/bin"} {
		if err := os.MkdirAll(filepath.Join(parent, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if f := installToy(t, p, ""); len(entryNames(t, parent)) != 1 {
		t.Errorf("%s holds %v beside %s", parent, entryNames(t, parent), f.Path)
	}
}

func TestInstall_KeepsAnEnvironmentInUse(t *testing.T) {
	p := emptyPlaces(t)
	parent := filepath.Join(p.installed(), "toy")
	used := filepath.Join(parent, ".python-1")
	if err := os.MkdirAll(used, 0o755); err != nil {
		t.Fatal(err)
	}
	installToy(t, p, filepath.Join(used, "bin/python"))
	sweepUnfinished(parent)
	if _, err := os.Stat(used); err != nil {
		t.Error("the environment that the installed script names was removed")
	}
	if _, err := Remove("toy", "", p); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(parent); err == nil {
		t.Errorf("after its removal the backend has %v", entryNames(t, parent))
	}
}

func TestVerify_FindsAChangedFile(t *testing.T) {
	p := emptyPlaces(t)
	f := installToy(t, p, "")
	if err := Verify(f); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	if err := os.WriteFile(f.Path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantKind(t, Verify(f), backend.Invalid, "the file was changed")
}

func TestRemove_AsksForTheVersion(t *testing.T) {
	p := places(t)
	install(t, p, "toy", "1.0", "2.0")
	install(t, p, "toy", "1.1", "2.0")
	_, err := Remove("toy", "", p)
	if f := (*FlagError)(nil); !errors.As(err, &f) || !strings.Contains(err.Error(), "1.1, 1.0") {
		t.Errorf("without a version: %v", err)
	}
	_, err = Remove("toy", "1.2", p)
	wantKind(t, err, backend.NotFound, "1.1, 1.0")
	if f, err := Remove("toy", "1.0", p); err != nil || f.Version() != "1.0" {
		t.Errorf("removed %+v, %v", f, err)
	}
	if all := p.versions("toy"); len(all) != 1 || all[0].Version() != "1.1" {
		t.Errorf("%+v stay", all)
	}
	_, err = Remove("../toy", "", p)
	wantKind(t, err, backend.Invalid, "not a valid name")
}

func TestInstallWheels_RejectsWhatAnnouncesNoBackend(t *testing.T) {
	dir := t.TempDir()
	wheel := func(name, member, text string) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z := zip.NewWriter(f)
		w, err := z.Create(member)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := filepath.Join(dir, "plain.whl")
	if err := os.WriteFile(plain, []byte("no zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "[console_scripts]\nptycho-backend-%s = a:b\n"
	one := wheel("one.whl", "one-1.dist-info/entry_points.txt", fmt.Sprintf(script, "one"))
	for _, c := range []struct {
		wheels []string
		want   string
	}{
		{[]string{plain}, "not a wheel"},
		{[]string{wheel("none.whl", "none-1.dist-info/METADATA", "")}, "no package has a console script"},
		{[]string{wheel("group.whl", "group-1.dist-info/entry_points.txt", "[other]\nptycho-backend-a = a:b\n")}, "no package has a console script"},
		{[]string{one, wheel("two.whl", "two-1.dist-info/entry_points.txt", fmt.Sprintf(script, "two"))}, "one after the other"},
		{[]string{wheel("climb.whl", "climb-1.dist-info/entry_points.txt", fmt.Sprintf(script, "../../x"))}, "not a valid name"},
		{[]string{filepath.Join(dir, "missing.whl")}, "no such file"},
	} {
		_, err := InstallWheels(t.Context(), c.wheels, "python-that-must-not-start", Spec{}, emptyPlaces(t), false, os.Stderr)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.wheels, err, c.want)
		}
	}
	_, err := InstallWheels(t.Context(), []string{one}, "python-that-must-not-start", Spec{}, emptyPlaces(t), false, os.Stderr)
	wantKind(t, err, backend.NotFound, "--python")
}
