// Package trust decides whether a file may be run as a plugin. A plugin runs with all rights of the user, so nobody but
// root and the user may be able to change it or to put another file in its place.
//
// The rule is that of OpenSSH and sudo: the file belongs to root or to the user, so does each folder and each symbolic
// link on the way to it, and neither group nor others can write to any of them. A sticky folder such as /tmp may be
// writable: what lies in it can only be replaced by its owner, who has to be root or the user again.
//
// Write access of a group is refused for every group, a user's private group included. Who is in a group cannot be
// known without the directory services of the machine (LDAP, SSSD), and an access list that admits further users looks
// like write access of the group too. The error names the chmod that is needed, for all folders of the path at once.
//
// The path is checked from the root downwards. Each folder is known to be closed to others before the name in it is
// looked up, so nobody else can change what the rest of the path means between this check and the execution of the
// path that Open returns. What remains is root and the user themselves: a file that they replace while it is being
// started is noticed by File.Changed.
package trust

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/internal/plainfile"
)

// maxLinks is how many symbolic links a path may pass through, as many as Linux follows.
const maxLinks = 40

// File is a file that only root and the user can change. It is open, so that what is read from it is what was checked.
type File struct {
	*os.File
	Path string // absolute, without symbolic links
	info fs.FileInfo
}

// Open checks path and opens the file. The error says which part of the path is not trusted and what to do.
func Open(path string) (*File, error) {
	real, info, err := follow(path)
	if err != nil {
		return nil, err
	}
	f, opened, err := plainfile.Open(real)
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, opened) {
		err = fmt.Errorf("%s was replaced while it was checked; try again", path)
	}
	if err == nil {
		err = check(path, []part{{real, opened}})
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{File: f, Path: real, info: opened}, nil
}

// Self opens the file of this program without a check.
func Self(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{File: f, Path: path, info: info}, nil
}

// Mode returns the permissions that were checked.
func (f *File) Mode() fs.FileMode { return f.info.Mode() }

// Changed reports whether the file at Path is no longer the one that was checked.
func (f *File) Changed() error {
	now, err := os.Lstat(f.Path)
	if err != nil || !os.SameFile(f.info, now) || !now.ModTime().Equal(f.info.ModTime()) || now.Size() != f.info.Size() {
		return fmt.Errorf("%s was replaced while it was being started; run the command again", f.Path)
	}
	return nil
}

// Untrusted is the error for a path that somebody else than root and the user can change.
type Untrusted struct{ sentence string }

func (u *Untrusted) Error() string { return u.sentence }

func untrusted(format string, args ...any) error { return &Untrusted{fmt.Sprintf(format, args...)} }

// part is a folder, a link or a file on the way to a plugin.
type part struct {
	path string
	info fs.FileInfo
}

// follow walks from the root to the file. The parts are checked at the end, so that one error names all folders with the
// same fault; what is checked was read before the next name was looked up.
func follow(path string) (string, fs.FileInfo, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	root := filepath.VolumeName(abs) + string(filepath.Separator)
	names := split(abs[len(root):])
	at := root
	info, err := os.Lstat(at)
	if err != nil {
		return "", nil, err
	}
	parts := []part{{at, info}}
	for links := 0; len(names) > 0; {
		name := names[0]
		names = names[1:]
		if name == ".." { // out of the target of a link
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		if info, err = os.Lstat(next); err != nil {
			return "", nil, err
		}
		parts = append(parts, part{next, info})
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", nil, fmt.Errorf("%s passes through more than %d symbolic links", path, maxLinks)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", nil, err
		}
		if filepath.IsAbs(target) {
			at = root
			target = target[len(root):]
		}
		names = append(split(target), names...)
	}
	if info, err = os.Lstat(at); err != nil {
		return "", nil, err
	}
	if !info.Mode().IsRegular() { // said first: nobody should close a device to others
		return "", nil, &plainfile.KindError{Path: path, Mode: info.Mode()}
	}
	return at, info, check(path, parts)
}

// split returns the names of a path that say something.
func split(path string) []string {
	var out []string
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r < 128 && os.IsPathSeparator(byte(r)) }) {
		if name != "." {
			out = append(out, name)
		}
	}
	return out
}
