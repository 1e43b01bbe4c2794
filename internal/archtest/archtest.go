// Package archtest checks the layers: its test reads the imports of every Go file in the repository and reports each import
// that a rule forbids. It parses and never compiles, so it covers all platforms and build tags.
//
// It is a package of its own because it only has tests of all others.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// File has the properties of one Go file that the rules check.
type File struct {
	Path      string   // slash-separated, relative to the repository root
	Package   string   // of its package clause
	Comment   string   // above its package clause
	Imports   []string // import paths in the order they are written
	Lines     int
	Long      bool       // has the reason for its length at its head
	Functions []Function // longer than a screen, without a reason
	Generated bool       // has the standard "Code generated … DO NOT EDIT." line
}

// Function has the properties of a function that the rules check.
type Function struct {
	Name  string
	Lines int
}

// reason starts the comment line with the reason for a long file or function.
const reason = "// Long: "

// Dir returns the folder of the file, which is the package path below the module; "." for the root.
func (f File) Dir() string { return path.Dir(f.Path) }

// Test reports whether the file is compiled only for tests.
func (f File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Load parses every Go file below root, except those that the go command ignores (testdata, vendor, names that start with a
// dot or an underscore) and nested modules.
func Load(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name == root {
				return nil
			}
			if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || base[0] == '.' || base[0] == '_' {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := parse(name, filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("archtest: load: %w", err)
	}
	return files, nil
}

func parse(name, rel string) (File, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return File{}, err
	}
	return parseSource(rel, source)
}

func parseSource(rel string, source []byte) (File, error) {
	positions := token.NewFileSet()
	syntax, err := parser.ParseFile(positions, rel, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return File{}, err
	}
	f := File{Path: rel, Package: syntax.Name.Name, Comment: syntax.Doc.Text(), Lines: strings.Count(string(source), "\n"), Generated: ast.IsGenerated(syntax)}
	for _, s := range syntax.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			return File{}, fmt.Errorf("%s: import %s: %w", rel, s.Path.Value, err)
		}
		f.Imports = append(f.Imports, p)
	}
	for _, group := range syntax.Comments {
		f.Long = f.Long || group.End() < syntax.Package && reasoned(group)
	}
	for _, d := range syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || reasoned(fn.Doc) {
			continue
		}
		if n := positions.Position(fn.End()).Line - positions.Position(fn.Pos()).Line + 1; n > maxFunctionLines {
			f.Functions = append(f.Functions, Function{fn.Name.Name, n})
		}
	}
	return f, nil
}

// reasoned reports whether a comment has a line with the reason for a length.
func reasoned(comment *ast.CommentGroup) bool {
	return comment != nil && slices.ContainsFunc(comment.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, reason) })
}

// below reports whether p is the path prefix or lies under it.
func below(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }

func belowAny(p string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return below(p, prefix) })
}

// standard reports whether an import path is in the standard library: such paths have no dot in their first element.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
