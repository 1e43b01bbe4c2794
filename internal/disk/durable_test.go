package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// contents reads a file.
func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// holds fails unless a folder contains exactly these names.
func holds(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != strings.Join(want, " ") {
		t.Errorf("the folder contains %q, want %q", got, want)
	}
}

// put writes a file without this package.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestWrite_FailureKeepsTheOldFile checks that an interrupted write leaves the old file and no temporary one.
func TestWrite_FailureKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "result")
	put(t, path, "old")
	broken := errors.New("broken")
	err := WriteFrom(path, func(w io.Writer) error {
		if _, err := w.Write(bytes.Repeat([]byte("new"), buffer)); err != nil {
			return err
		}
		return broken
	})
	var p *fs.PathError
	if !errors.Is(err, broken) || !errors.As(err, &p) || p.Path != path {
		t.Errorf("the error is %v, want one that names %s", err, path)
	}
	if got := contents(t, path); got != "old" {
		t.Errorf("the file contains %.20q", got)
	}
	holds(t, dir, "result")
}

// TestWrite_FollowsLinks checks that the target of a symbolic link is replaced and the link is kept.
func TestWrite_FollowsLinks(t *testing.T) {
	for name, c := range map[string]struct {
		link, to string
		exists   bool
	}{
		"absolute": {"link", "there", true},
		"relative": {"link", "sub/there", true},
		"dangling": {"link", "sub/new", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "sub"), 0o777); err != nil {
				t.Fatal(err)
			}
			real, to := filepath.Join(dir, c.to), c.to
			if c.exists {
				put(t, real, "old")
			}
			if name == "absolute" {
				to = real
			}
			link := filepath.Join(dir, c.link)
			if err := os.Symlink(to, link); err != nil {
				t.Skip("no symbolic links here: ", err)
			}
			if err := Write(link, []byte("new")); err != nil {
				t.Fatal(err)
			}
			if st, err := os.Lstat(link); err != nil || st.Mode()&fs.ModeSymlink == 0 {
				t.Error("the link was replaced")
			}
			if got := contents(t, real); got != "new" {
				t.Errorf("the target of the link contains %q", got)
			}
		})
	}
}

// TestWrite_RefusesWhatIsNotAFile checks devices and folders, which a rename would destroy.
func TestWrite_RefusesWhatIsNotAFile(t *testing.T) {
	dir := t.TempDir()
	circle := filepath.Join(dir, "circle")
	if err := os.Symlink("circle", circle); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	for path, want := range map[string]string{
		dir:                            "is a folder",
		circle:                         "link to itself",
		os.DevNull:                     "is not a file but a device",
		filepath.Join(dir, "no", "no"): "no such file",
	} {
		if err := Write(path, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error is %v, want one with %q", path, err, want)
		}
	}
	holds(t, dir, "circle")
}

// TestFile_CloseLeavesNothing checks that a file without Commit never appears.
func TestFile_CloseLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "result"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, dir)
	if err := f.Commit(); err == nil {
		t.Error("a closed file was committed")
	}
}

// TestFile_CommitNewKeepsWhatCameMeanwhile checks that of two writers of one new file the first to commit wins, and the
// second gets an error.
func TestFile_CommitNewKeepsWhatCameMeanwhile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "scan.npz")
	var files [2]*File
	for i := range files {
		f, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write([]byte{'0' + byte(i)}); err != nil {
			t.Fatal(err)
		}
		files[i] = f
	}
	if err := files[1].CommitNew(); err != nil {
		t.Fatal(err)
	}
	if err := files[0].CommitNew(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second writer got %v, want fs.ErrExist", err)
	}
	if err := files[0].Close(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != "1" {
		t.Errorf("the file contains %q", got)
	}
	holds(t, dir, "scan.npz")
}

// TestWriteIn_FollowsAMovedFolder checks that files and folders are created in a folder that was renamed while it was open.
func TestWriteIn_FollowsAMovedFolder(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	if err := os.Mkdir(first, 0o777); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(first)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.Rename(first, second); err != nil {
		t.Skip("an open folder cannot be renamed here: ", err)
	}
	if err := WriteIn(root, filepath.Join("a", "b"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, filepath.Join(second, "a", "b")); got != "x" {
		t.Errorf("the file contains %q", got)
	}
}

// TestWriteIn_StaysInTheFolder checks that a symbolic link in an open folder is not followed to the outside.
func TestWriteIn_StaysInTheFolder(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "outside"), filepath.Join(inside, "link")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	root, err := os.OpenRoot(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := WriteIn(root, "link", []byte("x")); err == nil {
		t.Error("a file outside the folder was written")
	}
	holds(t, dir, "inside")
}

// TestWrite_LongNames checks that names of the maximum length can be written, and that leftovers of different long names
// are distinguished.
func TestWrite_LongNames(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("ä", 127)
	if err := Write(filepath.Join(dir, name), nil); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, name)
}
