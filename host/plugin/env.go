package plugin

import (
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/sdk/wire"
)

// letThrough lists the host's variables that a plugin receives: the paths of programs, libraries, data and temporary files.
var letThrough = []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "XDG_DATA_HOME", "XDG_CACHE_HOME", "SYSTEMROOT"}

// letThroughPrefixes lists the prefixes of the variables of the engines and of ptycho.
var letThroughPrefixes = []string{"CUDA_", "XLA_", "OMP_", "PTYCHO_"}

// network lists the further variables for a tool that downloads, such as setup: proxies in upper and lower case, as curl
// reads them, certificates, and the variables of pip. PIP_INDEX_URL and the proxies may contain a password. They are passed
// on because the download needs them; docs/xla.md says so.
var network = []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "XDG_CONFIG_HOME", "VIRTUAL_ENV"}

// networkPrefixes lists the prefix of pip's settings.
var networkPrefixes = []string{"PIP_"}

// ours lists the variables that are set for each plugin. A host started by a plugin must not pass on its own values.
var ours = []string{wire.CookieKey, wire.LifelineKey, wire.LogLevelKey}

// allowed filters an environment. All other variables, including credentials, are withheld from plugins.
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

// isSetting reports whether a variable is a setting of the host, PTYCHO_SECTION__NAME. A plugin receives its settings through
// the protocol, and PTYCHO_EXECUTION__MLFLOW_URI may contain a password.
func isSetting(name string) bool {
	return strings.HasPrefix(name, "PTYCHO_") && strings.Contains(name, "__")
}
