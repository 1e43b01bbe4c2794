package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compile checks for each system that packages and their tests compile there, without compiling anything: it type-checks their sources,
// and the declarations of all packages that they import. That takes seconds, where go vet first compiles every dependency for each
// system. The status is 1 if one does not compile.
func compile(systems, packages []string) (status int) {
	for _, system := range systems {
		n, err := check(system, ".", packages)
		if err != nil {
			fmt.Fprintf(os.Stderr, "testrun: %s: %v\n", system, err)
			status = 1
			continue
		}
		fmt.Printf("%s: %d packages, tests included\n", system, n)
	}
	return status
}

// listed is a package as go list describes it. With -test, a package and its tests are separate packages.
type listed struct {
	Dir, ImportPath string
	GoFiles, SFiles []string
	ImportMap       map[string]string
	DepOnly         bool
	Module          *struct{ GoVersion string }
}

// check type-checks packages of the module in dir for a system such as windows/amd64, and returns their number.
func check(system, dir string, packages []string) (n int, err error) {
	goos, goarch, _ := strings.Cut(system, "/")
	cmd := exec.Command("go", append([]string{"list", "-deps", "-test", "-json=Dir,ImportPath,GoFiles,SFiles,ImportMap,DepOnly,Module", "--"}, packages...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	c := checker{known: map[string]*types.Package{"unsafe": types.Unsafe}, sizes: types.SizesFor("gc", goarch)}
	for list := json.NewDecoder(out); ; { // a package comes after all that it imports
		var p listed
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, errors.Join(err, cmd.Wait())
		}
		if p.ImportPath == "unsafe" || strings.HasSuffix(p.ImportPath, ".test") { // the latter is a generated main
			continue
		}
		c.check(p)
		if !p.DepOnly {
			n++
		}
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("go list: %w", err)
	}
	return n, errors.Join(c.errs...)
}

// checker holds the packages that were type-checked for one system.
type checker struct {
	known map[string]*types.Package
	sizes types.Sizes
	errs  []error
}

// check type-checks a package: function bodies too, unless it is only imported by others.
func (c *checker) check(p listed) {
	fset, files := token.NewFileSet(), []*ast.File{}
	for _, name := range p.GoFiles {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			c.errs = append(c.errs, err)
			continue
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: imports{c.known, p.ImportMap}, Sizes: c.sizes, IgnoreFuncBodies: p.DepOnly, FakeImportC: true, Error: func(err error) {
		if !p.DepOnly {
			c.errs = append(c.errs, err)
		}
	}}
	if p.Module != nil && p.Module.GoVersion != "" {
		conf.GoVersion = "go" + p.Module.GoVersion
	}
	path, _, _ := strings.Cut(p.ImportPath, " ") // "a [a.test]" is a, compiled for the test of a
	c.known[p.ImportPath], _ = conf.Check(path, fset, files, nil)
	if p.DepOnly || len(p.SFiles) > 0 {
		return
	}
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body == nil {
				c.errs = append(c.errs, fmt.Errorf("%s: function %s has no body, and the package has no assembly for this system", fset.Position(d.Pos()), d.Name.Name))
			}
		}
	}
}

// imports resolves the imports of one package.
type imports struct {
	known  map[string]*types.Package
	mapped map[string]string // the path in the source to that of the package
}

func (i imports) Import(path string) (*types.Package, error) {
	if to, ok := i.mapped[path]; ok {
		path = to
	}
	if p := i.known[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("package %s was not found", path)
}
