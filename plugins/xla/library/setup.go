package library

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/disk"
)

// Result reports the library that a setup installed.
type Result struct {
	Device  Device `json:"device"`
	Package string `json:"package"`
	Version string `json:"version"`
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	Wheel   string `json:"wheel_sha256"`
	Already bool   `json:"already_there"`
}

// Setup installs a pinned library into its folder, from a wheel (a file, or in a folder of wheels) or from the wheel that the
// machine's pip downloads. It reports its progress to log. It replaces an installed file only after the new one is complete
// and verified.
func Setup(ctx context.Context, p Pin, wheel string, log io.Writer) (Result, error) {
	dir, err := p.folder()
	if err != nil {
		return Result{}, err
	}
	path, err := p.Path()
	if err != nil {
		return Result{}, err
	}
	r := Result{Device: p.Device, Package: p.Package, Version: p.Version, Path: path, Size: p.Size, SHA256: p.SHA256, Wheel: p.Wheel}
	if err := checkName(p.Device, r.Path); err != nil {
		return r, err
	}
	if p.verify(r.Path) == nil {
		r.Already = true
		return r, nil
	}
	if wheel == "" {
		work, err := workFolder(filepath.Dir(dir))
		if err != nil {
			return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
		}
		defer work.Remove()
		if wheel, err = fetch(ctx, p.Package, p.Version, work.Path(), p.CUDA > 0, log); err != nil {
			return r, err
		}
	}
	if wheel, err = wheelOf(wheel, p.Package, p.Version); err != nil {
		return r, err
	}
	sum, err := digest(wheel)
	if err != nil {
		return r, backend.Errorf(backend.NotFound, "setup", "%w", err)
	}
	if sum != p.Wheel {
		return r, backend.Errorf(backend.Invalid, "setup", "%s is not the wheel of %s %s: its SHA-256 is %s, want %s", wheel, p.Package, p.Version, sum, p.Wheel)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	fmt.Fprintf(log, "unpacking %d MiB into %s\n", p.Size>>20, dir)
	if err := p.unpack(ctx, wheel, r.Path); err != nil {
		for at := filepath.Dir(path); len(at) >= len(dir) && os.Remove(at) == nil; at = filepath.Dir(at) { // folders with files stay
		}
		return r, err
	}
	// The record is rewritten if it does not describe the library: a kill between the two writes costs one digest.
	if err := writeRecord(filepath.Join(filepath.Dir(path), recordName), p.record()); err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	return r, p.verify(r.Path)
}

// workFolder makes a folder for downloaded wheels and removes those of processes that ended.
func workFolder(parent string) (*disk.TemporaryFolder, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	disk.SweepTemporary(parent)
	return disk.NewTemporaryFolder(parent)
}

// unpack extracts the library from the wheel, which is a zip file, and compares it with the pin before it replaces the old one.
func (p Pin) unpack(ctx context.Context, wheel, to string) error {
	bad := func(err error) error {
		return backend.Errorf(backend.Invalid, "setup", "%s: %w", wheel, err)
	}
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return bad(err)
	}
	defer z.Close()
	src, err := z.Open(p.Member)
	if err != nil {
		return bad(err)
	}
	defer src.Close()
	dst, err := disk.Create(to)
	if err != nil {
		return bad(err)
	}
	defer dst.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, h), io.LimitReader(stoppable{ctx, src}, p.Size+1))
	if err != nil {
		return bad(err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != p.Size || sum != p.SHA256 {
		return bad(fmt.Errorf("%s has %d bytes with SHA-256 %s, want %d with %s", p.Member, n, sum, p.Size, p.SHA256))
	}
	if err := dst.Commit(); err != nil {
		return bad(err)
	}
	return nil
}

// stoppable is a reader that stops when its context is cancelled.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}
