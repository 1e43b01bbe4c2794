// Package measured finds, for tests, the data that lies beside the repository and is no part of it.
package measured

import (
	"os"
	"path/filepath"
	"testing"
)

// File is the path of a file in ../shared/data beside the repository; where it is absent the test is skipped.
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
		t.Skipf("needs ../shared/data/%s beside the repository: %v", name, err)
	}
	return path
}
