//go:build unix

package backend

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/tensor"
)

// cpuSeconds returns the processor time of the process.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// BenchmarkStep runs optimiser steps of the default network: 8 patterns in 2 groups of 4.
func BenchmarkStep(b *testing.B) {
	for _, c := range []arch.Config{
		{Arch: "unet", N: 64, Gridsize: 2}, {Arch: "unet", N: 128, Gridsize: 2},
		{Arch: "cnn", N: 64, Gridsize: 2, Canvas: 80, PadObject: true, ProbeBig: true},
	} {
		b.Run(fmt.Sprintf("%s/N%d", c.Arch, c.N), func(b *testing.B) {
			tr := newTrial(b, c, 2)
			s, ref := tr.open(b, tensor.Float32, runtime.NumCPU())
			plan := tr.plan(ref.Dataset, 1)
			step := func() {
				plan.Steps[0].Number++
				if err := s.Step(context.Background(), plan, discard); err != nil {
					b.Fatal(err)
				}
			}
			step()
			if f, ok := s.(*session[float32]); ok {
				b.Logf("%.1f MiB are planned", float64(f.engine.held())/(1<<20))
			}
			b.ReportAllocs()
			start := cpuSeconds()
			for b.Loop() {
				step()
			}
			b.ReportMetric((cpuSeconds()-start)/float64(b.N), "cpu-s/op")
		})
	}
}
