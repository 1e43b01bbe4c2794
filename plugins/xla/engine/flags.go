package engine

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// flagsKey is the variable from which XLA reads its flags once, when it is loaded. An unknown flag ends the process.
const flagsKey = "XLA_FLAGS"

// kind says which values XLA accepts for a flag. Another value also ends the process, at the first compile.
type kind int

const (
	boolean kind = iota // true if the value is omitted
	integer
	text
)

// knownFlag is a flag that the pinned libraries have.
type knownFlag struct {
	name string
	kind kind
}

var knownFlags = []knownFlag{
	{"xla_cpu_multi_thread_eigen", boolean},
	{"xla_cpu_max_isa", text},
	{"xla_cpu_enable_fast_math", boolean},
	{"xla_cpu_use_onednn", boolean},
	{"xla_cpu_use_xnnpack", boolean},
	{"xla_cpu_prefer_vector_width", integer},
	{"xla_cpu_enable_concurrency_optimized_scheduler", boolean},
	{"xla_backend_optimization_level", integer},
	{"xla_force_host_platform_device_count", integer},
	{"xla_dump_to", text},
	{"xla_dump_hlo_as_text", boolean},
	{deterministic, boolean},
	{"xla_gpu_autotune_level", integer},
	{"xla_gpu_enable_triton_gemm", boolean},
	{dataFolder, text},
}

// deterministic excludes GPU kernels whose order of summation varies.
const deterministic = "xla_gpu_exclude_nondeterministic_ops"

// dataFolder is the flag for the folder of the CUDA toolkit.
const dataFolder = "xla_gpu_cuda_data_dir"

// CheckFlags refuses flags of XLA that would end the process.
func CheckFlags() error {
	for _, f := range strings.Fields(os.Getenv(flagsKey)) {
		name, value, given := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		i := slices.IndexFunc(knownFlags, func(k knownFlag) bool { return k.name == name })
		if !strings.HasPrefix(f, "--") || i < 0 {
			var names []string
			for _, k := range knownFlags {
				names = append(names, k.name)
			}
			return backend.Errorf(backend.Invalid, "open", "%s holds %q, an unknown flag for which XLA could end the process; use only %s", flagsKey, f, strings.Join(names, ", "))
		}
		if want := knownFlags[i].kind.refuses(value, given); want != "" {
			return backend.Errorf(backend.Invalid, "open", "%s holds %q, an invalid value for which XLA would end the process; --%s takes %s", flagsKey, f, name, want)
		}
	}
	return nil
}

// refuses returns "" for a valid value, else a description of the valid values.
func (k kind) refuses(value string, given bool) string {
	switch k {
	case boolean:
		if given && !slices.Contains([]string{"true", "false", "1", "0"}, strings.ToLower(value)) {
			return "true or false"
		}
	case integer:
		if _, err := strconv.ParseInt(value, 10, 32); err != nil {
			return "a whole number"
		}
	case text:
		if value == "" || strings.ContainsAny(value, "'\"") {
			return "a value after =, without quotes and blanks"
		}
	}
	return ""
}

// DataFolder returns the folder of the CUDA toolkit named in XLA_FLAGS, "" for none. The last one counts, as in XLA.
func DataFolder() string {
	folder := ""
	for _, f := range strings.Fields(os.Getenv(flagsKey)) {
		if value, ok := strings.CutPrefix(f, "--"+dataFolder+"="); ok {
			folder = value
		}
	}
	return folder
}

// prepareCUDA sets the variables that a CUDA library and NVIDIA's libraries read once, when they are loaded. GoMLX requests
// full precision in matrix products but not in convolutions, which would run in TF32. NVIDIA_TF32_OVERRIDE covers both.
func prepareCUDA(l Library) error {
	set := map[string]string{goxlaChecks: "no"}
	if !l.TF32 {
		set["NVIDIA_TF32_OVERRIDE"] = "0"
	}
	flags := os.Getenv(flagsKey)
	if !strings.Contains(flags, deterministic) {
		flags += " --" + deterministic + "=true"
	}
	if l.Toolkit != "" && DataFolder() == "" {
		flags += " --" + dataFolder + "=" + quoted(l.Toolkit)
	}
	set[flagsKey] = strings.TrimSpace(flags)
	for name, value := range set {
		if err := os.Setenv(name, value); err != nil {
			return backend.Errorf(backend.Internal, "open", "%w", err)
		}
	}
	return nil
}

// goxlaChecks disables go-xla's search for NVIDIA's libraries. That search looks in one place only: it would warn about
// libraries that are installed elsewhere, or set another folder in XLA's flags.
const goxlaChecks = "GOPJRT_CUDA_CHECKS"

// quoted returns a path as XLA reads it in a flag.
func quoted(path string) string {
	if !strings.ContainsAny(path, " \t'\"\\") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}
