package engine

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// flagsKey is the variable that XLA reads its settings from, once, when it is loaded. A flag that XLA does not know ends
// the process.
const flagsKey = "XLA_FLAGS"

// A kind says which values XLA takes for a flag. Another value ends the process too, at the first compile.
type kind int

const (
	boolean kind = iota // without a value it is true
	integer
	text
)

// A knownFlag is a flag that the pinned libraries have.
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

// deterministic keeps XLA from GPU kernels whose sums come out in an order that varies.
const deterministic = "xla_gpu_exclude_nondeterministic_ops"

// dataFolder names the folder of the CUDA toolkit.
const dataFolder = "xla_gpu_cuda_data_dir"

// CheckFlags refuses settings of XLA that would end the process.
func CheckFlags() error {
	for _, f := range strings.Fields(os.Getenv(flagsKey)) {
		name, value, given := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		i := slices.IndexFunc(knownFlags, func(k knownFlag) bool { return k.name == name })
		if !strings.HasPrefix(f, "--") || i < 0 {
			var names []string
			for _, k := range knownFlags {
				names = append(names, k.name)
			}
			return backend.Errorf(backend.Invalid, "open", "%s holds %q, which XLA may not know and would end over; known are %s", flagsKey, f, strings.Join(names, ", "))
		}
		if want := knownFlags[i].kind.refuses(value, given); want != "" {
			return backend.Errorf(backend.Invalid, "open", "%s holds %q, which XLA would end over; --%s takes %s", flagsKey, f, name, want)
		}
	}
	return nil
}

// refuses says what a flag takes if that is not the value, else "".
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

// DataFolder is the folder of the CUDA toolkit that the user names in XLA_FLAGS, "" for none. The last one counts, as with
// XLA.
func DataFolder() string {
	folder := ""
	for _, f := range strings.Fields(os.Getenv(flagsKey)) {
		if value, ok := strings.CutPrefix(f, "--"+dataFolder+"="); ok {
			folder = value
		}
	}
	return folder
}

// prepareCUDA sets what a CUDA library and NVIDIA's own read once, when they are loaded. GoMLX asks for full precision in
// matrix products but not in convolutions, which would run in TF32: the driver's own switch holds for both.
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

// goxlaChecks is the switch of go-xla's own search for NVIDIA's libraries. It looks in one place only and would warn of
// libraries that are found in another, or name a folder of its own to XLA.
const goxlaChecks = "GOPJRT_CUDA_CHECKS"

// quoted is a path as XLA reads it in a flag.
func quoted(path string) string {
	if !strings.ContainsAny(path, " \t'\"\\") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}
