package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
)

// mostFiles limits the files, not counting tests, that an operation may need: a row of core/program, its definition in
// core/reference, a rule in each engine and for CUDA, its examples in the golden vectors and those in the conformance suite.
const mostFiles = 7

// older are operations with one more file: the golden network tests their distance from a kink, or they share the draw
// function of random programs with others.
var older = []string{"ReLU", "MaxPool2", "AvgPool2", "Upsample2"}

// TestOperations_NeedFewFiles counts the files with a row or a case for an operation. Files that only use it, such as
// architectures, do not count.
func TestOperations_NeedFewFiles(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	about := map[string][]string{} // by the name of the constant
	names := constantsOf(t, filepath.Join(root, "core", "program", "ops.go"))
	for _, f := range files {
		if f.Test() {
			continue
		}
		for _, name := range rows(t, filepath.Join(root, f.Path), f.Package == "program") {
			if slices.Contains(names, name) && !slices.Contains(about[name], f.Path) {
				about[name] = append(about[name], f.Path)
			}
		}
	}
	if len(names) != len(program.Kinds()) {
		t.Fatalf("%d constants for %d operations: the walk is broken", len(names), len(program.Kinds()))
	}
	for _, name := range names {
		most := mostFiles
		if slices.Contains(older, name) {
			most++
		}
		if n := len(about[name]); n < 4 || n > most { // an engine may support one in another way
			t.Errorf("%s has a row or a case in %d files, want 4 to %d: %s", name, n, most, strings.Join(about[name], ", "))
		}
	}
}

func parsed(t *testing.T, path string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// constantsOf lists the constants of type OpKind.
func constantsOf(t *testing.T, path string) []string {
	var names []string
	ast.Inspect(parsed(t, path), func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "OpKind" {
				names = append(names, v.Names[0].Name)
			}
		}
		return true
	})
	return names
}

// rows lists the operations that a file has as keys of literals and after case: program.Name, or Name in package program
// itself.
func rows(t *testing.T, path string, inside bool) []string {
	var names []string
	see := func(e ast.Expr) {
		switch e := e.(type) {
		case *ast.SelectorExpr:
			if x, ok := e.X.(*ast.Ident); ok && x.Name == "program" {
				names = append(names, e.Sel.Name)
			}
		case *ast.Ident:
			if inside {
				names = append(names, e.Name)
			}
		}
	}
	ast.Inspect(parsed(t, path), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			see(n.Key)
		case *ast.CaseClause:
			for _, e := range n.List {
				see(e)
			}
		}
		return true
	})
	return names
}
