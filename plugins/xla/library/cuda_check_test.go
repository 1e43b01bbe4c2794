package library

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// driverSource is a library with the functions of NVIDIA's driver that are called.
const driverSource = `
#include <stddef.h>
#include <string.h>
int cuDriverGetVersion(int *v) { *v = VERSION; return 0; }
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int *n) { *n = COUNT; return 0; }
int cuDeviceGet(int *d, int n) { *d = n; return 0; }
int cuDeviceGetName(char *s, int n, int d) { strncpy(s, "GPU of a test", n); return 0; }
int cuDeviceTotalMem_v2(size_t *s, int d) { *s = 80ull << 30; return 0; }
`

const cudnnSource = `#include <stddef.h>
size_t cudnnGetVersion(void) { return VERSION; }
`

// compiled builds a shared library without an soname, so that the loader does not reuse it in another test.
func compiled(t *testing.T, path, source string, define ...string) string {
	t.Helper()
	if out, err := open("libc.so.6"); out == (handle{}) || err != nil {
		t.Skip("this test was built without cgo, which loads libraries")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc, which compiles the libraries, was not found")
	}
	key := fmt.Sprint(source, define)
	if built[key] == "" {
		made := filepath.Join(t.TempDir(), "made.so")
		args := []string{"-shared", "-fPIC", "-x", "c", "-o", made}
		for _, d := range define {
			args = append(args, "-D"+d)
		}
		cmd := exec.Command("gcc", append(args, "-")...)
		cmd.Stdin = strings.NewReader(source)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v: %s", err, out)
		}
		content, err := os.ReadFile(made)
		if err != nil {
			t.Fatal(err)
		}
		built[key] = string(content)
	}
	return written(t, path, built[key], 0o644)
}

// built holds the libraries that gcc compiled, by source.
var built = map[string]string{}

// written writes a file and returns its path.
func written(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// layout is a machine with one GPU and an XLA library for a version of CUDA, with NVIDIA's packages in the layout of pip.
type layout struct {
	Machine
	t       *testing.T
	version CUDAVersion
	library string
	site    string
}

func newLayout(t *testing.T, v CUDAVersion) *layout {
	t.Helper()
	for _, name := range []string{"CUDA_HOME", "CUDA_PATH", "LD_LIBRARY_PATH"} {
		t.Setenv(name, "")
	}
	t.Setenv("PATH", "/usr/bin:/bin") // gcc's own folder, and no nvcc
	if _, err := exec.LookPath("nvcc"); err == nil {
		t.Skip("this machine has a CUDA toolkit in /usr/bin")
	}
	l := &layout{t: t, version: v, site: t.TempDir()}
	l.library = written(t, filepath.Join(l.site, "jax_plugins", fmt.Sprintf("xla_cuda%d", int(v)), "xla_cuda_plugin.so"), "not loaded here", 0o644)
	l.Root = t.TempDir()
	written(t, filepath.Join(l.Root, "dev/nvidia0"), "", 0o644)
	l.driver("580.65.06", "VERSION=13000", "INIT=0", "COUNT=1")
	toolkit := l.at("nvidia/cu13")
	if v == CUDA12 {
		toolkit = l.at("nvidia/cuda_nvcc")
	}
	written(t, filepath.Join(toolkit, "bin/ptxas"), "#!/bin/sh\necho Cuda compilation tools, release 13.0, V13.0.88\n", 0o755)
	if v == CUDA13 { // NVIDIA's package for CUDA 12 lacks nvlink
		written(t, filepath.Join(toolkit, "bin/nvlink"), "#!/bin/sh\n", 0o755)
	}
	written(t, filepath.Join(toolkit, "nvvm/libdevice/libdevice.10.bc"), "BC", 0o644)
	for _, k := range known(v) {
		compiled(t, l.at("nvidia/"+k.folder+"/lib/"+k.File), cudnnSource, "VERSION=91501")
	}
	return l
}

func (l *layout) at(path string) string { return filepath.Join(l.site, filepath.FromSlash(path)) }

func (l *layout) driver(release string, define ...string) {
	written(l.t, filepath.Join(l.Root, "proc/driver/nvidia/version"), "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  "+release+"  Release Build\nGCC version:  gcc version 12.3.0\n", 0o644)
	l.LibCUDA = compiled(l.t, filepath.Join(l.t.TempDir(), "libcuda.so.1"), driverSource, define...)
}

func (l *layout) remove(path string) {
	if err := os.RemoveAll(path); err != nil {
		l.t.Fatal(err)
	}
}

// check runs the checks of a session on a GPU before it loads XLA.
func (l *layout) check(chosen string) (CUDAFiles, error) {
	d, err := l.Driver()
	if err != nil {
		return CUDAFiles{}, err
	}
	return l.Check(l.library, chosen, d)
}

func TestCheck_FindsAPipLayout(t *testing.T) {
	for _, v := range []CUDAVersion{CUDA12, CUDA13} {
		l := newLayout(t, v)
		r, err := l.check("")
		if err != nil || r.Version != v || !strings.HasPrefix(r.Toolkit, l.site) || len(r.Without) > 0 {
			t.Errorf("%v: %+v, error %v", v, r, err)
		}
		d, _ := l.Driver()
		if len(d.Cards) != 1 || d.Cards[0] != (Card{"GPU of a test", 80 << 30}) {
			t.Errorf("%+v", d)
		}
	}
}

// missing lists the parts that can be missing, and the words of each error.
var missing = []struct {
	missing string
	plant   func(l *layout)
	kind    backend.Kind
	words   []string
}{
	{"ptxas", func(l *layout) { l.remove(l.at("nvidia/cu13/bin/ptxas")) }, backend.NotFound,
		[]string{"ptxas is missing", "pip: nvidia-cuda-nvcc;", "system: cuda-toolkit-13-0", "ptycho plugins setup xla --device cuda"}},
	{"ptxas that is not executable", func(l *layout) { _ = os.Chmod(l.at("nvidia/cu13/bin/ptxas"), 0o644) }, backend.NotFound,
		[]string{"ptxas is not executable", "chmod +x"}},
	{"ptxas that does not run", func(l *layout) { written(l.t, l.at("nvidia/cu13/bin/ptxas"), "#!/bin/sh\nexit 1\n", 0o755) }, backend.NotFound,
		[]string{"ptxas does not run"}},
	{"ptxas of CUDA 11", func(l *layout) {
		written(l.t, l.at("nvidia/cu13/bin/ptxas"), "#!/bin/sh\necho release 11.2, V11.2.1\n", 0o755)
	}, backend.NotFound,
		[]string{"ptxas is release 11.2, older than 12.0"}},
	{"nvlink", func(l *layout) { l.remove(l.at("nvidia/cu13/bin/nvlink")) }, backend.NotFound,
		[]string{"nvlink is missing", "pip: nvidia-cuda-nvcc;"}},
	{"libdevice", func(l *layout) { l.remove(l.at("nvidia/cu13/nvvm")) }, backend.NotFound,
		[]string{"libdevice is missing", "pip: nvidia-nvvm;"}},
	{"the toolkit", func(l *layout) { l.remove(l.at("nvidia/cu13/bin")); l.remove(l.at("nvidia/cu13/nvvm")) }, backend.NotFound,
		[]string{"ptxas is missing, nvlink is missing, libdevice is missing", "pip: nvidia-cuda-nvcc, nvidia-nvvm;"}},
	{"cuDNN", func(l *layout) { l.remove(l.at("nvidia/cudnn")) }, backend.NotFound,
		[]string{"cuDNN (libcudnn.so.9) was not found", "pip: nvidia-cudnn-cu13; system: libcudnn9-cuda-13"}},
	{"cuDNN of an old version", func(l *layout) { compiled(l.t, l.at("nvidia/cudnn/lib/libcudnn.so.9"), cudnnSource, "VERSION=90100") }, backend.NotFound,
		[]string{"cuDNN 9.1.0 is too old", "9.12.0 or later"}},
	{"cuDNN that is truncated", func(l *layout) { written(l.t, l.at("nvidia/cudnn/lib/libcudnn.so.9"), "\x7fELF", 0o644) }, backend.NotFound,
		[]string{"cuDNN does not load", "file too short"}},
	{"cuFFT", func(l *layout) { l.remove(l.at("nvidia/cu13/lib/libcufft.so.12")) }, backend.NotFound,
		[]string{"cuFFT (libcufft.so.12) was not found", "pip: nvidia-cufft;"}},
	{"the driver", func(l *layout) {
		l.LibCUDA = filepath.Join(l.Root, "libcuda.so.1")
		l.remove(filepath.Join(l.Root, "proc"))
		l.remove(filepath.Join(l.Root, "dev"))
	}, backend.Unavailable,
		[]string{"the NVIDIA driver is not installed", "nvidia-driver-580"}},
	{"the driver's library", func(l *layout) { l.LibCUDA = filepath.Join(l.Root, "libcuda.so.1") }, backend.Unavailable,
		[]string{"driver 580.65.06", "is loaded but its library cannot be loaded", "libnvidia-compute"}},
	{"a driver for CUDA 13", func(l *layout) { l.driver("535.104.05", "VERSION=12020", "INIT=0", "COUNT=1") }, backend.Unsupported,
		[]string{"driver 535.104.05 (up to CUDA 12.2) is too old", "driver 580 or later", "nvidia-driver-580", "--cuda 12"}},
	{"a GPU in CUDA_VISIBLE_DEVICES", func(l *layout) {
		l.t.Setenv("CUDA_VISIBLE_DEVICES", "-1")
		l.driver("580.65.06", "VERSION=13000", "INIT=100", "COUNT=0")
	}, backend.Unavailable, []string{"no GPU is visible", `CUDA_VISIBLE_DEVICES is "-1"`}},
	{"a GPU in the container", func(l *layout) {
		l.remove(filepath.Join(l.Root, "dev"))
		l.driver("580.65.06", "VERSION=13000", "INIT=100", "COUNT=0")
	}, backend.Unavailable, []string{"no GPU is visible", "/dev/nvidia0 is missing", "--gpus all"}},
	{"a GPU", func(l *layout) { l.driver("580.65.06", "VERSION=13000", "INIT=0", "COUNT=0") }, backend.Unavailable,
		[]string{"no GPU is visible", "nvidia-smi"}},
	{"a driver of one version", func(l *layout) { l.driver("580.65.06", "VERSION=13000", "INIT=803", "COUNT=0") }, backend.Unavailable,
		[]string{"of different versions", "restart"}},
}

// For each missing part the error is one sentence that names the package to install. The kind of the error determines the exit
// code: 13 if no GPU is usable, else 12.
func TestCheck_NamesEachMissingPart(t *testing.T) {
	for _, c := range missing {
		t.Run(c.missing, func(t *testing.T) {
			l := newLayout(t, CUDA13)
			unset(t, "CUDA_VISIBLE_DEVICES")
			if c.missing == "cuDNN" || c.missing == "cuFFT" {
				for _, k := range known(CUDA13) {
					if _, err := open(k.File); k.Name == c.missing && err == nil {
						t.Skip("this machine has " + k.File + " where the loader finds it")
					}
				}
			}
			c.plant(l)
			_, err := l.check("")
			if err == nil || backend.KindOf(err) != c.kind {
				t.Fatalf("error %v of kind %q, want %q", err, backend.KindOf(err), c.kind)
			}
			t.Log(strings.NewReplacer(l.site, "SITE", l.Root, "").Replace(err.Error()))
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
		})
	}
}

// unset removes a variable for the duration of a test.
func unset(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "")
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}

// Only several GPUs, solvers and profiles need the optional libraries.
func TestCheck_DoesWithoutOptionalLibraries(t *testing.T) {
	l := newLayout(t, CUDA13)
	l.remove(l.at("nvidia/nccl"))
	if _, err := open("libnccl.so.2"); err == nil {
		t.Skip("this machine has NCCL where the loader finds it")
	}
	r, err := l.check("")
	if several := r.Several(); err == nil && (backend.KindOf(several) != backend.NotFound || !strings.Contains(several.Error(), "nvidia-nccl-cu")) {
		t.Errorf("several GPUs without NCCL give the error %v, want one that names its package", several)
	}
	if err != nil || len(r.Without) != 1 || r.Without[0].Name != "NCCL" {
		t.Errorf("%+v, error %v", r, err)
	}
}

func TestToolkit_LooksInEveryPlaceInOrder(t *testing.T) {
	l := newLayout(t, CUDA13)
	whole := func(dir string) string {
		for _, p := range parts {
			written(t, filepath.Join(dir, p.path), "#!/bin/sh\necho release 13.0, V13.0.88\n", 0o755)
		}
		return dir
	}
	found := func(want string) {
		t.Helper()
		if dir, err := l.toolkit(l.library, CUDA13, ""); err != nil || dir != want {
			t.Errorf("found %s, error %v; want %s", dir, err, want)
		}
	}
	beside := l.at("nvidia/cu13")
	found(beside)
	t.Setenv("CUDA_PATH", whole(filepath.Join(t.TempDir(), "path")))
	found(os.Getenv("CUDA_PATH"))
	t.Setenv("CUDA_HOME", whole(filepath.Join(t.TempDir(), "home")))
	found(os.Getenv("CUDA_HOME"))
	l.remove(filepath.Join(os.Getenv("CUDA_HOME"), "nvvm"))
	found(os.Getenv("CUDA_PATH"))
	t.Setenv("CUDA_PATH", "")
	found(beside)
	l.remove(beside)
	found(whole(l.at("jax_plugins/nvidia/cu13"))) // one folder up from the library
	l.remove(l.at("jax_plugins/nvidia"))
	older, newer := whole(filepath.Join(l.Root, "usr/local/cuda-12.6")), whole(filepath.Join(l.Root, "usr/local/cuda-13.0"))
	found(newer)
	l.remove(newer)
	found(older)
	compiler := whole(t.TempDir())
	written(t, filepath.Join(compiler, "bin/nvcc"), "#!/bin/sh\n", 0o755)
	t.Setenv("PATH", filepath.Join(compiler, "bin")+":/usr/bin:/bin")
	found(compiler)
}

func TestToolkit_UsesOnlyTheChosenFolder(t *testing.T) {
	l := newLayout(t, CUDA13)
	chosen := t.TempDir()
	if _, err := l.toolkit(l.library, CUDA13, chosen); backend.KindOf(err) != backend.NotFound || !strings.Contains(err.Error(), chosen) || !strings.Contains(err.Error(), "--xla_gpu_cuda_data_dir") {
		t.Errorf("error %v, want one that names %s", err, chosen)
	}
}

func TestVersionOf_FallsBackToThePath(t *testing.T) {
	for path, want := range map[string]CUDAVersion{"/x/xla_cuda12/p.so": CUDA12, "/cuda12/xla_cuda13/p.so": CUDA13, "/x/p.so": CUDA13} {
		if v := cudaVersionOf(path); v != want {
			t.Errorf("%s: %v, want %v", path, v, want)
		}
	}
}

// The folders in which a library looks for NVIDIA's libraries show its version, whatever its path is.
func TestVersionOf_ReadsTheLibrary(t *testing.T) {
	for rpath, want := range map[string]CUDAVersion{"$ORIGIN/../../nvidia/cublas/lib": CUDA12, "$ORIGIN/../../nvidia/cu13/lib": CUDA13} {
		path := filepath.Join(t.TempDir(), "cuda.so")
		compiled(t, path, "int x;\n", "UNUSED") // without an RPATH
		if out, err := exec.Command("gcc", "-shared", "-o", path, "-x", "c", "/dev/null", "-Wl,-rpath,"+rpath).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if v := cudaVersionOf(path); v != want {
			t.Errorf("%s: %v, want %v", rpath, v, want)
		}
	}
}

func TestDriver_ReadsReleases(t *testing.T) {
	for text, want := range map[string]string{
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023":             "535.104.05",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)": "580.65.06",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57  Release Build":                       "575.57",
		"something else": "",
	} {
		m := Machine{Root: t.TempDir()}
		written(t, filepath.Join(m.Root, "proc/driver/nvidia/version"), text, 0o644)
		if got := m.release(); got != want {
			t.Errorf("%q: release %q, want %q", text, got, want)
		}
	}
	for release, want := range map[string]int{"580.65.06": 13000, "579.1": 12000, "525.60.13": 12000, "524.0": 11000, "": 0, "x": 0} {
		if got := promised(release); got != want {
			t.Errorf("%q: CUDA %d, want %d", release, got, want)
		}
	}
}
