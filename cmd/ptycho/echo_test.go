//go:build unix

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// A plugin that announces a missing socket ends the command with one sentence, without log lines of go-plugin.
func TestPlugin_BreaksTheProtocolInOneSentence(t *testing.T) {
	dir := t.TempDir()
	fixture.Must(t, dir, "simulate", "-n", "32", "--n-images", "16", "--output", "scan.npz")
	script := "#!/bin/sh\necho '1|2|unix|" + filepath.Join(dir, "none") + "|grpc|'\nexec sleep 100\n"
	if err := os.WriteFile(filepath.Join(dir, "ptycho-backend-mute"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := fixture.Run(t, dir, nil, "train", "--train-data-file", "scan.npz", "--output-dir", "run", "--quiet", "--backend", "./ptycho-backend-mute")
	if lines := strings.Count(r.Stderr, "\n"); r.Code != 12 || lines != 1 || !strings.Contains(r.Stderr, "plugin mute") {
		t.Errorf("code %d, %d lines: %s", r.Code, lines, r.Stderr)
	}
}
