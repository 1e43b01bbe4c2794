//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// sanitizers lists the tools of compute-sanitizer, the most valuable first.
var sanitizers = []string{"memcheck", "racecheck", "synccheck", "initcheck"}

// sanitizerCases are the conformance cases that run under compute-sanitizer: every operation, which is slow there, so that a time
// limit ends them.
const sanitizerCases = "^operation/"

var summary = regexp.MustCompile(`(?m)(?:ERROR SUMMARY: |RACECHECK SUMMARY: )(\d+) `)

// sanitizer runs Gorgonia's kernels under compute-sanitizer. XLA's kernels are not ours.
func (t *trial) sanitizer(ctx context.Context, r *recorder) error {
	if t.backend != gorgonia {
		return &skipped{"it is for the kernels of the Gorgonia backend"}
	}
	if t.cpu {
		return &skipped{"compute-sanitizer checks GPUs"}
	}
	tool := t.findTool("compute-sanitizer")
	if tool == "" {
		return &skipped{"compute-sanitizer was not found on PATH, in CUDA_HOME or in /usr/local/cuda*"}
	}
	for i, name := range sanitizers {
		limit := share(ctx, 1/float64(len(sanitizers)-i))
		log := filepath.Join(t.work, name+".log")
		e := t.underTool(ctx, limit, nil, []int{20, 21}, []string{tool, "--tool", name, "--log-file", log},
			"conformance", "--level", "1", "--run", sanitizerCases, "--time-limit", (limit * 6 / 10).String())
		text, err := os.ReadFile(log)
		if err != nil && e.err == nil {
			e.err = err
		}
		r.add(sanitized(name, string(text), strings.Count(string(e.stderr), " passed "), e.err))
	}
	return nil
}

// sanitized returns the row of a tool from its report and the number of cases that passed under it.
func sanitized(tool, report string, passed int, failed error) row {
	one := row{What: tool, Values: map[string]any{"passed": passed}}
	found := summary.FindAllStringSubmatch(report, -1)
	if len(found) == 0 {
		one.Failed, one.Note = true, "compute-sanitizer wrote no summary"
		if failed != nil {
			one.Note += ": " + failed.Error()
		}
		return one
	}
	errors := 0
	for _, f := range found {
		n, _ := strconv.Atoi(f[1]) // digits
		errors += n
	}
	one.Values["errors"] = errors
	if one.Failed = errors > 0; one.Failed {
		one.Note = first(problem.FindStringSubmatch(report))
	} else if failed != nil {
		one.Note = fmt.Sprintf("ended early: %v", failed)
	}
	return one
}

// problem matches the first error of a report.
var problem = regexp.MustCompile(`(?m)^=+ +(?:Error: |Invalid |Race reported|Warning: |Program hit|Uninitialized|Barrier error).*$`)
