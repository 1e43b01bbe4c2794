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

// Variable returns the name of the environment variable that holds the path of a library to use instead of the pinned one.
func Variable(d Device) string {
	return "PTYCHO_XLA_" + strings.ToUpper(string(d)) + "_LIBRARY"
}

// folder returns the folder of a pinned library: $XDG_DATA_HOME/ptycho/xla/cpu-VERSION or cudaNN-VERSION. The folder of a CUDA
// library has the layout of pip, with NVIDIA's packages where the library looks for them.
func (p Pin) folder() (string, error) {
	home := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(home) { // the XDG specification ignores relative paths
		user, err := os.UserHomeDir()
		if err != nil {
			return "", backend.Errorf(backend.NotFound, "library", "the home folder, which holds the XLA library, was not found (%v): set XDG_DATA_HOME", err)
		}
		home = filepath.Join(user, ".local", "share")
	}
	name := string(p.Device)
	if p.CUDA > 0 {
		name += strconv.Itoa(p.CUDA)
	}
	return filepath.Join(home, "ptycho", "xla", name+"-"+p.Version), nil
}

// Path returns the absolute path of a pinned library, which need not exist.
func (p Pin) Path() (string, error) {
	dir, err := p.folder()
	if err != nil {
		return "", err
	}
	if p.CUDA > 0 {
		return filepath.Join(dir, filepath.FromSlash(p.Member)), nil
	}
	return filepath.Join(dir, p.File()), nil
}

// Found is a library that was verified.
type Found struct {
	Path   string // absolute
	SHA256 string // empty for a library that the user chose
	Pin    Pin    // zero for a library that the user chose
}

// Find returns the library of a device, verified. try loads a library whose digest is not known in a separate process and
// returns the error. cuda is the newest version of CUDA that the driver supports, 0 if unknown: of several CUDA libraries Find
// chooses the newest that the driver supports.
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
		return Found{}, backend.Errorf(backend.NotFound, "library", "the XLA library %s %s for the device %s is not installed; install it with: %s", p.Package, p.Version, d, Command(d))
	}
	if err := p.verify(path); err != nil {
		return Found{}, err
	}
	if err := p.whole(); err != nil {
		return Found{}, err
	}
	if err := checkName(d, path); err != nil {
		return Found{}, err
	}
	return Found{Path: path, SHA256: p.SHA256, Pin: p}, nil
}

// installed returns the CUDA library to use: the newest installed one that the driver supports, else the newest installed
// one, else the first.
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

// chosen verifies the library that the user chose by the environment variable.
func chosen(d Device, path string, try func(string) error) (Found, error) {
	bad := func(kind backend.Kind, format string, args ...any) (Found, error) {
		return Found{}, backend.Errorf(kind, "library", Variable(d)+" is "+path+": "+format, args...)
	}
	st, err := os.Stat(path)
	switch {
	case !filepath.IsAbs(path):
		return bad(backend.Invalid, "want an absolute path")
	case errors.Is(err, fs.ErrNotExist):
		return bad(backend.NotFound, "the file does not exist")
	case err != nil:
		return bad(backend.Invalid, "%v", err)
	case !st.Mode().IsRegular():
		return bad(backend.Invalid, "it is not a regular file")
	}
	if err := checkMachine(path); err != nil {
		return bad(backend.Invalid, "%v", err)
	}
	if err := checkName(d, path); err != nil {
		return Found{}, err
	}
	if err := tried(path, st, try); err != nil {
		return bad(backend.Invalid, "XLA cannot be loaded from it: %v", err)
	}
	return Found{Path: path}, nil
}

// checkMachine refuses a file that is not a shared library for this machine.
func checkMachine(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return errors.New("it is not a shared library")
	}
	defer f.Close()
	want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	if f.Type != elf.ET_DYN || f.Machine != want {
		return errors.New("it is a library for " + f.Machine.String() + ", this machine is " + want.String())
	}
	return nil
}

// checkName refuses a path whose name GoMLX would match to another device.
func checkName(d Device, path string) error {
	lower := strings.ToLower(path)
	cuda := strings.Contains(lower, "cuda") || strings.Contains(lower, "nvidia")
	if cuda != (d == CUDA) {
		want := map[Device]string{CPU: "the path of a CPU library may contain neither cuda nor nvidia", CUDA: "the path of a CUDA library must contain cuda"}[d]
		return backend.Errorf(backend.Invalid, "library", "%s: %s: set %s to another path", path, want, Variable(d))
	}
	return nil
}
