package solve_test

import (
	"context"
	"fmt"
	"log"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/core/solve"
)

func ExampleSolve() {
	sim, err := simulate.New(context.Background(), simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 32, Height: 80, Patterns: 100})
	if err != nil {
		log.Fatal(err)
	}
	data := &scan.Scan{N: sim.N, Counts: sim.Counts, Rows: sim.Rows, Cols: sim.Cols, Modes: 1}
	for _, p := range sim.Probe {
		data.Probe = append(data.Probe, complex64(p))
	}
	result, err := solve.Solve(context.Background(), data, solve.Options{Engine: solve.LSQML, Iterations: 40, Fit: solve.Fit{Probe: true}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d iterations, R below 0.002: %v\n", len(result.History), result.R < 0.002)
	// Output: 40 iterations, R below 0.002: true
}
