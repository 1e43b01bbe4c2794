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
)

// mostKernels is the number of kernels in the table.
const mostKernels = 10

// Metrics of ncu: the time of a launch, and the share of what the GPU can do in memory traffic and in arithmetic.
const (
	durationMetric   = "gpu__time_duration.sum"
	memoryMetric     = "dram__throughput.avg.pct_of_peak_sustained_elapsed"
	arithmeticMetric = "sm__throughput.avg.pct_of_peak_sustained_elapsed"
)

var kernelColumns = []string{"share %", "microseconds", "launches", "memory %", "arithmetic %"}

// kernels lists the longest kernels of a few training steps, measured by ncu.
func (t *trial) kernels(ctx context.Context, r *recorder) error {
	if t.cpu {
		return &skipped{"ncu measures GPUs"}
	}
	ncu := t.findTool("ncu")
	if ncu == "" {
		return &skipped{"ncu was not found on PATH, in CUDA_HOME or in /usr/local/cuda*"}
	}
	var env []string
	if t.backend == xla { // without autotuning, which would launch further kernels during compilation
		env = []string{"XLA_FLAGS=" + strings.TrimSpace(os.Getenv("XLA_FLAGS")+" --xla_gpu_autotune_level=0")}
	}
	log := filepath.Join(t.work, "ncu.csv")
	words := []string{ncu, "--csv", "--log-file", log, "--target-processes", "all", "--launch-count", "2000", "--metrics", durationMetric + "," + memoryMetric + "," + arithmeticMetric}
	s := t.profiled()
	e := t.underTool(ctx, 0, env, nil, words, "bench", "--json", "--quiet", "--steps", "1", "--n", strconv.Itoa(s.n), "--batch-size", strconv.Itoa(s.batch))
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

// profiled is the size of the steps that ncu measures.
func (o options) profiled() size {
	if o.quick {
		return o.all()[0]
	}
	return size{64, 64}
}

// launched is a launch in ncu's table.
type launched struct {
	kernel                   string
	time, memory, arithmetic float64 // microseconds, percent
}

// longest reads ncu's table and adds up the time of each kernel. Its percentages are means over the time.
func longest(report []byte) ([]row, error) {
	launches, err := readLaunches(report)
	if err != nil {
		return nil, err
	}
	sums, counts, total := map[string]*launched{}, map[string]int{}, 0.0
	for _, l := range launches {
		s := sums[l.kernel]
		if s == nil {
			s = &launched{kernel: l.kernel}
			sums[l.kernel] = s
		}
		counts[l.kernel]++
		s.time += l.time
		s.memory += l.memory * l.time
		s.arithmetic += l.arithmetic * l.time
		total += l.time
	}
	var rows []row
	for kernel, s := range sums {
		values := map[string]any{"share %": 100 * s.time / total, "microseconds": s.time, "launches": counts[kernel]}
		if s.memory > 0 || s.arithmetic > 0 {
			values["memory %"], values["arithmetic %"] = s.memory/s.time, s.arithmetic/s.time
		}
		rows = append(rows, row{What: kernel, Values: values})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.Values["microseconds"].(float64), a.Values["microseconds"].(float64)), strings.Compare(a.What, b.What))
	})
	return rows[:min(mostKernels, len(rows))], nil
}

// readLaunches reads ncu's table, which has a line for each metric of a launch.
func readLaunches(report []byte) ([]*launched, error) {
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
	var columns []int
	for _, name := range []string{"Kernel Name", "Metric Name", "Metric Unit", "Metric Value"} {
		columns = append(columns, slices.Index(lines[0], name))
	}
	if slices.Contains(columns, -1) {
		return nil, fmt.Errorf("ncu's table has the columns %s, want Kernel Name, Metric Name, Metric Unit and Metric Value", strings.Join(lines[0], ", "))
	}
	byID := map[string]*launched{}
	var out []*launched
	for _, l := range lines[1:] {
		if len(l) <= slices.Max(columns) {
			continue
		}
		one := byID[l[0]]
		if one == nil {
			one = &launched{kernel: l[columns[0]]}
			byID[l[0]] = one
			out = append(out, one)
		}
		if err := one.set(l[columns[1]], l[columns[2]], l[columns[3]]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// set sets a metric. A percentage that the GPU cannot measure stays 0.
func (l *launched) set(metric, unit, text string) error {
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	switch metric {
	case memoryMetric:
		l.memory = v
	case arithmeticMetric:
		l.arithmetic = v
	case durationMetric:
		factor, known := map[string]float64{"nsecond": 1e-3, "ns": 1e-3, "usecond": 1, "us": 1, "msecond": 1e3, "ms": 1e3, "second": 1e6, "s": 1e6}[unit]
		if err != nil || !known {
			return fmt.Errorf("ncu measured %q in %q, want a number in nsecond, usecond, msecond or second", text, unit)
		}
		l.time = v * factor
	}
	return nil
}
