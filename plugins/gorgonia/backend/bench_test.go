package backend

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// cpuSeconds is the processor time of the process.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// BenchmarkStep is an optimiser step of the default network: 8 patterns in 2 groups of 4.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{64, 128} {
		for _, d := range []tensor.DType{tensor.Float32} {
			b.Run(fmt.Sprintf("unet/N%d/%v", n, d), func(b *testing.B) {
				tr := newTrial(b, arch.Config{N: n, Gridsize: 2}, 2)
				s, ref := tr.open(b, d, runtime.NumCPU())
				plan := tr.plan(ref.Dataset, 1)
				step := func() {
					plan.Steps[0].Number++
					if err := s.Step(context.Background(), plan, func(backend.StepResult) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
				step()
				b.ReportAllocs()
				start := cpuSeconds()
				for b.Loop() {
					step()
				}
				b.ReportMetric((cpuSeconds()-start)/float64(b.N), "cpu-s/op")
			})
		}
	}
}
