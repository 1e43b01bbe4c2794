//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostKernels is the number of kernels in the table.
const mostKernels = 10

// wrapper returns a shell script that runs a backend under ncu. ncu cannot attach from outside, because ptycho passes few
// variables to a plugin. The host may kill the wrapper when the backend has ended. So ncu runs in a separate session, where it
// can still write its report, and the script then writes the file ended. ncu may not pass on the pipe by which a plugin detects
// the end of the host.
func wrapper(ended, ncu, log, backend string) string {
	quoted := func(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }
	return fmt.Sprintf(`#!/bin/sh
unset PTYCHO_LIFELINE_FD
setsid sh -c '"$@"; echo ended >"$0"' %s %s --csv --log-file %s --target-processes all --launch-count 2000 --metrics gpu__time_duration.sum %s "$@" &
wait
`, quoted(ended), quoted(ncu), quoted(log), quoted(backend))
}

// kernels lists the longest kernels of a few training steps, measured by ncu.
func (t *trial) kernels(ctx context.Context, r *recorder) error {
	if t.cpu {
		return &skipped{"ncu measures GPUs"}
	}
	ncu := t.findTool("ncu")
	if ncu == "" {
		return &skipped{"ncu was not found on PATH, in CUDA_HOME or in /usr/local/cuda*"}
	}
	ended, log, backend := filepath.Join(t.work, "ncu-ended"), filepath.Join(t.work, "ncu.csv"), filepath.Join(t.work, "under-ncu")
	if err := os.WriteFile(backend, []byte(wrapper(ended, ncu, log, filepath.Join(t.bin, backendProgram))), 0o755); err != nil {
		return err
	}
	// Without autotuning, which would launch further kernels during compilation.
	flags := strings.TrimSpace(os.Getenv("XLA_FLAGS") + " --xla_gpu_autotune_level=0")
	e := t.execute(ctx, command{path: filepath.Join(t.bin, program), keep: true, env: []string{"XLA_FLAGS=" + flags},
		args: []string{"bench", "--backend", backend, "--device", t.device(), "--json", "--quiet", "--steps", "1", "--n", "64", "--batch-size", "64"}})
	for ctx.Err() == nil {
		if _, err := os.Stat(ended); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	killOffspring(t.memory.pids())
	report, err := os.ReadFile(log)
	if err != nil {
		return errors.Join(e.err, err)
	}
	rows, err := longest(report)
	for _, row := range rows {
		r.add(row)
	}
	if err != nil {
		return errors.Join(e.err, err)
	}
	return nil
}

// longest reads ncu's table and adds up the time of each kernel.
func longest(report []byte) ([]row, error) {
	at := bytes.Index(report, []byte(`"ID",`)) // log lines of ncu come before
	if at < 0 {
		words := strings.Split(strings.TrimSpace(string(report)), "\n")
		return nil, fmt.Errorf("ncu wrote no table: %s", words[len(words)-1])
	}
	reader := csv.NewReader(bytes.NewReader(report[at:]))
	reader.FieldsPerRecord = -1
	lines, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("ncu's table cannot be read: %w", err)
	}
	name, unit, value := slices.Index(lines[0], "Kernel Name"), slices.Index(lines[0], "Metric Unit"), slices.Index(lines[0], "Metric Value")
	if name < 0 || unit < 0 || value < 0 {
		return nil, fmt.Errorf("ncu's table has the columns %s, want Kernel Name, Metric Unit and Metric Value", strings.Join(lines[0], ", "))
	}
	took, launches, total := map[string]float64{}, map[string]int{}, 0.0
	for _, l := range lines[1:] {
		if len(l) <= max(name, unit, value) {
			continue
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(l[value], ",", ""), 64)
		factor, known := map[string]float64{"nsecond": 1e-3, "ns": 1e-3, "usecond": 1, "us": 1, "msecond": 1e3, "ms": 1e3, "second": 1e6, "s": 1e6}[l[unit]]
		if err != nil || !known {
			return nil, fmt.Errorf("ncu measured %q in %q, want a number in nsecond, usecond, msecond or second", l[value], l[unit])
		}
		took[l[name]] += v * factor
		launches[l[name]]++
		total += v * factor
	}
	var rows []row
	for kernel, us := range took {
		rows = append(rows, row{What: kernel, Values: map[string]any{"share %": 100 * us / total, "microseconds": us, "launches": launches[kernel]}})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Values["microseconds"].(float64), a.Values["microseconds"].(float64)), strings.Compare(a.What, b.What))
	})
	return rows[:min(mostKernels, len(rows))], nil
}
