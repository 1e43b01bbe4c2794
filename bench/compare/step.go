//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// row is a measurement of ptycho and one of a peer.
type row struct {
	what          string
	ours, theirs  float64 // CPU-seconds of a step
	memory, other float64 // peak MiB of the process; 0: unknown
	peer, missing string
}

// compareSteps compares the training step with those of PyTorch and of the prototype.
func compareSteps(python string) error {
	const steps = 10 // measured
	var rows []row
	for _, n := range []int{64, 128} {
		r := row{what: fmt.Sprintf("unet, N=%d, 8 patterns in groups of 4", n), peer: "PyTorch"}
		if err := ours(&r, steps, "--arch", "unet", "--n", strconv.Itoa(n), "--batch-size", "8"); err != nil {
			return err
		}
		torch(&r, python, steps, n)
		rows = append(rows, r)
	}
	program, err := buildPrototype("../shared/prototypes/gorgonia")
	if err == nil {
		defer os.RemoveAll(filepath.Dir(program))
	}
	for _, c := range []int{1, 4} {
		r := row{what: fmt.Sprintf("cnn, N=64, n-filters-scale 2, 16 groups of %d", c), peer: "prototype"}
		side := map[int]string{1: "1", 4: "2"}[c]
		if err := ours(&r, steps/2, "--arch", "cnn", "--n", "64", "--batch-size", strconv.Itoa(16*c), "--gridsize", side); err != nil {
			return err
		}
		if err != nil {
			r.missing = err.Error()
		} else {
			proto(&r, program, steps/2, c)
		}
		rows = append(rows, r)
	}
	fmt.Printf("%-46s %-10s %10s %10s %7s %10s %10s\n", "training step, one thread", "peer", "CPU-s", "peer", "ratio", "peak MiB", "peer")
	for _, r := range rows {
		if r.missing != "" {
			fmt.Printf("%-46s %-10s %10.4f  not measured: %s\n", r.what, r.peer, r.ours, r.missing)
			continue
		}
		memory, other := strconv.Itoa(int(r.memory)), "-"
		if r.other > 0 {
			other = strconv.Itoa(int(r.other))
		}
		fmt.Printf("%-46s %-10s %10.4f %10.4f %7.2f %10s %10s\n", r.what, r.peer, r.ours, r.theirs, r.ours/r.theirs, memory, other)
	}
	return nil
}

// ours measures ptycho across the process boundary.
func ours(r *row, steps int, args ...string) error {
	args = append([]string{"bench", "--json", "--quiet", "--threads", "1", "--steps", strconv.Itoa(steps)}, args...)
	out, err := output(exec.Command("bin/ptycho", args...))
	var results []struct {
		CPU  float64 `json:"step_cpu_s"`
		Peak float64 `json:"peak_bytes"`
	}
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil || len(results) != 1 {
		return fmt.Errorf("bin/ptycho bench: %v (%d results): run make build first", err, len(results))
	}
	r.ours, r.memory = results[0].CPU, results[0].Peak/(1<<20)
	return nil
}

// torch measures the same step in PyTorch.
func torch(r *row, python string, steps, n int) {
	cmd := exec.Command(python, "bench/peers/unet_step.py", "--n", strconv.Itoa(n), "--threads", "1", "--steps", strconv.Itoa(steps))
	out, err := output(cmd)
	var result struct {
		CPU float64 `json:"cpu_s"`
	}
	if err == nil {
		err = json.Unmarshal(out, &result)
	}
	if err != nil {
		r.missing = python + " has no torch (pip install torch numpy, or PYTHON=…)"
		return
	}
	r.theirs = result.CPU
}

// buildPrototype compiles the prototype that the engine is compared with.
func buildPrototype(dir string) (string, error) {
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return "", fmt.Errorf("%s is missing", dir)
	}
	to, err := os.MkdirTemp("", "ptycho-prototype-")
	if err != nil {
		return "", err
	}
	// Its binding to OpenBLAS, which is not measured, needs a C library: replace the file by one without OpenBLAS.
	original, err := filepath.Abs(filepath.Join(dir, "oblas", "oblas.go"))
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: filepath.Join(to, "oblas.go")}})
	if err != nil {
		return "", err
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{"oblas.go": noBLAS, "go.mod": string(mod), "overlay.json": string(overlay)} {
		if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o666); err != nil {
			return "", err
		}
	}
	program := filepath.Join(to, "train")
	cmd := exec.Command("go", "build", "-mod=mod", "-modfile", filepath.Join(to, "go.mod"), "-overlay", filepath.Join(to, "overlay.json"), "-o", program, "./cmd/train")
	cmd.Dir = dir
	if _, err := output(cmd); err != nil {
		return "", fmt.Errorf("the prototype does not build: %w", err)
	}
	return program, nil
}

const noBLAS = `package oblas

func SetThreads(int) {}

func Sgemm(tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {}

func Dgemm(tA, tB bool, m, n, k int, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {}
`

// proto measures the prototype as the time difference of a long and a short run.
func proto(r *row, program string, steps, c int) {
	run := func(steps int) (cpu, peak float64, err error) {
		cmd := exec.Command(program, "-impl", "custom", "-gemm", "asm512", "-vm", "plan", "-adam", "own", "-b", "16", "-c", strconv.Itoa(c), "-steps", strconv.Itoa(steps))
		if _, err := output(cmd); err != nil {
			return 0, 0, err
		}
		u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), float64(u.Maxrss) / 1024, nil
	}
	short, _, err := run(2)
	if err != nil {
		r.missing = err.Error()
		return
	}
	long, peak, err := run(2 + steps)
	if err != nil {
		r.missing = err.Error()
		return
	}
	r.theirs, r.other = (long-short)/float64(steps), peak
}

// output runs a command and returns its output. The error contains the last line of its standard error.
func output(cmd *exec.Cmd) ([]byte, error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		text := bytes.TrimSpace(complaint.Bytes())
		return nil, fmt.Errorf("%w: %s", err, text[max(0, len(text)-300):])
	}
	return out.Bytes(), nil
}
