// Package ptycho holds the sources that a new backend starts from. It is a package of its own because a package embeds only files
// below its own folder. The program is [github.com/ptychogo/ptycho/cmd/ptycho]; backends import [github.com/ptychogo/ptycho/sdk].
package ptycho

import "embed"

// Sources holds go.mod, the two example backends, the Python package for backends, the golden vectors and the protocol, by their
// paths in this module.
//
//go:embed go.mod examples/backend/main.go examples/backend-pytorch/ptycho_backend_pytorch/*.py examples/backend-pytorch/tests/*.py
//go:embed sdk/python/ptycho_backend/*.py sdk/python/ptycho_backend/*.pyi sdk/python/ptycho_backend/py.typed
//go:embed conformance/golden/*.md conformance/golden/*.py conformance/golden/*.json conformance/golden/operations
//go:embed sdk/proto/ptycho/plugin/v1/plugin.proto
var Sources embed.FS
