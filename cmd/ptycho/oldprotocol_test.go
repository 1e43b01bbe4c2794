package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestProtocol_OlderHostAndPlugin builds an older commit and runs its plugin with this host, and a plugin of today with its host.
// PTYCHO_OLD_COMMIT names the commit: the last one of protocol 2.0, for make old-protocol.
func TestProtocol_OlderHostAndPlugin(t *testing.T) {
	commit := os.Getenv("PTYCHO_OLD_COMMIT")
	if commit == "" {
		t.Skip("PTYCHO_OLD_COMMIT is not set: make old-protocol sets it")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	older := filepath.Join(dir, "older")
	archive(t, root, commit, older)
	oldHost, oldPlugin, newPlugin := filepath.Join(dir, "ptycho"), filepath.Join(dir, "ptycho-backend-old"), filepath.Join(dir, "ptycho-backend-new")
	build(t, older, oldHost, "./cmd/ptycho")
	build(t, older, oldPlugin, "./examples/backend")
	build(t, root, newPlugin, "./examples/backend")
	bright, dim := filepath.Join(dir, "bright.npz"), filepath.Join(dir, "dim.npz")
	must(t, "simulate", "--output", bright, "--n", "16", "--object-size", "48", "--n-images", "64", "--nphotons", "1e8") // counts of float32
	must(t, "simulate", "--output", dim, "--n", "16", "--object-size", "48", "--n-images", "64", "--nphotons", "1e4")

	model := filepath.Join(dir, "model")
	inferInto := func(out string) []string {
		return []string{"infer", "--model-path", model, "--test-data", bright, "--output-dir", filepath.Join(dir, out), "--quiet"}
	}
	must(t, trainInto(bright, model, "--max-epochs", "1", "--backend", oldPlugin)...)
	must(t, append(inferInto("with-old-plugin"), "--trust-data", "--backend", oldPlugin)...)
	oldPluginPasses(t, oldPlugin)
	_, stderr, code := run(t, trainInto(dim, filepath.Join(dir, "dim"), "--backend", oldPlugin)...)
	if want := `backend "mine" speaks protocol 2.0, which has patterns of float32 only: update the backend`; code != 12 || !strings.Contains(stderr, want) {
		t.Errorf("integer counts: exit %d, %q, want 12 and %q", code, stderr, want)
	}

	model = filepath.Join(dir, "old-model")
	for _, args := range [][]string{
		trainInto(bright, model, "--max-epochs", "1", "--backend", newPlugin),
		append(inferInto("with-old-host"), "--backend", newPlugin),
		trainInto(dim, filepath.Join(dir, "old-dim"), "--max-epochs", "1", "--backend", newPlugin),
		{"conformance", "--backend", newPlugin, "--level", "0", "--quiet"},
	} {
		if out, err := exec.Command(oldHost, args...).CombinedOutput(); err != nil {
			t.Errorf("older host: %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
}

// unspecified lists the cases that a plugin of protocol 2.0 may fail, with a part of the message: that version had not specified them.
var unspecified = map[string]string{
	"state/before-set":      "",                       // its oracle panicked, and answered with an error
	"refuses/missing-input": "an index above 32 bits", // it is refused with kind internal
}

// oldPluginPasses runs level 0 on a plugin of protocol 2.0.
func oldPluginPasses(t *testing.T, plugin string) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	_, stderr, code := run(t, "conformance", "--backend", plugin, "--level", "0", "--quiet", "--json", report)
	if code != 0 && code != 20 {
		t.Fatalf("conformance: exit %d: %s", code, stderr)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Results []struct{ Name, Status, Message string }
	}
	if err := json.Unmarshal(text, &r); err != nil || len(r.Results) < 20 {
		t.Fatalf("%v, %d cases", err, len(r.Results))
	}
	for _, c := range r.Results {
		if part, ok := unspecified[c.Name]; c.Status == "failed" && (!ok || !strings.Contains(c.Message, part)) {
			t.Errorf("%s: %s", c.Name, c.Message)
		}
	}
}

// archive writes the files of a commit to a folder.
func archive(t *testing.T, root, commit, to string) {
	t.Helper()
	if err := os.Mkdir(to, 0o755); err != nil { //nolint:gosec // as a checkout has
		t.Fatal(err)
	}
	file := to + ".tar"
	if out, err := exec.Command("git", "-C", root, "archive", "-o", file, commit).CombinedOutput(); err != nil {
		t.Skipf("git does not have commit %s: %v: %s", commit, err, out)
	}
	command(t, "tar", "-xf", file, "-C", to)
}

func build(t *testing.T, folder, output, source string) {
	t.Helper()
	c := exec.Command("go", "build", "-trimpath", "-o", output, source)
	c.Dir = folder
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v: %s", source, err, out)
	}
}
