// Package cuda finds and checks what XLA needs on an NVIDIA GPU before XLA's library is loaded: the driver, the programs and
// the data of the CUDA toolkit, and NVIDIA's libraries. XLA checks too late: if libdevice is missing it ends the process at
// the first compile.
package cuda

import (
	"debug/elf"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Version is a major version of CUDA.
type Version int

// The versions of CUDA for which XLA libraries are built.
const (
	CUDA12 Version = 12
	CUDA13 Version = 13
)

func (v Version) String() string { return fmt.Sprintf("CUDA %d", int(v)) }

// Driver returns the first series of NVIDIA's driver that supports this version.
func (v Version) Driver() int {
	if v >= CUDA13 {
		return 580
	}
	return 525
}

// toolkit returns the system package with the whole toolkit in NVIDIA's repositories.
func (v Version) toolkit() string {
	if v >= CUDA13 {
		return "cuda-toolkit-13-0"
	}
	return "cuda-toolkit-12-9"
}

// Setup returns the command that installs the XLA library and NVIDIA's packages for this version.
func (v Version) Setup() string {
	return fmt.Sprintf("ptycho plugins setup xla --device cuda --cuda %d", int(v))
}

// named matches the version in the path of a library, as in jax_plugins/xla_cuda13.
var named = regexp.MustCompile(`cuda(1[23])`)

// VersionOf returns the version of CUDA for which an XLA library was built, from the folders in which the library looks for
// NVIDIA's libraries, else from its path, else CUDA 13.
func VersionOf(library string) Version {
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
		return Version(n)
	}
	return CUDA13
}

// packageFolders returns the folders in which an XLA library of the pip layout looks for NVIDIA's packages.
func packageFolders(library string) []string {
	dir := filepath.Dir(library)
	return []string{filepath.Join(dir, "..", "..", "nvidia"), filepath.Join(dir, "..", "nvidia")}
}
