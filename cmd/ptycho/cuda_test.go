//go:build linux

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// driver is a library in the place of NVIDIA's driver that shows one GPU.
const driver = `
#include <stddef.h>
#include <string.h>
int cuDriverGetVersion(int *v) { *v = 13000; return 0; }
int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *n) { *n = 1; return 0; }
int cuDeviceGet(int *d, int n) { *d = n; return 0; }
int cuDeviceGetName(char *s, int n, int d) { strncpy(s, "GPU of a test", n); return 0; }
int cuDeviceTotalMem_v2(size_t *s, int d) { *s = 1ull << 30; return 0; }
`

// XLA ends the process at the first compile where a part of the toolkit is missing. The commands and the doctor say so
// before, and the backend is shown the variables that lead to the driver and the toolkit.
func TestCUDA_MissingToolkitEndsWith12(t *testing.T) {
	dir, scan := fixture.XLA(t, true), smallScan(t)
	site := t.TempDir()
	library := filepath.Join(site, "jax_plugins/xla_cuda13/xla_cuda_plugin.so")
	if err := os.MkdirAll(filepath.Dir(library), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range fixture.DoctorXLA(t) {
		if f.Check == "library for cpu" { // a library that loads, in the place of the one for CUDA
			if err := os.Symlink(f.Found[strings.LastIndex(f.Found, " ")+1:], library); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command("gcc", "-shared", "-fPIC", "-x", "c", "-o", filepath.Join(site, "libcuda.so.1"), "-")
	cmd.Stdin = strings.NewReader(driver)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("no gcc to compile a driver with: %v: %s", err, out)
	}
	t.Setenv("PTYCHO_XLA_CUDA_LIBRARY", library)
	t.Setenv("LD_LIBRARY_PATH", site)
	t.Setenv("XLA_FLAGS", "--xla_gpu_cuda_data_dir="+site)
	_, text, code := run(t, "train", "--plugin-dir", dir, "--backend", "xla", "--device", "cuda:0", "--train-data-file", scan, "--output-dir", filepath.Join(t.TempDir(), "out"))
	for _, want := range []string{site, "ptxas is missing, nvlink is missing, libdevice is missing", "nvidia-cuda-nvcc, nvidia-nvvm", "ptycho plugins setup xla --device cuda --cuda 13"} {
		if code != 12 || !strings.Contains(text, want) {
			t.Errorf("exit %d, want 12 and %q: %s", code, want, text)
		}
	}
	doctor := must(t, "plugins", "doctor", "xla", "--plugin-dir", dir)
	for _, want := range []string{"works NVIDIA driver", "GPU of a test", "works library for cuda", "NOT   needed by CUDA", "(exit code 12)"} {
		if !strings.Contains(doctor, want) {
			t.Errorf("the doctor does not say %q: %s", want, doctor)
		}
	}
	t.Setenv("CUDA_HOME", t.TempDir())
	t.Setenv("LD_LIBRARY_PATH", "")
	t.Setenv("CUDA_VISIBLE_DEVICES", "-1") // where there is a GPU
	_, text, code = run(t, "train", "--plugin-dir", dir, "--backend", "xla", "--device", "cuda:0", "--train-data-file", scan, "--output-dir", filepath.Join(t.TempDir(), "out"))
	if code != 13 || !strings.Contains(text, "no GPU is visible") {
		t.Errorf("no GPU: exit %d, want 13: %s", code, text)
	}
}
