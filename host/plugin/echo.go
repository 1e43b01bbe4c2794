package plugin

import "github.com/hashicorp/go-hclog"

// echoes are log lines of go-plugin about a plugin that breaks the protocol. The error of the command says the same and names
// the plugin.
var echoes = map[string]bool{
	"stdio service not available, stdout/stderr syncing unavailable": true,
	"stdio service unavailable, run will do nothing":                 true,
	"error encountered while scanning stdout":                        true,
	"error receiving data":                                           true,
}

// Echo reports whether a log line repeats an error, for hclog.LoggerOptions.Exclude.
func Echo(_ hclog.Level, message string, _ ...any) bool { return echoes[message] }
