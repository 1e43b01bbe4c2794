package conformance_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/command"
)

var (
	runMutants = flag.String("mutants", "", "regular expression that selects mutants to build and run, by file and mistake; make mutants runs all")
	missing    = flag.Bool("missing", false, "run only mutants without a recorded judgement")
	generated  = flag.Int("generated", 60, "number of generated mutants")
	fullSuite  = flag.Bool("full", false, "run all cases of the mutants that the quick ones do not detect")
)

// Mutant is a single mistake of an author's kind in an engine or in a package that engines use.
type Mutant struct {
	What     string // the mistake
	File     string // below the root of the repository
	Old, New string // Old occurs once in the file, unless At is set
	At       int    // byte of Old in the file, if Old may occur more than once
	Case     string // the first case that fails; "": not known
	Says     string // regular expression: what the name of the case or its message must contain
}

func (m Mutant) String() string { return m.File + ": " + m.What }

// apply returns the text of the file with the mistake.
func (m Mutant) apply(text string) string {
	if m.At > 0 {
		return text[:m.At] + strings.Replace(text[m.At:], m.Old, m.New, 1)
	}
	return strings.Replace(text, m.Old, m.New, 1)
}

// TestMutants_ApplyCleanly checks that the text that each mutant replaces occurs once in its file.
func TestMutants_ApplyCleanly(t *testing.T) {
	cases, seen := map[string]bool{}, map[string]bool{}
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
		if m.Case != "" && !cases[m.Case] {
			t.Errorf("%s: the suite has no case %s", m.What, m.Case)
		}
		if seen[m.String()] {
			t.Errorf("two mutants are called %s", m)
		}
		seen[m.String()] = true
	}
}

// judgement is the result of the suite for a mutant.
type judgement struct {
	File    string `json:"file"`
	What    string `json:"mistake"`
	Case    string `json:"case"`           // the first case that fails; "": none
	Message string `json:"message"`        // of that case
	Named   bool   `json:"named"`          // the case or its message names what was changed
	Same    string `json:"same,omitempty"` // why the change has no effect that the contract forbids
}

// TestMutants_Caught builds the Gorgonia backend with the mutants, and runs the quick cases on it with one of them at a time: a case must
// fail and name the mistake, in mutants made by hand the one in the table.
func TestMutants_Caught(t *testing.T) {
	if *runMutants == "" {
		t.Skip("takes long: runs only with -mutants, as make mutants does")
	}
	record, err := readJudgements()
	if err != nil {
		t.Fatal(err)
	}
	list := chosenMutants(t)
	program, has, err := switched(t.TempDir(), list)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for i, m := range list {
		switch {
		case !has[i] && m.At == 0:
			t.Errorf("%s: does not compile as a change within a function", m)
			continue
		case !has[i] || m.At > 0 && tried == *generated:
			continue
		case m.At > 0:
			tried++
		}
		if *missing && recorded(record, m) {
			continue
		}
		got := m.judge(program, i+1)
		t.Logf("%s\n  %s: %.300s", m, got.Case, got.Message)
		m.check(t, got)
		if record, err = keep(record, got); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Print(mutantsTable(record))
}

// chosenMutants lists the mutants made by hand, then generated ones, more than are needed because some do not compile.
func chosenMutants(t *testing.T) []Mutant {
	t.Helper()
	chosen := regexp.MustCompile(*runMutants)
	list := Mutants()
	drawn := candidates(t)
	list = append(list, drawn[:min(len(drawn), *generated*3/2)]...)
	return slices.DeleteFunc(list, func(m Mutant) bool { return !chosen.MatchString(m.String()) })
}

// check compares a judgement with what is expected of the mutant.
func (m Mutant) check(t *testing.T, got judgement) {
	t.Helper()
	switch {
	case got.Case == "" && got.Same == "":
		t.Errorf("%s: no case fails", m)
	case m.Case != "" && got.Case != m.Case:
		t.Errorf("%s: the first case that fails is %s, want %s", m, got.Case, m.Case)
	case m.Case != "" && !got.Named:
		t.Errorf("%s: neither the case %s nor its message contains %q: %s", m, got.Case, m.Says, got.Message)
	}
}

var errBuild = errors.New("build")

// judge checks the backend with the mutant of the given number as a process.
func (m Mutant) judge(program string, number int) judgement {
	j := judgement{File: m.File, What: m.What, Same: equivalent[m.String()]}
	for _, quick := range []bool{true, false} {
		if !quick && !*fullSuite || j.Case != "" {
			break
		}
		options := conformance.Options{Level: conformance.Levels - 1, Quick: quick, FailFast: true, Timeout: 4 * time.Minute, Report: func(r conformance.Result) {
			if r.Status == conformance.Failed && j.Case == "" {
				j.Case, j.Message = r.Name, r.Message
			}
		}}
		if _, err := conformance.Check(context.Background(), command.Target(program, strconv.Itoa(number)), options); err != nil && j.Case == "" {
			j.Case, j.Message = "start", err.Error()
		}
	}
	j.Named = j.Case != "" && regexp.MustCompile(cmp.Or(m.Says, "^$")).MatchString(j.Case+" "+j.Message)
	return j
}

// judgements is the file with the last judgement of each mutant.
var judgements = filepath.Join("testdata", "mutants.json")

func readJudgements() (list []judgement, err error) {
	text, err := os.ReadFile(judgements)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(text, &list)
}

func recorded(list []judgement, m Mutant) bool {
	return slices.ContainsFunc(list, func(j judgement) bool { return j.File == m.File && j.What == m.What })
}

// keep adds a judgement in place of the mutant's last one, and writes the file.
func keep(list []judgement, one judgement) ([]judgement, error) {
	const most = 400 // bytes of a message: the table has only the case
	one.Message = strings.ToValidUTF8(one.Message[:min(most, len(one.Message))], "")
	list = slices.DeleteFunc(list, func(j judgement) bool { return j.File == one.File && j.What == one.What })
	list = append(list, one)
	slices.SortFunc(list, func(a, b judgement) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.What, b.What)) })
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(list); err != nil {
		return nil, err
	}
	return list, os.WriteFile(judgements, b.Bytes(), 0o666) //nolint:gosec // a file of the repository
}

// mutantsTable has a row for each mutant and the totals.
func mutantsTable(list []judgement) string {
	var b strings.Builder
	b.WriteString("| file | mistake | first case that fails | names it |\n|---|---|---|---|\n")
	caught, named, same := 0, 0, 0
	for _, j := range list {
		where, names := "`"+j.Case+"`", "no"
		switch {
		case j.Case == "" && j.Same != "":
			where, names = "none: "+j.Same, "–"
			same++
		case j.Case == "":
			where = "**none**"
		default:
			caught++
		}
		if j.Named {
			names = "yes"
			named++
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", j.File, strings.ReplaceAll(j.What, "|", `\|`), where, names)
	}
	fmt.Fprintf(&b, "\n%d mutants: %d without a visible effect, %d of the other %d caught, the mistake named in %d.\n", len(list), same, caught, len(list)-same, named)
	return b.String()
}

// TestMutants_TableMatchesDocument compares the recorded judgements with the document.
func TestMutants_TableMatchesDocument(t *testing.T) {
	list, err := readJudgements()
	if err != nil {
		t.Fatal(err)
	}
	conformance.InDocument(t, "mutants", mutantsTable(list))
}
