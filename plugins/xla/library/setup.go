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
	"github.com/ptychogo/ptycho/internal/durable"
)

// Result is what a setup brought.
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

// Setup brings a pinned library into its folder: out of a wheel that the user has, in a file or a folder of wheels, or of
// one that the machine's own pip fetches by the package's name. What happens is told to log. Nothing that is there is replaced before the new file is
// whole and verified.
func Setup(ctx context.Context, p Pin, wheel string, log io.Writer) (Result, error) {
	dir, err := p.Folder()
	if err != nil {
		return Result{}, err
	}
	path, err := p.Path()
	if err != nil {
		return Result{}, err
	}
	r := Result{Device: p.Device, Package: p.Package, Version: p.Version, Path: path, Size: p.Size, SHA256: p.SHA256, Wheel: p.Wheel}
	if err := named(p.Device, r.Path); err != nil {
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
		defer work.Close()
		defer os.RemoveAll(work.Name())
		if wheel, err = fetch(ctx, p.Package, p.Version, work.Name(), p.CUDA > 0, log); err != nil {
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
		for at := filepath.Dir(path); len(at) >= len(dir) && os.Remove(at) == nil; at = filepath.Dir(at) { // what is not empty stays
		}
		return r, err
	}
	// The record is rewritten when it does not describe the library: a kill between the two files costs one digest.
	if err := writeRecord(filepath.Join(filepath.Dir(path), recordName), p.record()); err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	return r, p.verify(r.Path)
}

// workPrefix begins the names of folders in which wheels arrive.
const workPrefix = ".setup-"

// workFolder makes a folder for a wheel, locked while this process lives, and removes those of dead processes.
func workFolder(parent string) (*os.File, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	old, err := filepath.Glob(filepath.Join(parent, workPrefix+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range old {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if held, err := durable.TryLock(f); err == nil && held {
			_ = os.RemoveAll(path) // the next setup tries again
		}
		f.Close()
	}
	path, err := os.MkdirTemp(parent, workPrefix+"*")
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	_, _ = durable.TryLock(f) // without locks nobody removes it either
	return f, nil
}

// unpack writes the library out of the wheel, which is a zip file, and compares it with the pin before it takes its place.
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
	dst, err := durable.Create(to)
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

// stoppable is a reader that ends with a context.
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
