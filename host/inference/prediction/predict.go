// Package prediction runs a network over the patterns of a scan and stitches its patches.
package prediction

import (
	"context"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/gauge"
	"github.com/ptychogo/ptycho/host/model"
)

// Predict runs the network over all patterns.
func Predict(ctx context.Context, h host.Host, m *model.Model, data *scan.Scan, s config.InferenceSettings, x config.Execution) (_ *Prediction, err error) {
	spool, err := dataset.NewSpool(int64(len(data.Counts)) * dataset.BytesPerCount)
	if err != nil {
		return nil, err
	}
	defer spool.Remove()
	patterns, err := spool.Add("patterns", data, m.Probe, gauge.Uniform(data.N, m.Background))
	if err != nil {
		return nil, err
	}
	weight := make([]float32, data.N*data.N)
	for i, v := range m.Probe.Intensity() {
		weight[i] = 1
		if s.PatchWeighting == "probe" {
			weight[i] = float32(v)
		}
	}
	engine, session, err := h.Open(ctx, h.OpenOptions(x, m.Program, false), m.State)
	if err != nil {
		return nil, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // results are in hand; the process is killed if it must be
	defer session.Close()
	id, err := session.Bind(ctx, patterns)
	if err != nil {
		return nil, err
	}
	batches, err := dataset.Singles(m.Program, data, s.InferenceBatchSize)
	if err != nil {
		return nil, host.Failf(host.ExitData, "%s: %w", s.TestData, err)
	}
	done := 0
	out, err := newPrediction(data, weight, s, h.Notice)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			out.Close()
		}
	}()
	err = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches}, func(r backend.Patches) error {
		b := batches[r.Batch]
		err := dataset.EachPatch(r, len(weight), func(i int, patch []complex64) error {
			if b.Weights[i] == 0 {
				return nil
			}
			return out.add(int(b.Rows[i]), patch)
		})
		done += len(b.Rows)
		if h.Progress != nil {
			h.Progress(host.Progress{Phase: "infer", Epoch: 1, Epochs: 1, Step: r.Batch + 1, Steps: len(batches), Patterns: len(b.Rows)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if h.Stopping() {
		err = host.Failf(host.ExitInterrupted, "infer: stopped after %d of %d patterns; nothing was written", done, data.Len())
		return nil, err
	}
	return out, nil
}

// Read reads the model and the scan that it is to reconstruct.
func Read(s config.InferenceSettings, h host.Host) (*model.Model, *scan.Scan, error) {
	m, err := model.Read(s.ModelPath)
	if err != nil {
		return nil, nil, err
	}
	data, err := dataset.Source{Path: s.TestData, Units: s.DiffractionUnits, Layout: s.DiffractionLayout, Rows: s.Rows, Sample: s.NImages, Photons: s.NPhotons}.Read(h.Notice)
	if err != nil {
		return nil, nil, err
	}
	if n := m.Config.N; data.N != n {
		return nil, nil, host.Failf(host.ExitData, "%s has patterns of %d×%d pixels, the model %s was trained on %d×%d", s.TestData, data.N, data.N, s.ModelPath, n, n)
	}
	return m, data, nil
}
