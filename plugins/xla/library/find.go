package library

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// Variable names the environment variable that holds the path of a library which the user chose instead of the pinned one.
func Variable(d Device) string {
	return "PTYCHO_XLA_" + strings.ToUpper(string(d)) + "_LIBRARY"
}

// Folder is where a pinned library is kept: $XDG_DATA_HOME/ptycho/xla/cpu-VERSION or cudaNN-VERSION. That of a CUDA library
// has the layout of pip, with NVIDIA's packages where the library looks for them.
func (p Pin) Folder() (string, error) {
	home := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(home) { // as the specification of the variable says
		user, err := os.UserHomeDir()
		if err != nil {
			return "", backend.Errorf(backend.NotFound, "library", "there is no home folder for the XLA library (%v): set XDG_DATA_HOME", err)
		}
		home = filepath.Join(user, ".local", "share")
	}
	name := string(p.Device)
	if p.CUDA > 0 {
		name += strconv.Itoa(p.CUDA)
	}
	return filepath.Join(home, "ptycho", "xla", name+"-"+p.Version), nil
}

// Path is the absolute path of a pinned library, whether it is there or not.
func (p Pin) Path() (string, error) {
	dir, err := p.Folder()
	if err != nil {
		return "", err
	}
	if p.CUDA > 0 {
		return filepath.Join(dir, filepath.FromSlash(p.Member)), nil
	}
	return filepath.Join(dir, p.File()), nil
}

// Found is a library that is whole.
type Found struct {
	Path   string // absolute
	SHA256 string // empty for a library that the user chose
	Pin    Pin    // zero for a library that the user chose
}

// Find gives the library of a device, verified. try loads a library in a process of its own and says whether that went
// well: it is asked for files whose digest nobody knows. cuda is the newest version of CUDA that the driver runs, 0 if that
// is not known: of several CUDA libraries the newest is taken that the driver runs.
func Find(d Device, cuda int, try func(path string) error) (Found, error) {
	if path := os.Getenv(Variable(d)); path != "" {
		return chosen(d, path, try)
	}
	p, err := For(d)
	if err != nil {
		return Found{}, err
	}
	path, err := p.Path()
	if err != nil {
		return Found{}, err
	}
	if d == CUDA {
		p, path = installed(p, path, cuda)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Found{}, backend.Errorf(backend.NotFound, "library", "the XLA library %s %s for the device %s is not there; it comes with: %s", p.Package, p.Version, d, Mend(d))
	}
	if err := p.verify(path); err != nil {
		return Found{}, err
	}
	if err := p.whole(); err != nil {
		return Found{}, err
	}
	if err := named(d, path); err != nil {
		return Found{}, err
	}
	return Found{Path: path, SHA256: p.SHA256, Pin: p}, nil
}

// installed is the CUDA library to use: the newest of those that are there and that the driver runs, else the newest that
// is there, else the first.
func installed(first Pin, path string, cuda int) (Pin, string) {
	for _, suits := range []func(Pin) bool{func(p Pin) bool { return cuda == 0 || p.CUDA <= cuda }, func(Pin) bool { return true }} {
		for _, p := range pins {
			if p.Device != CUDA || p.Machine != first.Machine || !suits(p) {
				continue
			}
			if at, err := p.Path(); err == nil {
				if _, err := os.Stat(at); err == nil {
					return p, at
				}
			}
		}
	}
	return first, path
}

func chosen(d Device, path string, try func(string) error) (Found, error) {
	bad := func(kind backend.Kind, format string, args ...any) (Found, error) {
		return Found{}, backend.Errorf(kind, "library", Variable(d)+" is "+path+": "+format, args...)
	}
	st, err := os.Stat(path)
	switch {
	case !filepath.IsAbs(path):
		return bad(backend.Invalid, "want an absolute path")
	case errors.Is(err, fs.ErrNotExist):
		return bad(backend.NotFound, "there is no such file")
	case err != nil:
		return bad(backend.Invalid, "%v", err)
	case !st.Mode().IsRegular():
		return bad(backend.Invalid, "it is no file")
	}
	if err := machine(path); err != nil {
		return bad(backend.Invalid, "%v", err)
	}
	if err := named(d, path); err != nil {
		return Found{}, err
	}
	if err := tried(path, st, try); err != nil {
		return bad(backend.Invalid, "XLA does not load from it: %v", err)
	}
	return Found{Path: path}, nil
}

// machine refuses what is no shared library for this machine.
func machine(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return errors.New("it is no shared library")
	}
	defer f.Close()
	want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	if f.Type != elf.ET_DYN || f.Machine != want {
		return errors.New("it is a library for " + f.Machine.String() + ", this machine is " + want.String())
	}
	return nil
}

// named refuses paths by which GoMLX would take the library for that of another device.
func named(d Device, path string) error {
	lower := strings.ToLower(path)
	cuda := strings.Contains(lower, "cuda") || strings.Contains(lower, "nvidia")
	if cuda != (d == CUDA) {
		want := map[Device]string{CPU: "neither cuda nor nvidia may be part of the path of a CPU library", CUDA: "the path of a CUDA library must have cuda in it"}[d]
		return backend.Errorf(backend.Invalid, "library", "%s: %s: set %s to another path", path, want, Variable(d))
	}
	return nil
}
