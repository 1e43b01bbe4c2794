package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// follows validates the output of the command with a schema of the conformance folder.
func follows(t *testing.T, file, text string) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "conformance", file))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// TestConformance_AcrossProcesses runs only the quick cases. The tests of package conformance run the whole suite in one process.
func TestConformance_AcrossProcesses(t *testing.T) {
	for _, name := range []string{"gorgonia", "reference"} {
		text := fixture.Must(t, "", "conformance", "--backend", name, "--level", "0", "--json", "-", "--quiet", "--junit", filepath.Join(t.TempDir(), "junit.xml"))
		follows(t, "report.schema.json", text)
		var report struct {
			Backend string
			Reached int
			Results []struct{ Status string }
		}
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			t.Fatal(err)
		}
		if report.Backend != name || report.Reached != 0 || len(report.Results) < 10 {
			t.Errorf("%s: %+v", name, report)
		}
	}
	compareReportFiles(t)
	if _, _, code := run(t, "conformance", "--run", "^info$", "--quiet"); code != 21 {
		t.Errorf("one case of all ends with exit %d, want 21: it proves nothing", code)
	}
}

// TestParity_ReportsEveryQuantity compares a backend with itself. make ci-full compares backends, and the tests of package
// conformance compare each with core/reference.
func TestParity_ReportsEveryQuantity(t *testing.T) {
	fixture.NeedsAll(t) // TestParity_ReportsWhatDiffers of package conformance has a small network
	text := must(t, "conformance", "--parity", "gorgonia,gorgonia", "--quick", "--json", "-", "--quiet")
	follows(t, "parity.schema.json", text)
	var report struct {
		Within bool
		Cells  []struct {
			Quantity   string
			Difference float64
		}
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	if !report.Within || len(report.Cells) != 8 {
		t.Errorf("%s", text)
	}
}

func TestConformance_TimeLimitIsInconclusive(t *testing.T) {
	stdout, stderr, code := run(t, "conformance", "--backend", "reference", "--time-limit", "1ns", "--quiet", "--json", "-")
	if code != 21 || !strings.Contains(stderr, "not run within --time-limit 1ns") {
		t.Errorf("exit %d, want 21 with the number of cases that were not run: %s", code, stderr)
	}
	follows(t, "report.schema.json", stdout)
}

func TestConformance_RefusesWrongArguments(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		say  string
	}{
		"a negative time limit":              {[]string{"--time-limit", "-1s"}, "--time-limit -1s"},
		"three devices for two backends":     {[]string{"--parity", "reference,gorgonia", "--device", "cpu,cpu,cpu"}, "3 devices for 2 backends"},
		"one backend to compare with itself": {[]string{"--parity", "gorgonia"}, "names one backend"},
		"no time for a case":                 {[]string{"--timeout", "0"}, "--timeout 0s"},
		"no repetition":                      {[]string{"--repeat", "0"}, "--repeat 0"},
		"no thread":                          {[]string{"--threads", "-2"}, "--threads -2"},
		"a broken expression":                {[]string{"--skip", "("}, "--skip"},
		"no case left":                       {[]string{"--skip", "."}, "leave no case"},
	} {
		if _, stderr, code := run(t, append([]string{"conformance", "--quiet"}, c.args...)...); code != 10 || !strings.Contains(stderr, c.say) {
			t.Errorf("%s: exit %d, want 10 with %q: %s", name, code, c.say, stderr)
		}
	}
}

func TestConformance_ListPrintsRules(t *testing.T) {
	text := must(t, "conformance", "--list", "--run", "^state/", "--skip", "round", "--level", "0")
	if !strings.Contains(text, "state/every-slot") || !strings.Contains(text, "every slot is returned as it was set") || strings.Contains(text, "round-trip") || strings.Contains(text, "bits/") {
		t.Errorf("the list is\n%s", text)
	}
}

// compareReportFiles compares a report with itself, and with one in which a case fails.
func compareReportFiles(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json")
	if _, stderr, code := run(t, "conformance", "--run", "^(info|devices)$", "--quiet", "--json", good, "--html", filepath.Join(dir, "report.html")); code != 21 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `"status": "passed",`, `"status": "failed", "message": "two\nlines",`, 1)
	if err := os.WriteFile(bad, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || !strings.Contains(string(page), "<code>devices</code>") {
		t.Errorf("the page lacks a case: %v", err)
	}
	if stdout, stderr, code := run(t, "conformance", "compare", good, good); code != 0 || !strings.Contains(stdout, "every case has the same status") {
		t.Errorf("a report and itself: exit %d, %s%s", code, stdout, stderr)
	}
	if stdout, stderr, code := run(t, "conformance", "compare", good, bad); code != 20 || !strings.Contains(stdout, "worse   info: passed, then failed: two lines") {
		t.Errorf("a case that fails now: exit %d, %s%s", code, stdout, stderr)
	}
	if _, stderr, code := run(t, "conformance", "compare", good, filepath.Join(dir, "report.html")); code != 11 || !strings.Contains(stderr, "not a conformance report") {
		t.Errorf("a page in place of a report: exit %d, %s", code, stderr)
	}
	if _, stderr, code := run(t, "conformance", "compare", good); code != 10 {
		t.Errorf("one report: exit %d, %s", code, stderr)
	}
}
