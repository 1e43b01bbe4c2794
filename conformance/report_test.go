package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"regexp"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// modest lists one operation alone.
type modest struct{ backend.Backend }

func (m modest) Info() backend.Info {
	i := m.Backend.Info()
	i.Operations = []program.OpKind{program.ReLU}
	return i
}

func TestASkippedCaseIsNoPass(t *testing.T) {
	target := inProcess("modest", modest{gorgonia.New()}, 0)
	report, err := conformance.Check(context.Background(), target, conformance.Options{Level: conformance.Computes, Run: regexp.MustCompile("^(info|operation/fft2|evaluate)$")})
	if err != nil {
		t.Fatal(err)
	}
	if report.Sum(conformance.Skipped) != 1 || report.Sum(conformance.Passed) != 2 || report.Counts[1].Skipped != 1 {
		t.Errorf("the results are %+v", report.Results)
	}
	if report.Reached != -1 || report.Complete {
		t.Errorf("a run of some cases reached level %d", report.Reached)
	}
	var text bytes.Buffer
	if err := report.JSON(&text); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Results []struct{ Name, Status, Message string }
	}
	if err := json.Unmarshal(text.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	for _, r := range back.Results {
		if (r.Name == "operation/fft2") != (r.Status == "skipped" && r.Message != "") {
			t.Errorf("in JSON %s is %s: %s", r.Name, r.Status, r.Message)
		}
	}
	text.Reset()
	if err := report.JUnit(&text); err != nil {
		t.Fatal(err)
	}
	var junit struct {
		Suites []struct {
			Tests   int `xml:"tests,attr"`
			Skipped int `xml:"skipped,attr"`
			Cases   []struct {
				Name    string    `xml:"name,attr"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text.Bytes(), &junit); err != nil {
		t.Fatal(err)
	}
	skipped := 0
	for _, s := range junit.Suites {
		for _, c := range s.Cases {
			if c.Skipped != nil {
				skipped++
			}
		}
	}
	if skipped != 1 || len(junit.Suites) != 2 || junit.Suites[1].Skipped != 1 || junit.Suites[1].Tests != 2 {
		t.Errorf("in JUnit: %+v", junit)
	}
}
