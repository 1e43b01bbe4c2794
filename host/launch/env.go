package launch

import (
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/sdk/wire"
)

// letThrough are the host's variables that a plugin gets: where programs, libraries, data and temporary files are.
var letThrough = []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "XDG_DATA_HOME", "XDG_CACHE_HOME", "SYSTEMROOT"}

// letThroughPrefixes are those of the engines and our own.
var letThroughPrefixes = []string{"CUDA_", "XLA_", "OMP_", "PTYCHO_"}

// ours are set anew for each plugin. A host that is itself a child of a plugin must not pass its own on.
var ours = []string{wire.CookieKey, wire.LifelineKey, wire.LogLevelKey}

// allowed filters an environment. The rest, tokens and passwords among it, is nothing to a plugin.
func allowed(env []string) []string {
	var out []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		ok := slices.Contains(letThrough, name)
		for _, p := range letThroughPrefixes {
			ok = ok || strings.HasPrefix(name, p)
		}
		if ok && !slices.Contains(ours, name) {
			out = append(out, kv)
		}
	}
	return out
}
