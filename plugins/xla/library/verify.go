package library

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/disk"
)

// recordName is the file beside a library that holds its record.
const recordName = "library.json"

// record describes a library and the file that was last verified.
type record struct {
	Package string `json:"package,omitempty"`
	Version string `json:"version,omitempty"`
	Wheel   string `json:"wheel_sha256,omitempty"`
	File    string `json:"file"`
	SHA256  string `json:"sha256,omitempty"`
	Seen    stamp  `json:"seen"` // the file when it was last verified
}

// stamp identifies a file that was verified before.
type stamp struct {
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified_ns"`
	Inode    uint64 `json:"inode"`
}

func stampOf(path string, st fs.FileInfo) stamp {
	return stamp{path, st.Size(), st.ModTime().UnixNano(), inode(st)}
}

// verify compares a library with its pin. The digest takes a second; it is computed again only when the size, time or inode
// of the file changes.
func (p Pin) verify(path string) error {
	damaged := func(format string, args ...any) error {
		return backend.Errorf(backend.Invalid, "library", "%s is damaged: %s; install it again with: %s", path, fmt.Sprintf(format, args...), p.command())
	}
	st, err := os.Stat(path)
	if err != nil {
		return damaged("%v", err)
	}
	if st.Size() != p.Size {
		return damaged("it has %d bytes, want %d", st.Size(), p.Size)
	}
	beside := filepath.Join(filepath.Dir(path), recordName)
	now := stampOf(path, st)
	if r, err := readRecord(beside); err == nil && r.SHA256 == p.SHA256 && r.Seen == now {
		return nil
	}
	sum, err := digest(path)
	if err != nil {
		return damaged("%v", err)
	}
	if sum != p.SHA256 {
		return damaged("its SHA-256 is %s, want %s", sum, p.SHA256)
	}
	r := p.record()
	r.Seen = now
	writeRecord(beside, r) //nolint:errcheck // without a record each start takes a second longer
	return nil
}

func (p Pin) record() record {
	return record{Package: p.Package, Version: p.Version, Wheel: p.Wheel, File: p.File(), SHA256: p.SHA256}
}

// tried returns the error of loading a library without a known digest. It remembers an earlier trial of the same file.
func tried(path string, st fs.FileInfo, try func(string) error) error {
	now := stampOf(path, st)
	memory := ""
	if cache, err := os.UserCacheDir(); err == nil {
		sum := sha256.Sum256([]byte(path))
		memory = filepath.Join(cache, "ptycho", "xla", hex.EncodeToString(sum[:8])+".json")
		if r, err := readRecord(memory); err == nil && r.Seen == now {
			return nil
		}
	}
	if err := try(path); err != nil {
		return err
	}
	if memory != "" && os.MkdirAll(filepath.Dir(memory), 0o700) == nil {
		writeRecord(memory, record{File: filepath.Base(path), Seen: now}) //nolint:errcheck // the next start tries again
	}
	return nil
}

func digest(path string) (string, error) {
	f, _, err := disk.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func readRecord(path string) (record, error) {
	var r record
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// writeRecord writes a record atomically.
func writeRecord(path string, r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return disk.Write(path, append(text, '\n'))
}
