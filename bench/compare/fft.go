//go:build linux

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"gonum.org/v1/gonum/dsp/fourier"

	corefft "github.com/ptychogo/ptycho/core/fft"
	"github.com/ptychogo/ptycho/internal/machine"
)

var sides = []int{64, 128, 256, 512}

// library measures the microseconds of one transform, or returns NaN.
type library struct {
	name string
	time func(n int) float64
}

// compareTransforms compares the time of one forward transform of a complex image in core/fft with SciPy's pocketfft and FFTW (both
// by bench/peers/fft2.py) and gonum, on one thread. The libraries take turns in several rounds, and the shortest time counts.
func compareTransforms(python string) error {
	const rounds = 5
	libraries := []library{}
	for _, path := range machine.Supported() {
		libraries = append(libraries, library{"ours " + string(path), func(n int) float64 { return transform(path, n) }})
	}
	p, err := startPeer(python, "bench/peers/fft2.py")
	if err != nil {
		return err
	}
	defer p.stop()
	libraries = append(libraries, library{"pocketfft", func(n int) float64 { return p.ask(fmt.Sprint("pocketfft ", n), "pocketfft") }},
		library{"FFTW", func(n int) float64 { return p.ask(fmt.Sprint("fftw ", n), "fftw") }}, library{"gonum", gonum})

	best := make([][]float64, len(sides))
	for i := range best {
		best[i] = make([]float64, len(libraries))
		for j := range best[i] {
			best[i][j] = math.Inf(1)
		}
	}
	for range rounds {
		for i, n := range sides {
			for j, l := range libraries {
				best[i][j] = math.Min(best[i][j], l.time(n))
			}
		}
	}
	fmt.Printf("| forward, µs |")
	for _, l := range libraries {
		fmt.Printf(" %s |", l.name)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(libraries)))
	for i, n := range sides {
		fmt.Printf("| %d² |", n)
		for _, t := range best[i] {
			if math.IsNaN(t) {
				fmt.Printf(" - |")
				continue
			}
			fmt.Printf(" %.1f |", t)
		}
		fmt.Println()
	}
	return nil
}

// least returns the shortest of 25 runs of about 2 ms, in microseconds per call. The peers measure in the same way.
func least(f func()) float64 {
	f()
	calls := 1
	for ; ; calls *= 2 {
		if timed(f, calls) > 2*time.Millisecond {
			break
		}
	}
	best := time.Duration(math.MaxInt64)
	for range 25 {
		best = min(best, timed(f, calls))
	}
	return float64(best.Nanoseconds()) / float64(calls) / 1e3
}

func timed(f func(), calls int) time.Duration {
	start := time.Now()
	for range calls {
		f()
	}
	return time.Since(start)
}

func transform(path machine.Instructions, n int) float64 {
	p, err := corefft.NewPath(n, n, path)
	if err != nil {
		return math.NaN()
	}
	x, y := make([]complex64, n*n), make([]complex64, n*n)
	for i := range x {
		x[i] = complex(float32(rand.NormFloat64()), float32(rand.NormFloat64()))
	}
	var w corefft.Work
	return least(func() { p.Forward(y, x, &w) })
}

// gonum transforms rows, then columns through a separate line. It supports only lines of complex128.
func gonum(n int) float64 {
	plan := fourier.NewCmplxFFT(n)
	x, y, line := make([]complex128, n*n), make([]complex128, n*n), make([]complex128, n)
	for i := range x {
		x[i] = complex(rand.NormFloat64(), rand.NormFloat64())
	}
	scale := complex(1/float64(n), 0)
	return least(func() {
		for r := range n {
			plan.Coefficients(y[r*n:][:n], x[r*n:][:n])
		}
		for c := range n {
			for r := range n {
				line[r] = y[r*n+c]
			}
			plan.Coefficients(line, line)
			for r := range n {
				y[r*n+c] = line[r] * scale
			}
		}
	})
}
