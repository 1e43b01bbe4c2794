package rundir

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNothingIsLeftOfARunThatNeverCommits(t *testing.T) {
	parent := t.TempDir()
	d, err := Create(filepath.Join(parent, "run"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteFile("config.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

func TestADirectoryWithContentsIsRefusedOrReplacedWhole(t *testing.T) {
	target := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(target, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(target, false); err == nil {
		t.Fatal("a directory with contents was taken")
	}
	d, err := Create(target, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteFile("new", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(target, "mine")); err != nil {
		t.Error("the old contents went before there were new ones")
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := os.Stat(filepath.Join(target, "new")); err != nil {
		t.Error("the new contents are not there")
	}
	if _, err := os.Stat(filepath.Join(target, "mine")); err == nil {
		t.Error("the old contents are still there")
	}
}

func TestTwoRunsCannotShareADirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Open(dir); err == nil {
		t.Error("a second run was let in")
	}
}
