package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
)

// sameMeaning is the allowed distance of arrays from the committed ones, relative to their norm: libraries and processors
// round the last digits differently.
const sameMeaning = 1e-12

// writeFiles writes the files. It removes those of former operations.
func writeFiles(t *testing.T, files map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll("operations"); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.FromSlash(name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFiles_MatchCommitted fails when the results of core/reference change, or when the files were not
// regenerated with make golden after a change here.
func TestFiles_MatchCommitted(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		writeFiles(t, files)
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		committed, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		total += len(committed)
		if strings.HasSuffix(name, ".md") {
			if !bytes.Equal(committed, files[name]) {
				t.Errorf("%s is not what make golden would write", name)
			}
			continue
		}
		if err := difference(decode(t, committed), decode(t, files[name]), name); err != nil {
			t.Error(err)
		}
	}
	if total > 1_500_000 {
		t.Errorf("the vectors have %d bytes, which is too much for readers", total)
	}
	listed, err := os.ReadDir("operations")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []program.OpKind
	for _, f := range listed {
		if kind, ok := strings.CutSuffix(f.Name(), ".json"); ok {
			kinds = append(kinds, program.OpKind(kind))
		}
	}
	if !slices.Equal(kinds, program.Kinds()) {
		t.Errorf("the files are for %v, but the operations are %v", kinds, program.Kinds())
	}
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// difference describes how two documents differ: numbers in arrays by more than rounding, anything else by any amount.
func difference(got, want any, path string) error {
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok || len(have) != len(want) {
			return fmt.Errorf("%s has other fields", path)
		}
		for name, v := range want {
			if err := difference(have[name], v, path+"."+name); err != nil {
				return err
			}
		}
		return nil
	case []any:
		have, ok := got.([]any)
		if !ok || len(have) != len(want) {
			return fmt.Errorf("%s has another length", path)
		}
		var sum, size float64
		for i, v := range want {
			x, isNumber := v.(float64)
			if !isNumber {
				if err := difference(have[i], v, fmt.Sprintf("%s[%d]", path, i)); err != nil {
					return err
				}
				continue
			}
			y, ok := have[i].(float64)
			if !ok {
				return fmt.Errorf("%s[%d] is %v, want a number", path, i, have[i])
			}
			sum, size = sum+(x-y)*(x-y), size+x*x
		}
		if e := math.Sqrt(sum); e > sameMeaning*math.Sqrt(size) {
			return fmt.Errorf("%s differs by %.2g of its norm", path, e/math.Sqrt(size))
		}
		return nil
	case float64:
		if have, ok := got.(float64); !ok || math.Abs(have-want) > sameMeaning*max(1, math.Abs(want)) {
			return fmt.Errorf("%s is %v, want %v", path, got, want)
		}
		return nil
	}
	if got != want {
		return fmt.Errorf("%s is %v, want %v", path, got, want)
	}
	return nil
}

func TestApart_DetectsChanges(t *testing.T) {
	const text = `{"kind": "real", "shape": [2], "data": [1, 2], "loss": 3}`
	if err := difference(decode(t, []byte(text)), decode(t, []byte(text)), ""); err != nil {
		t.Errorf("the same documents differ: %v", err)
	}
	for name, changed := range map[string]string{
		"another number": `{"kind": "real", "shape": [2], "data": [1, 2.00000001], "loss": 3}`,
		"another scalar": `{"kind": "real", "shape": [2], "data": [1, 2], "loss": 3.00000001}`,
		"another shape":  `{"kind": "real", "shape": [1, 2], "data": [1, 2], "loss": 3}`,
		"another kind":   `{"kind": "complex", "shape": [2], "data": [1, 2], "loss": 3}`,
		"a field less":   `{"kind": "real", "shape": [2], "data": [1, 2]}`,
		"no numbers":     `{"kind": "real", "shape": [2], "data": [null, null], "loss": 3}`,
	} {
		if difference(decode(t, []byte(changed)), decode(t, []byte(text)), "") == nil {
			t.Errorf("%s is not detected", name)
		}
	}
}

// TestReadme_IsSufficient runs a program that uses README.md and the files, and nothing else of this repository.
func TestReadme_IsSufficient(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import numpy").CombinedOutput(); err != nil {
		t.Skipf("%s with numpy is needed: %v %s", python, err, lastLine(out))
	}
	out, err := exec.Command(python, "check.py").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(lastLine(out), "all agree") {
		t.Errorf("check.py ends with %q", lastLine(out))
	}
}

func lastLine(out []byte) string {
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	return all[len(all)-1]
}
