//go:build unix

package plugin

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// writeBits are the write permissions of group and others.
const writeBits fs.FileMode = 0o022

// check returns an error for the first part that belongs to another user, or for all parts that others can write to.
func check(path string, parts []pathPart) error {
	me := os.Geteuid()
	var open []pathPart
	for _, p := range parts {
		owner, err := ownerOf(p)
		if err != nil {
			return err
		}
		if owner != 0 && owner != me {
			return untrusted("%s is not trusted: %s belongs to %s, but plugins must belong to root or to the user who runs ptycho (%s); %s",
				path, p.path, account(owner), account(me), ownerAdvice(p.path, owner, me))
		}
		mode := p.info.Mode()
		if mode&fs.ModeSymlink != 0 { // the permissions of a link mean nothing
			continue
		}
		if mode.Perm()&writeBits != 0 && !(mode.IsDir() && mode&fs.ModeSticky != 0) {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	var who fs.FileMode
	var named, plain []string
	for _, p := range open {
		who |= p.info.Mode().Perm() & writeBits
		named = append(named, fmt.Sprintf("%s (%v)", p.path, p.info.Mode()))
		plain = append(plain, word(p.path))
	}
	others, change := "its group and other users", "go-w"
	switch who {
	case 0o020:
		others, change = "its group", "g-w"
	case 0o002:
		others, change = "other users", "o-w"
	}
	return untrusted("%s is not trusted: %s can write to %s; run: chmod %s %s",
		path, others, strings.Join(named, ", "), change, strings.Join(plain, " "))
}

func ownerOf(p pathPart) (int, error) {
	st, ok := p.info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s: the owner of the file is unknown", p.path)
	}
	return int(st.Uid), nil
}

// ownerAdvice says what to do about a file of another user. Root sees such files in containers, where a mounted folder keeps
// the owners that it has outside.
func ownerAdvice(path string, owner, me int) string {
	if me == 0 {
		return fmt.Sprintf("run: chown root %s, or run ptycho as user %d, or copy the plugin to a folder of root (a folder that is mounted into a container keeps its owner)", word(path), owner)
	}
	return "copy the plugin to a folder that belongs to you"
}

// account names a user by number and, if known, by name.
func account(id int) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return fmt.Sprintf("user %s, %d", u.Username, id)
	}
	return fmt.Sprintf("user %d", id)
}

// word quotes a path for a shell if necessary.
func word(path string) string {
	if strings.IndexFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@%:,=", r))
	}) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
