package nvrtc

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/internal/disk"
)

// cache is the file with the compiled kernels of an architecture and a precision. Another version of the kernels or of NVRTC replaces it.
type cache struct {
	path string // "": none
	key  string
}

// mostBytes is more than the kernels have.
const mostBytes = 64 << 20

var errNoFolder = errors.New("the user's folder for caches is unknown, or others can write to it")

// newCache returns the cache of an order. key identifies sources, compiler and architecture.
func newCache(o order, key string) cache {
	c := cache{key: key}
	folder, err := os.UserCacheDir()
	if err != nil {
		return c
	}
	folder = filepath.Join(folder, "ptycho", "cuda")
	if os.MkdirAll(folder, 0o700) == nil && private(folder) {
		c.path = filepath.Join(folder, fmt.Sprintf("sm_%d-f%d.cubin", o.architecture, 8*o.size))
	}
	return c
}

// digest is the head of the file. It covers the key, so that a file of another version is not used, and the image, so that a damaged
// one is not.
func (c cache) digest(image []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s", len(c.key), c.key)
	h.Write(image)
	return h.Sum(nil)
}

// read returns the image, or nil if the cache does not have it.
func (c cache) read() []byte {
	if c.path == "" {
		return nil
	}
	b, err := disk.Read(c.path, mostBytes)
	if err != nil || len(b) <= sha256.Size || !bytes.Equal(b[:sha256.Size], c.digest(b[sha256.Size:])) {
		return nil
	}
	return b[sha256.Size:]
}

func (c cache) write(image []byte) error {
	if c.path == "" {
		return errNoFolder
	}
	return disk.Write(c.path, append(c.digest(image), image...))
}
