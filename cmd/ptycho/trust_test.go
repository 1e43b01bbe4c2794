//go:build unix

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// shadow creates a plugin with the name of a bundled backend, which serves that backend, and returns its folder.
func shadow(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plugins")
	text := fmt.Sprintf("#!/bin/sh\nexec %s plugin serve gorgonia\n", fixture.Program(t))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ptycho-backend-gorgonia")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{dir, filepath.Dir(dir), path} {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTrain_AnnouncesAShadowedBackendFirst(t *testing.T) {
	dir := shadow(t)
	args := []string{"train", "--train-data-file", smallScan(t), "--output-dir", filepath.Join(t.TempDir(), "run"), "--dry-run", "--n-filters-scale", "1"}
	_, stderr, code := run(t, append(args, "--plugin-dir", dir)...)
	first, _, _ := strings.Cut(stderr, "\n")
	if code != 0 || !strings.HasPrefix(first, "backend gorgonia: "+filepath.Join(dir, "ptycho-backend-gorgonia")+" replaces the bundled backend") {
		t.Errorf("exit %d, first line %q", code, first)
	}
	if _, stderr, code := run(t, args...); code != 0 || strings.Contains(stderr, "replaces the bundled") {
		t.Errorf("without a shadow: exit %d, %s", code, stderr)
	}
}

func TestTrain_RefusesAPluginThatOthersCanChange(t *testing.T) {
	dir, scan := shadow(t), smallScan(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, how := range [][]string{
		{"--plugin-dir", dir},
		{"--backend", filepath.Join(dir, "ptycho-backend-gorgonia")},
	} {
		_, stderr, code := run(t, append([]string{"train", "--train-data-file", scan, "--output-dir", filepath.Join(t.TempDir(), "run")}, how...)...)
		if code != 12 || !strings.Contains(stderr, "is not trusted") || !strings.Contains(stderr, "run: chmod go-w "+dir) {
			t.Errorf("%v: exit %d, %s", how, code, stderr)
		}
	}
	if _, stderr, code := run(t, "plugins", "setup", "gorgonia", "--plugin-dir", dir); code != 12 || !strings.Contains(stderr, "is not trusted") {
		t.Errorf("setup: exit %d, %s", code, stderr)
	}
	if out, _, _ := run(t, "plugins", "doctor", "gorgonia", "--plugin-dir", dir); strings.Contains(out, "works") {
		t.Errorf("doctor: %s", out)
	}
}

// TestTrain_NamesTMPDIRWhenItIsMissing checks that the error is about the folder and not about the plugin's program.
func TestTrain_NamesTMPDIRWhenItIsMissing(t *testing.T) {
	args := []string{"train", "--train-data-file", smallScan(t), "--output-dir", filepath.Join(t.TempDir(), "run"), "--dry-run"}
	r := fixture.Run(t, "", []string{"TMPDIR=/nonexistent"}, args...)
	if r.Code == 0 || !strings.Contains(r.Stderr, "/nonexistent") || !strings.Contains(r.Stderr, "set TMPDIR") || strings.Contains(r.Stderr, "cannot be executed") {
		t.Errorf("exit %d, %s", r.Code, r.Stderr)
	}
}
