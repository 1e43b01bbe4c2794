package nvrtc

import (
	"bytes"
	"debug/elf"
	"fmt"
	"time"

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// libraries are the names of NVRTC, the newest first.
var libraries = []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"}

// compiler returns an NVRTC that is newer than the compiler of the PTX, or nil. A library that the user names must be there.
func (o order) compiler() (*Compiler, error) {
	names := libraries
	if o.library != "" {
		names = []string{o.library}
	}
	for _, name := range names {
		c, err := Open(name)
		switch {
		case err != nil && o.library != "":
			return nil, fmt.Errorf("%s=%s: %w", Variable, o.library, err)
		case err == nil && newer(c.Major, c.Minor):
			return c, nil
		}
	}
	return nil, nil
}

// newer reports whether a version is newer than that of the compiler of the PTX.
func newer(major, minor int) bool {
	var pinned [2]int
	_, _ = fmt.Sscanf(kernels.Version, "%d.%d", &pinned[0], &pinned[1]) // a constant
	return major > pinned[0] || major == pinned[0] && minor > pinned[1]
}

// kernels compiles the kernels, or reads what an earlier process compiled.
func (o order) kernels() (image []byte, from string, err error) {
	c, err := o.compiler()
	if c == nil || err != nil {
		return nil, "", err
	}
	name := fmt.Sprintf("NVRTC %d.%d for sm_%d", c.Major, c.Minor, o.architecture)
	cache := newCache(o, fmt.Sprintf("%s %s %d", kernels.Digest(), name, o.size))
	if image := cache.read(); image != nil {
		return image, "compiled earlier by " + name, nil
	}
	began := time.Now()
	if image, err = kernels.Assemble(c, o.architecture, o.size); err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	if _, err := elf.NewFile(bytes.NewReader(image)); err != nil {
		return nil, "", fmt.Errorf("%s returned something other than machine code: %w", name, err)
	}
	from = fmt.Sprintf("compiled by %s in %.1f s", name, time.Since(began).Seconds())
	if err := cache.write(image); err != nil { // the next start compiles again
		from += fmt.Sprintf(", but not cached (%v)", err)
	}
	return image, from, nil
}
