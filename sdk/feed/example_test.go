package feed_test

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// session answers Params, Bind and Stop with feed.Session, and the other calls of the contract with methods such as Evaluate.
type session struct{ *feed.Session }

func (s session) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	return s.Batches(ctx, p.Dataset, p.Batches, nil, func(item feed.Item) error {
		counts, err := tensor.Data[float32](item.Inputs[program.Counts]) // [B, C, N, N]; a library would compute with them
		if err != nil {
			return err
		}
		sum := 0.0
		for _, k := range counts {
			sum += float64(k)
		}
		return emit(backend.EvalResult{Batch: item.Index, Scalars: map[string]backend.Sum{"photons": {Sum: sum, Count: float64(len(item.Batch.Rows))}}})
	})
}

func ExampleSession() {
	p := &program.Program{Name: "photons", N: 2, Group: 1, Inputs: []program.Input{
		{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{program.PerGroup(1), 1, 2, 2}}},
	}}
	o := feed.Asked(backend.OpenOptions{Workers: 2, Prefetch: 2}, tensor.Float32) // the options of Open
	o.Inputs = []string{program.Counts}
	s := session{feed.NewSession(p, o)}
	defer s.CloseAll()
	ctx := context.Background()
	id, err := s.Bind(ctx, backend.Dataset{Patterns: 2, Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, Value: tensor.Must([]uint16{1, 2, 3, 4, 0, 0, 0, 5}, 2, 2, 2)},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := backend.EvalPlan{Dataset: id, Batches: []backend.Batch{{Rows: []int32{1}}, {Rows: []int32{0, 1}}}}
	err = s.Evaluate(ctx, plan, func(r backend.EvalResult) error {
		fmt.Printf("batch %d: %.1f photons a pattern\n", r.Batch, r.Scalars["photons"].Mean())
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// batch 0: 5.0 photons a pattern
	// batch 1: 7.5 photons a pattern
}
