package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"

	"github.com/ptychogo/ptycho"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/disk"
)

// skeleton holds the files of a new backend besides those of ptycho.Sources, as templates for a skeletonData.
//
//go:embed skeleton
var skeleton embed.FS

type skeletonData struct {
	Name    string // of the backend
	Program string // ptycho-backend-NAME
	Package string // of Python
	Module  string // of Go
	Go      string // version, as in go.mod
	Version string // of ptycho
	Source  string // absolute path of a checkout of ptycho, or ""
}

// backendName is the form of a new backend's name, which also becomes the name of a Python package.
var backendName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

func newCommand() *cli.Command {
	return &cli.Command{
		Name: "new", ArgsUsage: "NAME", Usage: "write the sources of a new backend that passes level 0 of conformance",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "lang", Usage: "language of the sources"},
			&cli.StringFlag{Name: "output-dir", Usage: "new folder for the sources", DefaultText: "./NAME"},
			&cli.StringFlag{Name: "source", Usage: "checkout of ptycho that a backend in Go is built against", DefaultText: "the published version"},
		},
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			if c.NArg() != 1 || !backendName.MatchString(name) {
				return usage(fmt.Errorf("plugins new: want one name of lower-case letters, digits and -, that begins with a letter, such as: ptycho plugins new mine --lang go; given: %q", c.Args().Slice()))
			}
			d := skeletonData{Name: name, Program: "ptycho-backend-" + name, Package: "ptycho_backend_" + strings.ReplaceAll(name, "-", "_"),
				Module: "example.com/ptycho-backend-" + name, Version: host.Version}
			if err := d.setSource(c.String("source")); err != nil {
				return err
			}
			folder := c.String("output-dir")
			if folder == "" {
				folder = name
			}
			var files map[string][]byte
			var err error
			switch lang := c.String("lang"); lang {
			case "go":
				files, err = d.goFiles()
			case "python":
				files, err = d.pythonFiles()
			case "":
				err = usage(errors.New("plugins new: the language is missing; add --lang go or --lang python"))
			default:
				err = usage(fmt.Errorf("--lang %q: want go or python", lang))
			}
			if err == nil {
				if err = writeProject(folder, files); err != nil {
					err = fmt.Errorf("plugins new: %w", err)
				}
			}
			if err == nil {
				stdout.Printf("%s: %d files; next: cd %s && make test\n", folder, len(files), folder)
				if d.Source == "" && c.String("lang") == "go" {
					stdout.Printf("it requires version %s of ptycho; to build it against a checkout: --source DIR\n", d.Version)
				}
			}
			return err
		},
	}
}

// setSource sets the checkout of ptycho.
func (d *skeletonData) setSource(folder string) error {
	if folder == "" {
		return nil
	}
	abs, err := filepath.Abs(folder)
	if err == nil {
		_, err = os.Stat(filepath.Join(abs, "sdk", "serve.go"))
	}
	if err != nil {
		return usage(fmt.Errorf("--source %s is not a checkout of ptycho: %w", folder, err))
	}
	d.Source = abs
	return nil
}

// templates returns the files of a folder of the skeleton, filled in.
func (d *skeletonData) templates(lang string) (map[string][]byte, error) {
	files := map[string][]byte{}
	all, err := template.ParseFS(skeleton, "skeleton/"+lang+"/*.tmpl")
	if err != nil {
		return nil, err
	}
	for _, t := range all.Templates() {
		var text strings.Builder
		if err := t.Execute(&text, d); err != nil {
			return nil, err
		}
		files[strings.TrimSuffix(t.Name(), ".tmpl")] = []byte(text.String())
	}
	return files, nil
}

// goFiles returns the files of a backend in Go: the example with another name.
func (d *skeletonData) goFiles() (map[string][]byte, error) {
	mod, err := ptycho.Sources.ReadFile("go.mod")
	if err != nil {
		return nil, err
	}
	_, after, _ := strings.Cut(string(mod), "\ngo ")
	d.Go = strings.Fields(after)[0]
	files, err := d.templates("go")
	if err != nil {
		return nil, err
	}
	program, err := ptycho.Sources.ReadFile("examples/backend/main.go")
	if err != nil {
		return nil, err
	}
	text := strings.Replace(string(program), `"mine"`, `"`+d.Name+`"`, 1)
	files["main.go"] = []byte(strings.Replace(text, "// Command backend is", "// Command "+d.Program+" is", 1))
	files[".gitignore"] = []byte("/" + d.Program + "\n")
	return files, nil
}

// pythonFiles returns the files of a backend in Python: the example with another name, the package for backends, the golden vectors
// and the protocol.
func (d *skeletonData) pythonFiles() (map[string][]byte, error) {
	files, err := d.templates("python")
	if err != nil {
		return nil, err
	}
	renamed := strings.NewReplacer("ptycho_backend_pytorch", d.Package, "ptycho-backend-pytorch", d.Program, `name="pytorch"`, `name="`+d.Name+`"`)
	err = fs.WalkDir(ptycho.Sources, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := ptycho.Sources.ReadFile(name)
		for _, part := range []string{"examples/backend-pytorch/", "sdk/python/", "conformance/", "sdk/proto/ptycho/plugin/v1/"} {
			below, ok := strings.CutPrefix(name, part)
			if ok && strings.HasPrefix(part, "examples/") {
				below, text = renamed.Replace(below), []byte(renamed.Replace(string(text)))
			}
			if ok {
				files[below] = text
			}
		}
		return err
	})
	files[".gitignore"] = []byte("/venv/\n/dist/\n/build/\n*.egg-info/\n__pycache__/\n")
	return files, err
}

// writeProject writes files to a new folder, which appears when it is complete.
func writeProject(folder string, files map[string][]byte) error {
	abs, err := filepath.Abs(folder)
	if err != nil {
		return usage(err)
	}
	if _, err := os.Lstat(abs); err == nil {
		return usage(fmt.Errorf("--output-dir %s exists; name a new folder", folder))
	}
	if err := disk.MkdirAll(filepath.Dir(abs)); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(abs), ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // after its renaming this finds nothing
	for name, text := range files {
		at := filepath.Join(fresh, filepath.FromSlash(name))
		if err := disk.MkdirAll(filepath.Dir(at)); err != nil {
			return err
		}
		if err := disk.Write(at, text); err != nil {
			return err
		}
	}
	if err := os.Chmod(fresh, 0o755); err != nil { //nolint:gosec // sources
		return err
	}
	return os.Rename(fresh, abs)
}
