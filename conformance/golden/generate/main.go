// Command generate writes the golden vectors: go run ./conformance/golden/generate, in the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/conformance/golden"
)

func main() {
	if err := run(filepath.Join("conformance", "golden")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := golden.Files()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, "operations")); err != nil { // removes files of former operations
		return err
	}
	for _, name := range golden.Names(files) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
