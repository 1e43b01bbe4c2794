package main

import (
	"slices"
	"strings"
	"testing"
	"time"
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

func TestReport_ListsFailedAndSkipped(t *testing.T) {
	var out strings.Builder
	r := newReport(&out, time.Now)
	if err := r.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	r.note("\npython3: not found\n")
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
		"    0.5s a/scan TestBad\n",
		"4 packages, 2 failed; 1 tests passed, 1 failed, 1 skipped\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in the report", want)
		}
	}
	if want := "SKIP  a/scan TestStar: the measured scan is absent\nSKIP  python3: not found\n"; !strings.HasSuffix(got, want) {
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

func TestProgress_NamesRunningTestsOldestFirst(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	r := newReport(&out, func() time.Time { return now })
	r.printRunning()
	for _, line := range []string{
		`{"Action":"run","Package":"a","Test":"TestOld"}`,
		`{"Action":"run","Package":"a","Test":"TestOld/part"}`,
		`{"Action":"run","Package":"a","Test":"TestDone"}`,
		`{"Action":"pass","Package":"a","Test":"TestDone"}`,
		`{"Action":"run","Package":"b","Test":"TestNew"}`,
	} {
		if err := r.read(strings.NewReader(line + "\n")); err != nil {
			t.Fatal(err)
		}
		now = now.Add(30 * time.Second)
	}
	r.printRunning()
	if want := "...   0s: building\n...   2m30s: a TestOld for 2m30s, b TestNew for 30s\n"; out.String() != want {
		t.Errorf("progress is %q, want %q", out.String(), want)
	}
}

func TestSplit_PartsFlagsFromPackages(t *testing.T) {
	flags, packages := split([]string{"-count=1", "-timeout=0", "./a", "./b"})
	if !slices.Equal(flags, []string{"-count=1", "-timeout=0"}) || !slices.Equal(packages, []string{"./a", "./b"}) {
		t.Errorf("flags %q and packages %q", flags, packages)
	}
}
