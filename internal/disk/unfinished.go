package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A place is where files are opened and renamed: the file system, or the folder below an os.Root.
type place interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Rename(from, to string) error
	Link(from, to string) error
	Remove(name string) error
	Lstat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
}

// paths is the place of ordinary paths.
type paths struct{}

func (paths) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}
func (paths) Rename(from, to string) error           { return os.Rename(from, to) }
func (paths) Link(from, to string) error             { return os.Link(from, to) }
func (paths) Remove(name string) error               { return os.Remove(name) }
func (paths) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }
func (paths) Readlink(name string) (string, error)   { return os.Readlink(name) }

// A temporary file is named ".NAME.ptycho-RANDOM.tmp", hidden and in the same folder. NAME is shortened, because some file
// systems allow only 143 bytes.
const (
	mark       = ".ptycho-"
	suffix     = ".tmp"
	longestCut = 100
	randomSize = 6 // bytes
)

// temporaryName matches only the names of this package's temporary files: ".tmp" files of other programs must not be
// removed.
var temporaryName = regexp.MustCompile(`^\..*\.ptycho-[0-9a-f]{12}\.tmp$`)

func prefixOf(target string) string {
	name := filepath.Base(target)
	if len(name) > longestCut {
		name = name[:longestCut]
		for !utf8.ValidString(name) && len(name) > longestCut-utf8.UTFMax {
			name = name[:len(name)-1]
		}
	}
	return "." + name + mark
}

// tries limits the attempts to find a name. A second attempt is needed only if a cleaner locks a file between its creation
// and its lock.
const tries = 100

// openTemporary creates and locks a temporary file for a target.
func openTemporary(in place, target string) (string, *os.File, error) {
	var random [randomSize]byte
	for range tries {
		if _, err := rand.Read(random[:]); err != nil {
			return "", nil, err
		}
		name := filepath.Join(filepath.Dir(target), fmt.Sprintf("%s%x%s", prefixOf(target), random, suffix))
		f, err := in.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		// Without locks, nobody removes leftovers either.
		if held, err := TryLock(f); err == nil && !held || !isStill(in, name, f) {
			f.Close()
			continue
		}
		return name, f, nil
	}
	return "", nil, errors.New("no unused name for a temporary file was found")
}

// isStill reports whether a name still refers to the open file.
func isStill(in place, name string, f *os.File) bool {
	there, err := in.Lstat(name)
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(there, open)
}

// sweep removes the files that dead writers of a target left. A failed removal is ignored: it does not affect this writer.
func sweep(in place, target string) {
	prefix := prefixOf(target)
	sweepFolder(in, filepath.Dir(target), func(name string) bool { return strings.HasPrefix(name, prefix) })
}

// SweepIn removes the temporary files that dead writers left in a folder below an open one, and none of a running writer.
func SweepIn(root *os.Root, folder string) {
	sweepFolder(root, folder, func(string) bool { return true })
}

func sweepFolder(in place, folder string, ours func(name string) bool) {
	if !locks {
		return
	}
	d, err := in.OpenFile(folder, os.O_RDONLY, 0)
	if err != nil {
		return
	}
	names, _ := d.Readdirnames(-1) // as many as can be read
	d.Close()
	for _, name := range names {
		if temporaryName.MatchString(name) && ours(name) {
			removeDead(in, filepath.Join(folder, name))
		}
	}
}

// removeDead removes a temporary file whose lock is not held.
func removeDead(in place, name string) {
	if st, err := in.Lstat(name); err != nil || !st.Mode().IsRegular() {
		return
	}
	f, err := in.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if held, err := TryLock(f); err == nil && held && isStill(in, name, f) {
		_ = in.Remove(name) // the next writer tries again
	}
}
