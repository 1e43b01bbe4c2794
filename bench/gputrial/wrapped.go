//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// wrapper returns a shell script that runs a backend under a tool of NVIDIA. A tool cannot attach from outside, because ptycho passes
// few variables to a plugin. The host may kill the wrapper when the backend has ended. So the tool runs in a separate session, where
// it can still write its report, and the script then writes the file ended. The tool may not pass on the pipe by which a plugin
// detects the end of the host.
func wrapper(ended string, words ...string) string {
	var line strings.Builder
	for _, w := range append([]string{ended}, words...) {
		line.WriteString(" '" + strings.ReplaceAll(w, "'", `'\''`) + "'")
	}
	return `#!/bin/sh
unset PTYCHO_LIFELINE_FD
setsid sh -c '"$@"; echo ended >"$0"'` + line.String() + ` "$@" &
wait
`
}

// underTool runs a command of ptycho whose backend runs under a tool, and waits until the tool has written its report. The words are
// the tool and its options.
func (t *trial) underTool(ctx context.Context, limit time.Duration, env []string, tolerates []int, words []string, args ...string) ended {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	over, backend := filepath.Join(t.work, "tool-ended"), filepath.Join(t.work, "under-tool")
	_ = os.Remove(over) // of an earlier tool
	inside := filepath.Join(t.bin, backendProgram)
	if t.backend == gorgonia {
		inside = filepath.Join(t.work, dynamicProgram)
	}
	if err := os.WriteFile(backend, []byte(wrapper(over, append(words, inside)...)), 0o755); err != nil {
		return ended{err: err}
	}
	e := t.execute(ctx, command{path: filepath.Join(t.bin, program), keep: true, env: env, tolerates: tolerates, args: append(args, "--backend", backend, "--device", t.device())})
	for ctx.Err() == nil {
		if _, err := os.Stat(over); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	killOffspring(t.memory.pids())
	return e
}
