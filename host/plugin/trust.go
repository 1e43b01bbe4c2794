package plugin

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptychogo/ptycho/internal/disk"
)

// This file decides whether a file may be run as a plugin. A plugin runs with all rights of the user. Therefore only root
// and the user may be able to change or replace it.
//
// The rule is that of OpenSSH and sudo. The file and each folder and symbolic link on its path belong to root or to the user,
// and neither group nor others can write to any of them. A sticky folder such as /tmp may be writable, because only the owner
// of a file in it can replace the file, and the owner must be root or the user.
//
// Write access of a group is rejected for every group, including a user's private group. The members of a group are unknown
// without the directory services of the machine (LDAP, SSSD), and an access list for further users also appears as write
// access of the group. The error gives the necessary chmod for all folders of the path at once.
//
// The path is checked from the root downwards. Each folder is known to be closed to others before the next name in it is
// looked up. Therefore no other user can change the meaning of the rest of the path between this check and the execution of
// the path that openTrusted returns. Root and the user can; trustedFile.Changed detects a file that is replaced during the start.

// maxLinks is the number of symbolic links that a path may pass through, as on Linux.
const maxLinks = 40

// trustedFile is an open file that only root and the user can change. Reads return the contents of the checked file.
type trustedFile struct {
	*os.File
	Path string // absolute, without symbolic links
	info fs.FileInfo
}

// openTrusted checks path and opens the file. The error names the part of the path that is not trusted and the fix.
func openTrusted(path string) (*trustedFile, error) {
	real, info, err := follow(path)
	if err != nil {
		return nil, err
	}
	f, opened, err := disk.Open(real)
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, opened) {
		err = fmt.Errorf("%s was replaced during the check; try again", path)
	}
	if err == nil {
		err = check(path, []pathPart{{real, opened}})
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &trustedFile{File: f, Path: real, info: opened}, nil
}

// openSelf opens the file of this program without a check.
func openSelf(path string) (*trustedFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &trustedFile{File: f, Path: path, info: info}, nil
}

// Mode returns the checked permissions.
func (f *trustedFile) Mode() fs.FileMode { return f.info.Mode() }

// Changed returns an error if the file at Path is no longer the checked file.
func (f *trustedFile) Changed() error {
	now, err := os.Lstat(f.Path)
	if err != nil || !os.SameFile(f.info, now) || !now.ModTime().Equal(f.info.ModTime()) || now.Size() != f.info.Size() {
		return fmt.Errorf("%s was replaced during its start; run the command again", f.Path)
	}
	return nil
}

// untrustedError is the error for a path that other users than root and the user can change.
type untrustedError struct{ sentence string }

func (u *untrustedError) Error() string { return u.sentence }

func untrusted(format string, args ...any) error {
	return &untrustedError{fmt.Sprintf(format, args...)}
}

// pathPart is a folder, link or file on the path of a plugin.
type pathPart struct {
	path string
	info fs.FileInfo
}

// follow walks from the root to the file. It checks the parts at the end, so that one error names all folders with the same
// fault. The checked information of each part was read before the next name was looked up.
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
	parts := []pathPart{{at, info}}
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
		parts = append(parts, pathPart{next, info})
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
	if !info.Mode().IsRegular() { // first, because nobody should change the permissions of a device
		return "", nil, &disk.KindError{Path: path, Mode: info.Mode()}
	}
	return at, info, check(path, parts)
}

// split returns the names of a path without empty names and dots.
func split(path string) []string {
	var out []string
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r < 128 && os.IsPathSeparator(byte(r)) }) {
		if name != "." {
			out = append(out, name)
		}
	}
	return out
}
