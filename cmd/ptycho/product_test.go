package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
)

// TestConvert_KeepsAnotherScansProduct writes to names whose product exists already.
func TestConvert_KeepsAnotherScansProduct(t *testing.T) {
	npz, _ := randomScan(t, 101, format.Counts)
	dir := t.TempDir()
	first, product := filepath.Join(dir, "scan.h5"), filepath.Join(dir, "scan.product.h5")
	must(t, append([]string{"convert", npz, first}, geometry...)...)
	before, err := os.ReadFile(product)
	if err != nil {
		t.Fatal(err)
	}
	_, stderr, code := run(t, append([]string{"convert", npz, filepath.Join(dir, "scan.hdf5"), "--overwrite", "--rows", "0:5"}, geometry...)...)
	if code != 10 || !strings.Contains(stderr, "may belong to another scan") {
		t.Errorf("another extension: code %d: %s", code, stderr)
	}
	link := filepath.Join(dir, "link.h5")
	if err := os.Symlink(product, filepath.Join(dir, "link.product.h5")); err != nil {
		t.Skipf("no symbolic links: %v", err)
	}
	if err := os.Symlink(product, link); err != nil {
		t.Fatal(err)
	}
	_, stderr, code = run(t, append([]string{"convert", npz, link, "--overwrite"}, geometry...)...)
	if code != 10 || !strings.Contains(stderr, "are the same file") {
		t.Errorf("links: code %d: %s", code, stderr)
	}
	if after, err := os.ReadFile(product); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the product changed: %v", err)
	}
}
