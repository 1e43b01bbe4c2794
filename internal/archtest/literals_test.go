package archtest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLiterals_AllExplained checks that every number between the settings and a model or an image has a name or a reason.
func TestLiterals_AllExplained(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, f := range files {
		if f.Test() || !belowAny(f.Dir(), explained) {
			continue
		}
		looked++
		source, err := os.ReadFile(filepath.Join(root, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		found, err := Literals(f.Path, source)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range found {
			t.Errorf("%s:%d: the number %s needs a reason: make it a constant whose comment names its source, a row of the table of settings, or add a comment on its line", f.Path, l.Line, l.Text)
		}
	}
	if looked < 30 {
		t.Errorf("only %d files were checked: the walk is broken", looked)
	}
}

func TestLiterals_FindsUnexplained(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"an argument":           {"f(3)", 1},
		"a fraction":            {"x := 0.02 * y; g(x)", 1},
		"a large number":        {"f(1e9)", 1},
		"two of them":           {"f(3, 4)", 2},
		"a negative one":        {"f(-3)", 1},
		"a value in a struct":   {"g(T{N: 64})", 1},
		"an array's length":     {"var v [4]int; g(v)", 0},
		"none, one and two":     {"f(0, 1, 2, -1, 0.5, 1e0, 1.0)", 0},
		"on a line that says":   {"f(3) // three is a crowd", 0},
		"below a comment":       {"// three is a crowd\n\tf(3)", 1},
		"a constant":            {"const crowd = 3; f(crowd)", 0},
		"a variable":            {"var crowd = 3; f(crowd)", 0},
		"a short variable":      {"crowd := 3; f(crowd)", 1},
		"a shift":               {"f(1<<20, x>>3)", 0},
		"a base and a size":     {"strconv.ParseInt(s, 10, 64)", 0},
		"a mode":                {"os.MkdirAll(dir, 0o777)", 0},
		"a text":                {`f("3")`, 0},
		"a number in a closure": {"func() { f(7) }()", 1},
	} {
		found, err := Literals("x.go", []byte("package x\n\nfunc body() {\n\t"+c.body+"\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != c.want {
			t.Errorf("%s: found %v, want %d", name, found, c.want)
		}
	}
}
