package conformance_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
)

func TestCompare_NamesWhatChanged(t *testing.T) {
	report := func(list ...conformance.Result) *conformance.Report { return &conformance.Report{Results: list} }
	one := func(name string, s conformance.Status, closest, seconds float64) conformance.Result {
		return conformance.Result{Name: name, Status: s, Closest: closest, Seconds: seconds}
	}
	d := conformance.Compare(
		report(one("kept", "passed", 0.1, 1), one("broken", "passed", 0.1, 1), one("repaired", "failed", 3, 1), one("gone", "passed", 0, 1), one("nearer", "passed", 0.1, 1), one("slower", "passed", 0.1, 1), one("skipped", "skipped", 0, 1)),
		report(one("kept", "passed", 0.11, 1.1), one("broken", "failed", 7, 1), one("repaired", "passed", 0.1, 1), one("fresh", "passed", 0, 1), one("nearer", "passed", 0.3, 1), one("slower", "passed", 0.1, 4), one("skipped", "excluded", 0, 1)))
	changes := func(list []conformance.Change) (out []string) {
		for _, c := range list {
			out = append(out, c.Name)
		}
		return out
	}
	drifts := func(list []conformance.Drift) (out []string) {
		for _, c := range list {
			out = append(out, c.Name)
		}
		return out
	}
	for what, c := range map[string]struct{ got, want []string }{
		"worse":  {changes(d.Worse), []string{"broken"}},
		"better": {changes(d.Better), []string{"repaired"}},
		"other":  {changes(d.Other), []string{"fresh", "skipped", "gone"}},
		"nearer": {drifts(d.Nearer), []string{"nearer"}},
		"slower": {drifts(d.Slower), []string{"slower"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
}

func TestReadReport_ReadsJSONAndRejectsOthers(t *testing.T) {
	text := inJSON(t, threeEndings(t))
	r, err := conformance.ReadReport(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if again := inJSON(t, r); !bytes.Equal(text, again) {
		t.Errorf("a report that was read is written as\n%s\nwant\n%s", again, text)
	}
	for name, wrong := range map[string]string{
		"empty":           "",
		"another JSON":    `{"backends": ["a", "b"]}`,
		"no levels":       `{"backend": "a"}`,
		"cut short":       string(text[:len(text)/2]),
		"another status":  strings.Replace(string(text), `"status": "failed"`, `"status": "lost"`, 1),
		"a level too far": strings.Replace(string(text), `"title": "Operates"`, `"name": "Operates"`, 1),
	} {
		if _, err := conformance.ReadReport(strings.NewReader(wrong)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
