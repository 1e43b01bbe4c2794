// Package measured finds, for tests, the data next to the repository, which is not part of it.
//
// It is a package of its own because only tests use it.
package measured

import (
	"os"
	"path/filepath"
	"testing"
)

// File returns the path of a file in ../shared/data next to the repository. If the file is missing, the test is skipped.
func File(t testing.TB, name string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for above := ""; ; root = above {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if above = filepath.Dir(root); above == root {
			t.Fatal("no go.mod above the test")
		}
	}
	path := filepath.Join(root, "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs ../shared/data/%s next to the repository: %v", name, err)
	}
	return path
}
