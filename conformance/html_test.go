package conformance_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
)

// TestHTML_IsOneFileWithAllCases uses a report with each status, and with text that a browser would run.
func TestHTML_IsOneFileWithAllCases(t *testing.T) {
	r := threeEndings(t)
	r.Results[1].Message = `<script>alert("1")</script>`
	r.Engine = `<img src=x onerror=alert(1)>`
	r.Results = append(r.Results, checked(t, oracle.New(), conformance.Options{Level: conformance.Computes, Run: regexp.MustCompile("^operation/sqrt$")}).Results...)
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, one := range r.Results {
		if !strings.Contains(text, "<code>"+one.Name+"</code>") {
			t.Errorf("the page lacks the case %s", one.Name)
		}
	}
	first := ""
	for _, one := range r.Results {
		if one.Status == conformance.Failed {
			first = one.Name
			break
		}
	}
	if found := regexp.MustCompile(`<tr class="[a-z]+"><td><code>([^<]*)`).FindStringSubmatch(text); len(found) < 2 || found[1] != first {
		t.Errorf("the table begins with %v, want the case that failed, %s", found, first)
	}
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "<img") {
		t.Error("text of a backend is not escaped")
	}
	if found := regexp.MustCompile(`<[^>]*(src|href)=|https?://|@import|url\(`).FindString(text); found != "" {
		t.Errorf("the page contains %q: it must not need another file or a network", found)
	}
	if strings.Contains(text, "<no value>") || strings.Contains(text, "ZgotmplZ") {
		t.Error("a value of the page is missing")
	}
	if path := os.Getenv("PTYCHO_TEST_HTML"); path != "" {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
