package main

import (
	"strings"
	"testing"
)

const stream = `{"Action":"start","Package":"a/scan"}
{"Action":"run","Package":"a/scan","Test":"TestStar"}
{"Action":"output","Package":"a/scan","Test":"TestStar","Output":"=== RUN   TestStar\n"}
{"Action":"output","Package":"a/scan","Test":"TestStar","Output":"    star_test.go:12: the measured scan is absent\n"}
{"Action":"output","Package":"a/scan","Test":"TestStar","Output":"--- SKIP: TestStar (0.00s)\n"}
{"Action":"skip","Package":"a/scan","Test":"TestStar","Elapsed":0}
{"Action":"pass","Package":"a/scan","Test":"TestGood","Elapsed":0}
{"Action":"output","Package":"a/scan","Test":"TestBad","Output":"    bad_test.go:3: got 1, want 2\n"}
{"Action":"fail","Package":"a/scan","Test":"TestBad","Elapsed":0.5}
{"Action":"output","Package":"a/scan","Output":"panic: index out of range\n"}
{"Action":"fail","Package":"a/scan","Elapsed":1}
{"ImportPath":"a/host","Action":"build-output","Output":"host/x.go:1:1: undefined: y\n"}
{"ImportPath":"a/host","Action":"build-fail"}
{"Action":"fail","Package":"a/host","Elapsed":0,"FailedBuild":"a/host"}
{"Action":"skip","Package":"a/empty","Elapsed":0}
{"Action":"pass","Package":"a/quiet","Elapsed":0.1}
not an event
`

func TestReportSaysWhatFailedAndLastWhatWasSkipped(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	r.summary()
	got := out.String()
	for _, want := range []string{
		"--- FAIL: a/scan TestBad (0.50s)\n    bad_test.go:3: got 1, want 2\n",
		"panic: index out of range\n",
		"host/x.go:1:1: undefined: y\n",
		"FAIL  a/host 0.0s\n",
		"-     a/empty no tests\n",
		"ok    a/quiet 0.1s\n",
		"not an event\n",
		"4 packages, 2 failed; 1 tests passed, 1 failed, 1 skipped\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if want := "SKIP  a/scan TestStar: the measured scan is absent\n"; !strings.HasSuffix(got, want) {
		t.Errorf("the report does not end with %q", want)
	}
	if strings.Contains(got, "=== RUN") {
		t.Error("the report repeats the chatter of go test")
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestReason(t *testing.T) {
	for output, want := range map[string]string{
		"    a_test.go:12: no C compiler: cgo is off\n":     "no C compiler: cgo is off",
		"    a_test.go:9: note\n    a_test.go:12: no GPU\n": "no GPU",
		"":                           "no reason given",
		"    a_test.go:12: \n":       "no reason given",
		"plain: text without a file": "plain: text without a file",
	} {
		if got := reason(output); got != want {
			t.Errorf("reason of %q is %q, want %q", output, got, want)
		}
	}
}
