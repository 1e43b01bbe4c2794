//go:build unix

package plugin

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stranger is a user other than root and the user who runs the tests.
const stranger = 65534

// closedProgram creates a program in a folder that is closed to others.
func closedProgram(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "closed")
	path := filepath.Join(dir, "program")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755), os.Chmod(dir, 0o755), os.Chmod(path, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
}

// TestOpen_AcceptsWhatOnlyRootAndTheUserCanChange also covers the folders of the tests, including /tmp.
func TestOpen_AcceptsWhatOnlyRootAndTheUserCanChange(t *testing.T) {
	path := closedProgram(t)
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(filepath.Join("..", filepath.Base(filepath.Dir(filepath.Dir(path))), "closed", "program"), link))
	sticky := filepath.Join(t.TempDir(), "sticky")
	must(t, os.Mkdir(sticky, 0o755), os.Chmod(sticky, 0o777|os.ModeSticky))
	inSticky := filepath.Join(sticky, "program")
	must(t, os.WriteFile(inSticky, nil, 0o755), os.Chmod(inSticky, 0o755))
	real, err := filepath.EvalSymlinks(path)
	must(t, err)
	for _, p := range []string{path, link, inSticky} {
		f, err := openTrusted(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if p != inSticky && f.Path != real {
			t.Errorf("%s leads to %s, want %s", p, f.Path, real)
		}
		must(t, f.Close())
	}
}

// TestOpen_RefusesWhatOthersCanChange breaks the rules for one part of a plugin's path at a time.
// Long: a table of the ways in which a path can be open to others.
func TestOpen_RefusesWhatOthersCanChange(t *testing.T) {
	for name, c := range map[string]struct {
		root  bool
		bend  func(t *testing.T, path string) string // returns the path to open
		wants []string
	}{
		"file, group": {bend: func(t *testing.T, path string) string {
			must(t, os.Chmod(path, 0o775))
			return path
		}, wants: []string{"its group can write to", "-rwxrwxr-x", "chmod g-w "}},
		"file, others": {bend: func(t *testing.T, path string) string {
			must(t, os.Chmod(path, 0o757))
			return path
		}, wants: []string{"other users can write to", "chmod o-w "}},
		"folder": {bend: func(t *testing.T, path string) string {
			must(t, os.Chmod(filepath.Dir(path), 0o777))
			return path
		}, wants: []string{"its group and other users can write to", "closed (drwxrwxrwx)", "chmod go-w "}},
		"two folders in one command": {bend: func(t *testing.T, path string) string {
			above := filepath.Dir(filepath.Dir(path))
			must(t, os.Chmod(filepath.Dir(path), 0o775), os.Chmod(above, 0o775))
			return path
		}, wants: []string{"001 /", "closed", "chmod g-w "}},
		"grandparent": {bend: func(t *testing.T, path string) string {
			must(t, os.Chmod(filepath.Dir(filepath.Dir(path)), 0o777))
			return path
		}, wants: []string{"001 (drwxrwxrwx)"}},
		"link in a folder of others": {bend: func(t *testing.T, path string) string {
			open := filepath.Join(t.TempDir(), "open")
			link := filepath.Join(open, "link")
			must(t, os.Mkdir(open, 0o755), os.Chmod(open, 0o777), os.Symlink(path, link))
			return link
		}, wants: []string{"open (drwxrwxrwx)"}},
		"link to a file of others": {bend: func(t *testing.T, path string) string {
			link := filepath.Join(t.TempDir(), "link")
			must(t, os.Chmod(path, 0o777), os.Symlink(path, link))
			return link
		}, wants: []string{"program (-rwxrwxrwx)"}},
		"folder behind a link": {bend: func(t *testing.T, path string) string {
			open, link := filepath.Join(t.TempDir(), "open"), filepath.Join(t.TempDir(), "link")
			must(t, os.Mkdir(open, 0o755), os.Chmod(open, 0o777), os.Symlink(open, link),
				os.WriteFile(filepath.Join(open, "program"), nil, 0o755))
			return filepath.Join(link, "program")
		}, wants: []string{"open (drwxrwxrwx)"}},
		"way through a folder of others by a link": {bend: func(t *testing.T, path string) string {
			open, link := filepath.Join(t.TempDir(), "open"), filepath.Join(t.TempDir(), "link")
			must(t, os.Mkdir(open, 0o755), os.Mkdir(filepath.Join(open, "sub"), 0o755), os.Chmod(open, 0o777),
				os.Symlink(path, filepath.Join(filepath.Dir(open), "program")), os.Symlink(open+"/sub/../../program", link))
			return link
		}, wants: []string{"open (drwxrwxrwx)"}},
		"file of another user": {root: true, bend: func(t *testing.T, path string) string {
			must(t, os.Chown(path, stranger, stranger))
			return path
		}, wants: []string{"program belongs to user", "65534", "chown root "}},
		"folder of another user": {root: true, bend: func(t *testing.T, path string) string {
			must(t, os.Chown(filepath.Dir(path), stranger, stranger))
			return path
		}, wants: []string{"closed belongs to user"}},
		"link of another user in a sticky folder": {root: true, bend: func(t *testing.T, path string) string {
			sticky := filepath.Join(t.TempDir(), "sticky")
			link := filepath.Join(sticky, "link")
			must(t, os.Mkdir(sticky, 0o755), os.Chmod(sticky, 0o777|os.ModeSticky), os.Symlink(path, link), os.Lchown(link, stranger, stranger))
			return link
		}, wants: []string{"link belongs to user"}},
		"folder of another user in a sticky folder": {root: true, bend: func(t *testing.T, path string) string {
			sticky := filepath.Join(t.TempDir(), "sticky")
			dir := filepath.Join(sticky, "dir")
			file := filepath.Join(dir, "program")
			must(t, os.Mkdir(sticky, 0o755), os.Chmod(sticky, 0o777|os.ModeSticky), os.Mkdir(dir, 0o755), os.WriteFile(file, nil, 0o755), os.Chown(dir, stranger, stranger))
			return file
		}, wants: []string{"dir belongs to user"}},
		"sticky folder of another user": {root: true, bend: func(t *testing.T, path string) string {
			dir := filepath.Dir(path)
			must(t, os.Chmod(dir, 0o777|os.ModeSticky), os.Chown(dir, stranger, stranger))
			return path
		}, wants: []string{"closed belongs to user"}},
		"sticky file": {bend: func(t *testing.T, path string) string { // the bit has no meaning on a file
			must(t, os.Chmod(path, 0o777|os.ModeSticky))
			return path
		}, wants: []string{"chmod go-w "}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.root {
				needRoot(t)
			}
			path := c.bend(t, closedProgram(t))
			f, err := openTrusted(path)
			if err == nil {
				f.Close()
				t.Fatalf("%s is trusted", path)
			}
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), path+" is not trusted: ") {
				t.Errorf("want one sentence that begins with the path: %v", err)
			}
			for _, want := range c.wants {
				if want == "001 /" {
					want = filepath.Dir(filepath.Dir(path)) + " " + filepath.Dir(path)
				}
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in: %v", want, err)
				}
			}
		})
	}
}

// TestOpen_NeverBlocks checks files that are not plugins: Open neither waits for them nor reads them.
func TestOpen_NeverBlocks(t *testing.T) {
	dir := t.TempDir()
	fifo, loop := filepath.Join(dir, "fifo"), filepath.Join(dir, "loop")
	must(t, syscall.Mkfifo(fifo, 0o755), os.Symlink(loop, loop))
	for path, want := range map[string]string{fifo: "not a regular file", dir: "not a regular file", "/dev/null": "", loop: "40 symbolic links"} {
		if f, err := openTrusted(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", path, f, err, want)
		}
	}
	if _, err := openTrusted(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func TestChanged_NoticesAnotherFile(t *testing.T) {
	path := closedProgram(t)
	f, err := openTrusted(path)
	must(t, err)
	defer f.Close()
	must(t, f.Changed())
	same, err := f.Stat()
	must(t, err)
	other := path + ".new" // the other file has the size and the time of the first
	must(t, os.WriteFile(other, []byte("#!/bin/ls\n"), 0o755), os.Chtimes(other, same.ModTime(), same.ModTime()), os.Rename(other, path))
	if err := f.Changed(); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("another file is taken for the one that was checked: %v", err)
	}
}

func TestChanged_NoticesOtherContent(t *testing.T) {
	for name, change := range map[string]func(path string, was time.Time) error{
		"size": func(path string, was time.Time) error {
			return errors.Join(os.WriteFile(path, []byte("#!/bin/other\n"), 0o755), os.Chtimes(path, was, was))
		},
		"time":    func(path string, was time.Time) error { return os.Chtimes(path, was, was.Add(time.Second)) },
		"removed": func(path string, _ time.Time) error { return os.Remove(path) },
	} {
		path := closedProgram(t)
		f, err := openTrusted(path)
		must(t, err)
		same, err := f.Stat()
		must(t, err, f.Changed(), change(path, same.ModTime()))
		if err := f.Changed(); err == nil || !strings.Contains(err.Error(), "was replaced") {
			t.Errorf("%s: the change is not noticed: %v", name, err)
		}
		f.Close()
	}
}

func TestError_QuotesForAShell(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	path := filepath.Join(dir, "program")
	must(t, os.Mkdir(dir, 0o755), os.WriteFile(path, nil, 0o755), os.Chmod(path, 0o775))
	_, err := openTrusted(path)
	if want := `chmod g-w '` + filepath.Dir(dir) + `/it'\''s here/program'`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
