package library

import (
	"debug/elf"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// CUDAVersion is a major version of CUDA.
type CUDAVersion int

// The versions of CUDA for which XLA libraries are built.
const (
	CUDA12 CUDAVersion = 12
	CUDA13 CUDAVersion = 13
)

func (v CUDAVersion) String() string { return fmt.Sprintf("CUDA %d", int(v)) }

// Driver returns the first series of NVIDIA's driver that supports this version.
func (v CUDAVersion) Driver() int {
	if v >= CUDA13 {
		return 580
	}
	return 525
}

// toolkit returns the system package with the whole toolkit in NVIDIA's repositories.
func (v CUDAVersion) toolkit() string {
	if v >= CUDA13 {
		return "cuda-toolkit-13-0"
	}
	return "cuda-toolkit-12-9"
}

// setup returns the command that installs the XLA library and NVIDIA's packages for this version.
func (v CUDAVersion) setup() string {
	return fmt.Sprintf("ptycho plugins setup xla --device cuda --cuda %d", int(v))
}

// named matches the version in the path of a library, as in jax_plugins/xla_cuda13.
var named = regexp.MustCompile(`cuda(1[23])`)

// cudaVersionOf returns the version of CUDA for which an XLA library was built, from the folders in which the library looks for
// NVIDIA's libraries, else from its path, else CUDA 13.
func cudaVersionOf(library string) CUDAVersion {
	if f, err := elf.Open(library); err == nil {
		defer f.Close()
		for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
			paths, _ := f.DynString(tag) // a library may lack the tag
			for _, p := range paths {
				switch {
				case strings.Contains(p, "nvidia/cu13"):
					return CUDA13
				case strings.Contains(p, "nvidia/cublas"):
					return CUDA12
				}
			}
		}
	}
	if m := named.FindAllStringSubmatch(filepath.ToSlash(library), -1); len(m) > 0 {
		n, _ := strconv.Atoi(m[len(m)-1][1]) // two digits
		return CUDAVersion(n)
	}
	return CUDA13
}

// packageFolders returns the folders in which an XLA library of the pip layout looks for NVIDIA's packages.
func packageFolders(library string) []string {
	dir := filepath.Dir(library)
	return []string{filepath.Join(dir, "..", "..", "nvidia"), filepath.Join(dir, "..", "nvidia")}
}
