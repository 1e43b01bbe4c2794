package engine

import (
	"os"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// flagsKey is the variable that XLA reads its settings from, once, when it is loaded. A flag that XLA does not know ends
// the process.
const flagsKey = "XLA_FLAGS"

// knownFlags were tried with the pinned libraries.
var knownFlags = []string{
	"xla_cpu_multi_thread_eigen", "xla_cpu_max_isa", "xla_cpu_enable_fast_math", "xla_cpu_use_onednn", "xla_cpu_use_xnnpack",
	"xla_cpu_prefer_vector_width", "xla_cpu_enable_concurrency_optimized_scheduler", "xla_backend_optimization_level",
	"xla_force_host_platform_device_count", "xla_dump_to", "xla_dump_hlo_as_text",
	deterministic, "xla_gpu_autotune_level",
}

// deterministic keeps XLA from GPU kernels whose sums come out in an order that varies.
const deterministic = "xla_gpu_exclude_nondeterministic_ops"

// CheckFlags refuses settings of XLA that would end the process.
func CheckFlags() error {
	for _, f := range strings.Fields(os.Getenv(flagsKey)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		if !strings.HasPrefix(f, "--") || !slices.Contains(knownFlags, name) {
			return backend.Errorf(backend.Invalid, "open", "%s holds %q, which XLA may not know and would end over; known are %s", flagsKey, f, strings.Join(knownFlags, ", "))
		}
	}
	return nil
}

// prepareCUDA sets what a CUDA library and NVIDIA's own read once, when they are loaded. GoMLX asks for full precision in
// matrix products but not in convolutions, which would run in TF32: the driver's own switch holds for both.
func prepareCUDA(l Library) error {
	if !l.TF32 {
		if err := os.Setenv("NVIDIA_TF32_OVERRIDE", "0"); err != nil {
			return backend.Errorf(backend.Internal, "open", "%w", err)
		}
	}
	flags := os.Getenv(flagsKey)
	if !strings.Contains(flags, deterministic) {
		if err := os.Setenv(flagsKey, strings.TrimSpace(flags+" --"+deterministic+"=true")); err != nil {
			return backend.Errorf(backend.Internal, "open", "%w", err)
		}
	}
	return nil
}
