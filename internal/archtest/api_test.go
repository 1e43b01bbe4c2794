package archtest

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write api/*.txt instead of comparing with them")

// public lists the packages that a third party may import, with one file in api for each.
var public = []string{"conformance", "conformance/command", "conformance/oracle", "core/backend", "core/optim", "core/program", "core/reference", "core/tensor", "sdk", "sdk/feed"}

// TestAPI_IsThatOfItsFiles compares the exported names of the public packages with api/*.txt. A change of a line is a
// change for third parties: update the files with -update, and say so in CHANGELOG.md.
func TestAPI_IsThatOfItsFiles(t *testing.T) {
	root := filepath.Join("..", "..")
	left, err := filepath.Glob(filepath.Join(root, "api", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range public {
		lines, err := exported(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(root, "api", strings.ReplaceAll(name, "/", "_")+".txt")
		left = slices.DeleteFunc(left, func(f string) bool { return f == file })
		if *update {
			if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		have := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		for _, l := range have {
			if !slices.Contains(lines, l) {
				t.Errorf("package %s no longer has: %s", name, l)
			}
		}
		for _, l := range lines {
			if !slices.Contains(have, l) {
				t.Errorf("package %s has a new name, which %s lacks: %s", name, file, l)
			}
		}
		if !slices.Equal(have, lines) && !t.Failed() {
			t.Errorf("%s is not sorted", file)
		}
	}
	if len(left) > 0 {
		t.Errorf("%v are of no public package", left)
	}
	if t.Failed() {
		t.Log("if the change is meant: go test ./internal/archtest -run TestAPI -update")
	}
}

// exported lists the exported names of the package in a folder, as built for 64-bit Linux: a sorted line for each.
func exported(dir string) ([]string, error) {
	target := build.Default
	target.GOOS, target.GOARCH, target.CgoEnabled = "linux", "amd64", false
	p, err := target.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				lines = append(lines, function(d)...)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					lines = append(lines, specified(d.Tok, s)...)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines, nil
}

// function returns the line of an exported function, or of an exported method of an exported type.
func function(d *ast.FuncDecl) []string {
	switch {
	case !d.Name.IsExported():
		return nil
	case d.Recv == nil:
		return []string{"func " + d.Name.Name + typeParams(d.Type.TypeParams) + signature(d.Type)}
	}
	of := source(d.Recv.List[0].Type)
	if !ast.IsExported(strings.TrimPrefix(of, "*")) {
		return nil
	}
	return []string{fmt.Sprintf("method (%s) %s%s", of, d.Name.Name, signature(d.Type))}
}

// specified returns the lines of the exported constants, variables or types of a specification.
func specified(kind token.Token, s ast.Spec) (lines []string) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for i, n := range s.Names {
			line := kind.String() + " " + n.Name
			if s.Type != nil {
				line += " " + source(s.Type)
			}
			if kind == token.CONST && i < len(s.Values) {
				line += " = " + source(s.Values[i])
			}
			if n.IsExported() {
				lines = append(lines, line)
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		head := "type " + s.Name.Name + typeParams(s.TypeParams)
		switch of := s.Type.(type) {
		case *ast.StructType:
			return append(members(head+" struct, ", of.Fields), head+" struct")
		case *ast.InterfaceType:
			return append(members(head+" interface, ", of.Methods), head+" interface")
		}
		if s.Assign != 0 {
			head += " ="
		}
		return []string{head + " " + source(s.Type)}
	}
	return lines
}

// members returns a line for each exported field or method, and for each embedded type.
func members(head string, list *ast.FieldList) (lines []string) {
	for _, f := range list.List {
		of, method := f.Type.(*ast.FuncType)
		if len(f.Names) == 0 {
			lines = append(lines, head+"embeds "+source(f.Type))
		}
		for _, n := range f.Names {
			switch {
			case !n.IsExported():
			case method && strings.Contains(head, " interface"):
				lines = append(lines, head+n.Name+signature(of))
			default:
				lines = append(lines, head+n.Name+" "+source(f.Type))
			}
		}
	}
	return lines
}

// signature returns parameters and results by their types alone.
func signature(f *ast.FuncType) string {
	types := func(list *ast.FieldList) (out []string) {
		if list == nil {
			return nil
		}
		for _, p := range list.List {
			for range max(1, len(p.Names)) {
				out = append(out, source(p.Type))
			}
		}
		return out
	}
	s := "(" + strings.Join(types(f.Params), ", ") + ")"
	switch r := types(f.Results); len(r) {
	case 0:
		return s
	case 1:
		return s + " " + r[0]
	default:
		return s + " (" + strings.Join(r, ", ") + ")"
	}
}

func typeParams(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var out []string
	for _, p := range list.List {
		for _, n := range p.Names {
			out = append(out, n.Name+" "+source(p.Type))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// source prints an expression on one line.
func source(n ast.Expr) string {
	if f, ok := n.(*ast.FuncType); ok {
		return "func" + signature(f)
	}
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), n); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
