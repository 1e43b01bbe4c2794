package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// result reports the compilation of a program. Sizes are in bytes, on the device.
type result struct {
	program
	OK        bool    `json:"ok"`
	Message   string  `json:"message,omitempty"`
	Code      int64   `json:"code"`
	Arguments int64   `json:"arguments"`
	Outputs   int64   `json:"outputs"`
	Aliases   int64   `json:"aliases"` // outputs that reuse the memory of arguments
	Temporary int64   `json:"temporary"`
	Seconds   float64 `json:"seconds"`
}

// bytes returns the memory of a call.
func (r result) bytes() int64 { return r.Arguments + r.Outputs - r.Aliases + r.Temporary }

// compileOptions is a CompileOptionsProto: executable_build_options (3) with device_ordinal (1) −1, num_replicas (4) 1 and
// num_partitions (5) 1; compile_portable_executable (4) true. These are the options of go-xla.
var compileOptions = []byte("\x1a\x0f\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\x01\x28\x01\x20\x01")

// patience is the time limit for one program.
const patience = 5 * time.Minute

// compileAll compiles the programs in one process, and starts a new process after each program that ends it.
func compileAll(ctx context.Context, compiler string, o options, work string, programs []program) ([]result, error) {
	if o.most > 0 {
		kept := 0
		programs = slices.DeleteFunc(slices.Clone(programs), func(p program) bool {
			if p.Suite {
				kept++
			}
			return p.Suite && kept > o.most
		})
	}
	settings := filepath.Join(work, "options")
	if err := os.WriteFile(settings, compileOptions, 0o666); err != nil {
		return nil, err
	}
	var out []result
	for len(out) < len(programs) {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		done, err := compileSome(ctx, compiler, o, settings, programs[len(out):])
		out = append(out, done...)
		if err != nil && len(out) < len(programs) {
			if len(done) == 0 && len(out) == 0 && strings.Contains(err.Error(), "start") {
				return out, err
			}
			out = append(out, result{program: programs[len(out)], Message: err.Error()})
		}
	}
	return out, nil
}

// compileSome compiles until the process ends. The error says why it ended before the last program.
func compileSome(ctx context.Context, compiler string, o options, settings string, programs []program) ([]result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, compiler, o.cuda, "bench/deviceless/pjrt/h100.txtpb", settings)
	cmd.Env = append(os.Environ(), "XLA_FLAGS=--xla_gpu_cuda_data_dir="+o.data+
		// Deviceless compilation can neither time kernels nor list those of cuBLAS. The other flags are those of the backend.
		" --xla_gpu_autotune_level=0 --xla_gpu_enable_triton_gemm=false --xla_gpu_exclude_nondeterministic_ops=true")
	var words tail
	cmd.Stderr = &words
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the compiler does not start: %w", err)
	}
	lines := bufio.NewScanner(stdout)
	var out []result
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready") {
		text := lines.Text()
		cancel()
		_ = cmd.Wait() // its words count
		return nil, fmt.Errorf("the compiler does not start: %s %s", text, words.last())
	}
	for _, p := range programs {
		began := time.Now()
		late := time.AfterFunc(patience, cancel)
		_, err := io.WriteString(in, p.path+"\n")
		if err != nil || !lines.Scan() {
			late.Stop()
			_ = cmd.Wait() // its words count
			return out, fmt.Errorf("the compiler ended after %.0f s: %s", time.Since(began).Seconds(), words.last())
		}
		late.Stop()
		out = append(out, parse(p, lines.Text()))
		fmt.Fprintf(os.Stderr, "%.1f s, %s\n", time.Since(began).Seconds(), p.Name)
	}
	in.Close()
	return out, cmd.Wait()
}

func parse(p program, line string) result {
	r := result{program: p}
	if n, _ := fmt.Sscanf(line, "ok %d %d %d %d %d %f", &r.Code, &r.Arguments, &r.Outputs, &r.Aliases, &r.Temporary, &r.Seconds); n == 6 {
		r.OK = true
		return r
	}
	r.Message = strings.TrimPrefix(line, "failed ")
	return r
}

// tail keeps the end of a process's output.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	const room = 4 << 10
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-room):]
	return len(b), nil
}

// last returns the last line that reports a failure, else the last line.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	for _, l := range slices.Backward(lines) {
		if strings.HasPrefix(l, "F") || strings.Contains(l, "Check failed") {
			return l
		}
	}
	return lines[len(lines)-1]
}

// table prints the results and returns the number of failures.
func table(w io.Writer, results []result) (failed int) {
	const mib = 1 << 20
	fmt.Fprintf(w, "%-44s %9s %14s %15s %10s\n", "compiled for an H100, not run", "code kB", "arguments MiB", "temporary MiB", "call MiB")
	suite, suiteFailed, seconds := 0, 0, 0.0
	for _, r := range results {
		seconds += r.Seconds
		if r.Suite {
			suite++
		}
		switch {
		case !r.OK:
			failed++
			if r.Suite {
				suiteFailed++
			}
			fmt.Fprintf(w, "%-44s FAILED %s\n", r.Name, r.Message)
		case !r.Suite:
			fmt.Fprintf(w, "%-44s %9d %14.1f %15.1f %10.1f\n", r.Name, r.Code/1000, float64(r.Arguments)/mib, float64(r.Temporary)/mib, float64(r.bytes())/mib)
		}
	}
	fmt.Fprintf(w, "%d programs of the conformance suite, %d failed; %d steps of networks, %d failed; %.0f s of compilation\n",
		suite, suiteFailed, len(results)-suite, failed-suiteFailed, seconds)
	return failed
}
