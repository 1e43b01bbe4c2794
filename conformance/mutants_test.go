package conformance_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/tensor"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

var (
	runMutants = flag.String("mutants", "", "regular expression that selects mutants to build and run; make mutants runs all")
	judged     = flag.Bool("judged", false, "print the first case that this build of the Gorgonia backend fails, as JSON")
)

// TestMutants_ApplyCleanly checks that the text that each mutant replaces occurs once in its file.
func TestMutants_ApplyCleanly(t *testing.T) {
	cases := map[string]bool{}
	for _, c := range conformance.Cases() {
		cases[c.Name] = true
	}
	for _, m := range Mutants() {
		text, err := os.ReadFile(filepath.Join("..", m.File))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), m.Old); n != 1 || m.Old == m.New {
			t.Errorf("%s: the text %q occurs %d times in %s, want once", m.What, m.Old, n, m.File)
		}
		if !cases[m.Case] {
			t.Errorf("%s: the suite has no case %s", m.What, m.Case)
		}
	}
}

// judgement is the first case that a mutant fails.
type judgement struct{ Case, Message string }

// TestMutants_Judged runs the quick cases on the Gorgonia backend of this build, until one fails. It is the child of
// TestMutants_Caught.
func TestMutants_Judged(t *testing.T) {
	if !*judged {
		t.Skip("runs only with -judged, in the builds of TestMutants_Caught")
	}
	var first judgement
	_, err := conformance.Check(t.Context(), inProcess("mutant", gorgonia.New(), tensor.Float32), conformance.Options{Level: conformance.Reproduces, Quick: true, FailFast: true, Timeout: 2 * time.Minute,
		Report: func(r conformance.Result) {
			if r.Status == conformance.Failed && first.Case == "" {
				first = judgement{r.Name, r.Message}
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("judgement %s\n", text)
}

// TestMutants_Caught builds the suite with each mutant of the Gorgonia backend and of sdk/feed, and runs its quick cases: the first
// that fails must be the one in the table, and must name the mistake.
func TestMutants_Caught(t *testing.T) {
	if *runMutants == "" {
		t.Skip("takes minutes: runs only with -mutants, as make mutants does")
	}
	chosen := regexp.MustCompile(*runMutants)
	for _, m := range Mutants() {
		if !chosen.MatchString(m.What) {
			continue
		}
		t.Run(m.What, func(t *testing.T) {
			got, err := m.judge(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %.300s", got.Case, got.Message)
			switch {
			case got.Case == "":
				t.Error("no case fails")
			case got.Case != m.Case:
				t.Errorf("the first case that fails is %s, want %s", got.Case, m.Case)
			case !strings.Contains(got.Case+" "+got.Message, m.Says):
				t.Errorf("neither the case %s nor its message contains %q: %s", got.Case, m.Says, got.Message)
			}
		})
	}
}

// judge builds the suite with the mutant in place of its file.
func (m Mutant) judge(folder string) (judgement, error) {
	var first judgement
	path, err := filepath.Abs(filepath.Join("..", m.File))
	if err != nil {
		return first, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return first, err
	}
	changed, overlay, program := filepath.Join(folder, "changed.go"), filepath.Join(folder, "overlay.json"), filepath.Join(folder, "suite.test")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.Old, m.New, 1)), 0o600); err != nil {
		return first, err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return first, err
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return first, err
	}
	if out, err := exec.Command("go", "test", "-c", "-overlay", overlay, "-ldflags=-s -w", "-o", program, ".").CombinedOutput(); err != nil { //nolint:gosec // the paths are this test's
		return first, fmt.Errorf("build: %w: %s", err, out)
	}
	out, err := exec.Command(program, "-test.run", "^TestMutants_Judged$", "-judged").CombinedOutput() //nolint:gosec // built above
	_, line, found := strings.Cut(string(out), "judgement ")
	if !found {
		return first, fmt.Errorf("run: %w: %s", err, out)
	}
	line, _, _ = strings.Cut(line, "\n")
	return first, json.Unmarshal([]byte(line), &first)
}
