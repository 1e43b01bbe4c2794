package infer

import (
	"context"
	"time"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/output"
)

// Plan measures the time and memory that a reconstruction would take, and writes nothing.
func Plan(ctx context.Context, cfg *config.Inference, h host.Host) (host.Plan, error) {
	s, x := settings(cfg), cfg.Execution()
	plan := host.Plan{OutputDir: s.OutputDir}
	if err := output.Check(request(cfg, h)); err != nil {
		return plan, err
	}
	spool := newSpool(s)
	defer spool.Remove()
	m, data, _, err := readInputs(ctx, cfg, h, spool)
	if err != nil {
		return plan, err
	}
	plan.Patterns, plan.N = data.Len(), data.N
	plan.StepsPerEpoch = (data.Len() + s.InferenceBatchSize - 1) / s.InferenceBatchSize
	plan.Steps = plan.StepsPerEpoch
	plan.SpoolBytes = data.CopiedBytes()
	if m.First != nil {
		plan.SpoolBytes += dataset.FirstPassBytes(data.Len(), data.N)
	}
	plan.Parameters = m.Parameters()
	rows := make([]int, min(data.Len(), host.TrialSteps*s.InferenceBatchSize))
	for i := range rows {
		rows[i] = i
	}
	few, err := data.Select(rows)
	if err != nil {
		return plan, err
	}
	began := time.Now()
	predicted, err := predict(ctx, h, m, few, spool, s, x)
	if err != nil {
		return plan, err
	}
	predicted.Close()
	plan.StepSeconds = time.Since(began).Seconds() * float64(s.InferenceBatchSize) / float64(len(rows))
	plan.Seconds = plan.StepSeconds * float64(plan.Steps)
	return plan, nil
}
