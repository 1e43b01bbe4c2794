package library

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
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

// Setup brings a pinned library into its folder: out of a wheel that the user has, or of one that the machine's own pip
// fetches by the package's name. What happens is told to log. Nothing that is there is replaced before the new file is
// whole and verified.
func Setup(ctx context.Context, p Pin, wheel string, log io.Writer) (Result, error) {
	dir, err := p.Folder()
	if err != nil {
		return Result{}, err
	}
	r := Result{Device: p.Device, Package: p.Package, Version: p.Version, Path: filepath.Join(dir, p.File()), Size: p.Size, SHA256: p.SHA256, Wheel: p.Wheel}
	if err := named(p.Device, r.Path); err != nil {
		return r, err
	}
	if p.verify(r.Path) == nil {
		r.Already = true
		return r, nil
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	work, err := os.MkdirTemp(parent, ".setup-*")
	if err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	defer os.RemoveAll(work)
	if wheel == "" {
		if wheel, err = p.fetch(ctx, filepath.Join(work, "wheel"), log); err != nil {
			return r, err
		}
	}
	sum, err := digest(wheel)
	if err != nil {
		return r, backend.Errorf(backend.NotFound, "setup", "%w", err)
	}
	if sum != p.Wheel {
		return r, backend.Errorf(backend.Invalid, "setup", "%s is not the wheel of %s %s: its SHA-256 is %s, want %s", wheel, p.Package, p.Version, sum, p.Wheel)
	}
	fresh := filepath.Join(work, "library")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	fmt.Fprintf(log, "unpacking %d MiB into %s\n", p.Size>>20, dir)
	if err := p.unpack(ctx, wheel, filepath.Join(fresh, p.File())); err != nil {
		return r, err
	}
	if err := writeRecord(filepath.Join(fresh, recordName), p.record()); err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	if err := os.Rename(dir, filepath.Join(work, "old")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return r, backend.Errorf(backend.Invalid, "setup", "%w", err)
	}
	return r, p.verify(r.Path)
}

// fetch has the machine's pip fetch the wheel.
func (p Pin) fetch(ctx context.Context, into string, log io.Writer) (string, error) {
	pip, err := findPip(ctx)
	if err != nil {
		return "", backend.Errorf(backend.NotFound, "setup", "there is no pip to fetch %s %s with: install Python's pip, or bring the wheel by other ways and give it with --from FILE.whl", p.Package, p.Version)
	}
	args := append(pip[1:], "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
		"--platform", p.Tag, "--python-version", "3.12", "--dest", into, p.Package+"=="+p.Version)
	fmt.Fprintf(log, "fetching %s %s with pip\n", p.Package, p.Version)
	cmd := exec.CommandContext(ctx, pip[0], args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return "", backend.Errorf(backend.NotFound, "setup", "pip could not fetch %s %s (%v): see its words above, or bring the wheel by other ways and give it with --from FILE.whl", p.Package, p.Version, err)
	}
	wheels, err := filepath.Glob(filepath.Join(into, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", backend.Errorf(backend.Invalid, "setup", "pip brought %d wheels, want one", len(wheels))
	}
	return wheels[0], nil
}

// findPip gives the command of the machine's pip.
func findPip(ctx context.Context) ([]string, error) {
	for _, c := range [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}, {"python", "-m", "pip"}} {
		path, err := exec.LookPath(c[0])
		if err != nil {
			continue
		}
		if exec.CommandContext(ctx, path, append(c[1:], "--version")...).Run() == nil {
			return append([]string{path}, c[1:]...), nil
		}
	}
	return nil, exec.ErrNotFound
}

// unpack writes the library out of the wheel, which is a zip file, and holds it against the pin.
func (p Pin) unpack(ctx context.Context, wheel, to string) (err error) {
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
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return bad(err)
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, h), io.LimitReader(stoppable{ctx, src}, p.Size+1))
	if err == nil {
		err = dst.Sync()
	}
	if cerr := dst.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return bad(err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != p.Size || sum != p.SHA256 {
		return bad(fmt.Errorf("%s has %d bytes with SHA-256 %s, want %d with %s", p.Member, n, sum, p.Size, p.SHA256))
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
