package engine

import (
	"os"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// XLA ends the process for an unknown flag or an invalid value.
func TestCheckFlags_RefusesWhatWouldEndTheProcess(t *testing.T) {
	for _, good := range []string{"", "--xla_gpu_enable_triton_gemm", "--xla_gpu_enable_triton_gemm=FALSE", "--xla_gpu_exclude_nondeterministic_ops=0",
		"--xla_gpu_autotune_level=-1 --xla_cpu_max_isa=AVX2", "--xla_gpu_cuda_data_dir=/usr/local/cuda"} {
		t.Setenv(flagsKey, good)
		if err := CheckFlags(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, words := range map[string]string{
		"--xla_misspelt=1":                       "unknown flag",
		"xla_gpu_autotune_level=1":               "unknown flag",
		"flags.txt":                              "unknown flag",
		"--xla_gpu_enable_triton_gemm=2":         "true or false",
		"--xla_gpu_enable_triton_gemm=":          "true or false",
		"--xla_dump_hlo_as_text=yes":             "true or false",
		"--xla_gpu_autotune_level":               "a whole number",
		"--xla_gpu_autotune_level=1.5":           "a whole number",
		"--xla_gpu_autotune_level=99999999999":   "a whole number",
		"--xla_gpu_cuda_data_dir":                "a value",
		"--xla_gpu_cuda_data_dir=\"/a b\"":       "a value",
		"--xla_gpu_autotune_level=0 --xla_bad=1": "--xla_bad=1",
	} {
		t.Setenv(flagsKey, bad)
		if err := CheckFlags(); backend.KindOf(err) != backend.Invalid || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: error %v, want one that says %q", bad, err, words)
		}
	}
}

func TestPrepareCUDA_NamesTheToolkitToXLA(t *testing.T) {
	for name, c := range map[string]struct{ user, toolkit, want string }{
		"found":      {"", "/opt/cuda", "--xla_gpu_exclude_nondeterministic_ops=true --xla_gpu_cuda_data_dir=/opt/cuda"},
		"with blank": {"", "/opt/my cuda", `--xla_gpu_exclude_nondeterministic_ops=true --xla_gpu_cuda_data_dir="/opt/my cuda"`},
		"chosen": {"--xla_gpu_cuda_data_dir=/own --xla_gpu_exclude_nondeterministic_ops=false", "/own",
			"--xla_gpu_cuda_data_dir=/own --xla_gpu_exclude_nondeterministic_ops=false"},
	} {
		t.Setenv(flagsKey, c.user)
		t.Setenv("NVIDIA_TF32_OVERRIDE", "")
		t.Setenv(goxlaChecks, "")
		if err := prepareCUDA(Library{Path: "/x/cuda.so", Toolkit: c.toolkit}); err != nil {
			t.Fatal(err)
		}
		if got := os.Getenv(flagsKey); got != c.want {
			t.Errorf("%s: XLA_FLAGS is %q, want %q", name, got, c.want)
		}
		if os.Getenv("NVIDIA_TF32_OVERRIDE") != "0" || os.Getenv(goxlaChecks) != "no" {
			t.Errorf("%s: TF32 or go-xla's search is still enabled", name)
		}
	}
}

func TestLibrary_SetsTheMemoryFraction(t *testing.T) {
	l := Library{Path: "/x/cuda.so", CUDA: true, Fraction: 0.25}
	if got, want := l.config(), "/x/cuda.so,tf32=false,preallocate=false,memory_fraction=0.250000"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
