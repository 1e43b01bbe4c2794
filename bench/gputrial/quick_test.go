//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestQuick_ShortensLongStages records the arguments of the commands with and without --quick.
func TestQuick_ShortensLongStages(t *testing.T) {
	for _, quick := range []bool{false, true} {
		one, _ := begin(t, time.Minute)
		one.backend, one.cpu, one.quick, one.sizes, one.batches = gorgonia, false, quick, []int{32, 16}, []int{8, 4}
		file := filepath.Join(t.TempDir(), "args")
		if err := os.WriteFile(filepath.Join(one.bin, program), []byte("#!/bin/sh\necho \"$@\" >>"+file+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		r := &recorder{one, &Stage{}}
		for _, run := range []func(context.Context, *recorder) error{one.conformance, one.parity} {
			if err := run(context.Background(), r); err == nil {
				t.Error("the script writes no report, but the stage does not fail")
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			if slices.Contains(strings.Fields(line), "--quick") != quick {
				t.Errorf("with quick = %t the command is ptycho %s", quick, line)
			}
		}
		if got, want := one.profiled(), map[bool]size{false: {64, 64}, true: {16, 4}}[quick]; got != want {
			t.Errorf("with quick = %t ncu measures %v, want %v", quick, got, want)
		}
	}
}
