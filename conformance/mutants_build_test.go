package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// switchboard is the file that is added to each package with mutants. The last argument of the program is the number of the mutant in effect.
const switchboard = `package %s

import (
	"os"
	"strconv"
)

var mutantOn = func() int { n, _ := strconv.Atoi(os.Args[len(os.Args)-1]); return n }()
`

// switched builds one backend with all mutants of the list, and returns its path and which of them it has. Each mutant is a copy of its
// function's body, which runs if the mutant is in effect; number i of the list has the argument i + 1. Mutants that do not compile are left out.
func switched(folder string, list []Mutant) (program string, has []bool, err error) {
	has = make([]bool, len(list))
	byFile := map[string][]int{}
	for i, m := range list {
		has[i] = true
		byFile[m.File] = append(byFile[m.File], i)
	}
	program = filepath.Join(folder, "mutants")
	const most = 30 // builds: each leaves out what does not compile
	for range most {
		overlay, where := map[string]string{}, map[string]map[int]int{} // file → line → mutant
		for file, ids := range byFile {
			if err := addFile(overlay, where, folder, file, ids, list, has); err != nil {
				return "", nil, err
			}
		}
		out, err := buildWith(folder, overlay, program)
		if err == nil {
			return program, has, nil
		}
		if !leaveOut(out, where, has) {
			return "", nil, fmt.Errorf("%w: %s", errBuild, out)
		}
	}
	return "", nil, fmt.Errorf("%w: %d attempts", errBuild, most)
}

// addFile writes a file with its mutants into the folder.
func addFile(overlay map[string]string, where map[string]map[int]int, folder, file string, ids []int, list []Mutant, has []bool) error {
	path, err := filepath.Abs(filepath.Join("..", file))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	chosen := map[int]Mutant{}
	for _, i := range ids {
		if has[i] {
			chosen[i] = list[i]
		}
	}
	changed, lines, name, err := withMutants(string(text), chosen)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for i := range chosen {
		if !slices.Contains(slices.Collect(maps.Values(lines)), i) {
			has[i] = false // outside of functions
		}
	}
	where[file] = lines
	at := filepath.Join(folder, strings.ReplaceAll(file, "/", "-"))
	overlay[path] = at
	added := filepath.Join(filepath.Dir(path), "mutant_switch.go")
	overlay[added] = at + ".switch"
	return errors.Join(os.WriteFile(at, []byte(changed), 0o600), os.WriteFile(at+".switch", fmt.Appendf(nil, switchboard, name), 0o600))
}

// withMutants returns the text of a file whose functions have the mutants, the mutant of each added line, and the package's name.
func withMutants(text string, chosen map[int]Mutant) (changed string, lines map[int]int, name string, err error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return "", nil, "", err
	}
	lines = map[int]int{}
	var b strings.Builder
	done := 0
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		from, to := set.Position(f.Body.Lbrace).Offset+1, set.Position(f.Body.Rbrace).Offset
		b.WriteString(text[done:from])
		done = from
		for _, i := range slices.Sorted(maps.Keys(chosen)) {
			m := chosen[i]
			at := max(m.At, 0) + strings.Index(text[max(m.At, 0):], m.Old)
			if at < from || at+len(m.Old) > to {
				continue
			}
			end := ""
			if f.Type.Results == nil {
				end = "\nreturn"
			}
			first := strings.Count(b.String(), "\n") + 1
			fmt.Fprintf(&b, "\nif mutantOn == %d {%s%s%s%s\n}\n", i+1, text[from:at], m.New, text[at+len(m.Old):to], end)
			for line := first; line <= strings.Count(b.String(), "\n"); line++ {
				lines[line] = i
			}
		}
	}
	b.WriteString(text[done:])
	return b.String(), lines, parsed.Name.Name, nil
}

// buildWith builds the backend with some files replaced.
func buildWith(folder string, overlay map[string]string, program string) (string, error) {
	list, err := json.Marshal(map[string]map[string]string{"Replace": overlay})
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-overlay", path, "-gcflags=-e", "-ldflags=-s -w", "-o", program, "../plugins/gorgonia").CombinedOutput() //nolint:gosec // the paths are this test's
	return string(out), err
}

// leaveOut removes the mutants that the compiler complains of. It reports whether there are any.
func leaveOut(out string, where map[string]map[int]int, has []bool) bool {
	folder, some := "", false
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "# github.com/ptychogo/ptycho/"); ok {
			folder = strings.TrimSpace(rest)
			continue
		}
		found := complaint.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		n, err := strconv.Atoi(found[2])
		if err != nil {
			continue
		}
		for file, lines := range where {
			base := strings.TrimSuffix(found[1], ".go")
			if filepath.Dir(file) != folder || !strings.HasSuffix(base, strings.TrimSuffix(filepath.Base(file), ".go")) {
				continue
			}
			if i, ok := lines[n]; ok && has[i] {
				has[i], some = false, true
			}
		}
	}
	return some
}

var complaint = regexp.MustCompile(`([^/\s]+\.go):(\d+):`)

func TestMutants_AreCopiesOfFunctions(t *testing.T) {
	text := "package x\n\nvar a = 1\n\nfunc f() {\n\ta++\n}\n\nfunc g() int { return a + a }\n"
	changed, lines, name, err := withMutants(text, map[int]Mutant{0: {Old: "a++", New: "a--"}, 4: {Old: "a + a", New: "a * a"}, 7: {Old: "a = 1", New: "a = 2"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", changed, 0); err != nil || name != "x" {
		t.Errorf("%v in\n%s", err, changed)
	}
	for _, want := range []string{"if mutantOn == 1 {\n\ta--\n\nreturn\n}\n\n\ta++\n}", "if mutantOn == 5 { return a * a \n}\n return a + a }"} {
		if !strings.Contains(changed, want) {
			t.Errorf("%q is missing in\n%s", want, changed)
		}
	}
	for _, i := range lines {
		if i != 0 && i != 4 {
			t.Errorf("a line has mutant %d, which is outside of functions", i)
		}
	}
}
