package infer

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/internal/words"
)

// predict runs the network over all patterns.
func predict(ctx context.Context, h host.Host, m *model.Model, data *scan.Scan, spool *dataset.Spool, s config.InferenceSettings, x config.Execution) (*prediction, error) {
	patterns, err := spool.Add(ctx, data, m.Probe, model.Uniform(data.N, m.Background))
	if err != nil {
		return nil, err
	}
	var first *FirstPass
	if m.First != nil {
		first = &FirstPass{Model: m, Spool: spool, Folder: s.OutputDir, Batch: s.InferenceBatchSize}
		if _, err := first.Add(ctx, h, &patterns, data, nil, x); err != nil {
			return nil, err
		}
	}
	engine, session, err := h.Open(ctx, h.OpenOptions(x, m.Program, false), m.State)
	if err != nil {
		return nil, err
	}
	defer engine.Stop(context.WithoutCancel(ctx)) //nolint:errcheck // the results are complete; Stop kills the process if necessary
	defer session.Close()
	id, err := session.Bind(ctx, patterns)
	if err != nil {
		return nil, err
	}
	out, err := newPrediction(data, weights(m, s.PatchWeighting), s, h.Notice)
	if err != nil {
		return nil, err
	}
	out.report, out.first = h.Progress, first
	if err := out.fill(ctx, h, m, session, id, s); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// weights returns the weight of each pixel of a patch in the image, [N·N]: the probe's intensity or 1, by --patch-weighting.
func weights(m *model.Model, by string) []float32 {
	intensity := m.Probe.Intensity()
	out := make([]float32, len(intensity))
	for i, v := range intensity {
		out[i] = 1
		if by == "probe" {
			out[i] = float32(v)
		}
	}
	return out
}

// fill adds the patches of all patterns.
func (p *prediction) fill(ctx context.Context, h host.Host, m *model.Model, session backend.Session, id backend.DatasetID, s config.InferenceSettings) error {
	batches, err := dataset.Singles(m.Program, p.data, s.InferenceBatchSize)
	if err != nil {
		return host.Failf(host.ExitData, "%s: %w", s.TestData, err)
	}
	done := 0
	err = session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: batches}, func(r backend.Patches) error {
		b := batches[r.Batch]
		err := dataset.EachPatch(r, len(p.weight), func(i int, patch []complex64) error {
			if b.Weights[i] == 0 {
				return nil
			}
			return p.add(int(b.Rows[i]), patch)
		})
		done += len(b.Rows)
		if h.Progress != nil {
			h.Progress(host.Progress{Phase: "infer", Step: r.Batch + 1, Steps: len(batches), Patterns: len(b.Rows),
				Description: fmt.Sprintf("predict: batch %d of %d", r.Batch+1, len(batches))})
		}
		return err
	})
	if err == nil && h.Stopping() {
		err = host.Failf(host.ExitInterrupted, "infer: stopped after %d of %s; nothing was written", done, words.Of(p.data.Len(), "pattern"))
	}
	return err
}

// newSpool returns a spool that can use the disk of the output folder.
func newSpool(s config.InferenceSettings) *dataset.Spool {
	return dataset.NewSpool(filepath.Dir(s.OutputDir))
}

// readInputs reads the model, and into the spool the scan to reconstruct, which it examines and repairs.
func readInputs(ctx context.Context, cfg *config.Inference, h host.Host, spool *dataset.Spool) (*model.Model, *scan.Scan, *dataset.Examined, error) {
	s, x := cfg.Settings(), cfg.Execution()
	m, err := model.Read(s.ModelPath)
	if err != nil {
		return nil, nil, nil, err
	}
	data, err := dataset.Source{Path: s.TestData, Units: s.DiffractionUnits, Layout: s.DiffractionLayout, Rows: s.Rows, Draw: s.NImages, Photons: s.NPhotons, Scan: cfg.Scan(), Adapt: cfg.AdaptedSide,
		HighCompression: x.HighCompression, Unchecked: true, NoProbe: true, Spool: spool}.Read(ctx, h.Notice)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := exports(s).Check(data); err != nil {
		return nil, nil, nil, err
	}
	if n := m.Config.N; data.N != n {
		return nil, nil, nil, host.Failf(host.ExitData, "%s has patterns of %d×%d pixels, but the model %s was trained on %d×%d", s.TestData, data.N, data.N, s.ModelPath, n, n)
	}
	o := dataset.Examination{Examination: cfg.Scan().Examination, Create: spool.Create}
	repaired, found, err := dataset.Examine(ctx, m.Illuminate(data), o, h.Notice) // the probe in the file is not read
	if err != nil {
		return nil, nil, nil, err
	}
	dark := *repaired
	dark.Probe, dark.Modes = data.Probe, data.Modes
	return m, &dark, found, nil
}
