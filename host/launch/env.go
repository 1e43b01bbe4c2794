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

// network are the further variables that a tool gets when it has to download something, as setup does: proxies,
// certificates, and what pip reads, in both spellings of curl's tradition. PIP_INDEX_URL and the proxies may hold a
// password. They are passed on all the same, because the download needs it; docs/xla.md says so.
var network = []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "XDG_CONFIG_HOME", "VIRTUAL_ENV"}

// networkPrefixes are those of pip's settings.
var networkPrefixes = []string{"PIP_"}

// ours are set anew for each plugin. A host that is itself a child of a plugin must not pass its own on.
var ours = []string{wire.CookieKey, wire.LifelineKey, wire.LogLevelKey}

// allowed filters an environment. All other variables, credentials included, are withheld from plugins.
func allowed(env []string, forDownload bool) []string {
	names, prefixes := letThrough, letThroughPrefixes
	if forDownload {
		names, prefixes = slices.Concat(names, network), slices.Concat(prefixes, networkPrefixes)
	}
	var out []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		ok := slices.Contains(names, name) || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if ok && !slices.Contains(ours, name) && !isSetting(name) {
			out = append(out, kv)
		}
	}
	return out
}

// isSetting reports whether a variable is a setting of the host, PTYCHO_SECTION__NAME. A plugin receives what concerns it
// through the protocol; PTYCHO_EXECUTION__MLFLOW_URI may hold a password.
func isSetting(name string) bool {
	return strings.HasPrefix(name, "PTYCHO_") && strings.Contains(name, "__")
}
