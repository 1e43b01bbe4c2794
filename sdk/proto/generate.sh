#!/bin/sh
# Generates the code of the protocol: for Go into sdk/wire/internal/pluginv1, for Python into sdk/python/ptycho_backend. The results
# are committed; run this after a change of plugin.proto. It needs Go and Python 3 (for protoc, from the package grpcio-tools)
# and writes nothing outside the repository and a temporary folder.
set -eu
cd "$(dirname "$0")"
tools=${PTYCHO_PROTO_TOOLS:-}
if [ -z "$tools" ]; then
	tools=$(mktemp -d)
	trap 'rm -rf "$tools"' EXIT
	mkdir -p "$tools/bin"
	GOBIN="$tools/bin" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
	GOBIN="$tools/bin" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
	python3 -m venv "$tools/venv"
	"$tools/venv/bin/pip" install --quiet grpcio-tools==1.85.1
	# Code of this version runs with every protobuf since 4.25; that of a later one requires a protobuf as new as itself.
	python3 -m venv "$tools/python"
	"$tools/python/bin/pip" install --quiet grpcio-tools==1.62.3
fi
PATH="$tools/bin:$PATH" "$tools/venv/bin/python" -m grpc_tools.protoc -I . \
	--go_out=../.. --go_opt=module=github.com/ptychogo/ptycho \
	--go-grpc_out=../.. --go-grpc_opt=module=github.com/ptychogo/ptycho \
	ptycho/plugin/v1/plugin.proto
gofmt -w ../wire/internal
made=$(mktemp -d)
"$tools/python/bin/python" -c "
import sys
from grpc_tools import _protoc_compiler
sys.exit(_protoc_compiler.run_main([a.encode() for a in sys.argv]))" -I . --python_out="$made" --pyi_out="$made" ptycho/plugin/v1/plugin.proto
mv "$made"/ptycho/plugin/v1/plugin_pb2.py* ../python/ptycho_backend/
rm -r "$made"
