package bent

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/train"
)

// stopped is a backend that is stopped in its second validation, after the first batch.
type stopped struct {
	host.Engine
	stop        func()
	validations *int
}

func (e stopped) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	s, err := e.Engine.Open(ctx, o)
	return stoppedSession{s, e}, err
}

type stoppedSession struct {
	backend.Session
	of stopped
}

// Evaluate drops the results after the stop: the moment at which the backend reacts depends on the machine.
func (s stoppedSession) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	*s.of.validations++
	inSecond, seen := *s.of.validations == 2, 0
	return s.Session.Evaluate(ctx, p, func(r backend.EvalResult) error {
		if seen++; inSecond && seen > 1 {
			return nil
		}
		err := emit(r)
		if inSecond {
			s.of.stop()
		}
		return err
	})
}

// TestTraining_StoppedInAValidationResumesToTheSameBits checks that a training which is stopped within a validation, in the
// middle of an epoch, resumes to the same bits as an uninterrupted one.
func TestTraining_StoppedInAValidationResumesToTheSameBits(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	train := func(stops bool, from ...config.Source) (report train.Report, validations int, err error) {
		h, end, err := w.environment(t.Context(), New(0, 0))
		defer end()
		if err != nil {
			t.Fatal(err)
		}
		if stops {
			stop, start := make(chan struct{}), h.Start
			h.Stop = stop
			h.Start = func(ctx context.Context) (host.Engine, error) {
				e, err := start(ctx)
				return stopped{e, func() { close(stop) }, &validations}, err
			}
		}
		cfg, err := config.NewTraining(append(from, config.Data(w.scan, map[string]any{"model.n": 16}))...)
		if err != nil {
			t.Fatal(err)
		}
		report, err = train.Run(t.Context(), cfg, h)
		return report, validations, err
	}
	plan := func(out string) config.Source {
		return config.Flags(config.Train, map[string]string{
			"train-data-file": w.scan, "output-dir": out, "no-check-geometry": "true", "max-epochs": "3", "threads": "1", "n-filters-scale": "1",
			"val-split": "0.4", "batch-size": "4", "val-check-interval": "2", "inference-batch-size": "4", "neighbor-count": "6", "logger": "csv",
			"scheduler": "plateau", "plateau-patience": "0", "ema-decay": "0.9", "checkpoint-save-top-k": "-1",
		})
	}
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	undisturbed, _, err := train(false, plan(whole))
	if err != nil {
		t.Fatal(err)
	}
	if _, n, err := train(true, plan(parts)); host.ExitCode(err) != host.ExitInterrupted || n != 2 {
		t.Fatalf("the run did not stop in its second validation: %v, %d validations", err, n)
	}
	resumed, _, err := train(false, config.Flags(config.Train, map[string]string{"resume": parts}), config.Stored(filepath.Join(parts, "config.json")))
	if err != nil {
		t.Fatal(err)
	}
	read := func(dir string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, bundle.WeightsFile))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(read(whole), read(parts)) {
		t.Error("the resumed run ended with other weights")
	}
	if !slices.Equal(resumed.Best, undisturbed.Best) {
		t.Errorf("the best checkpoints are %v, those of an uninterrupted run %v", resumed.Best, undisturbed.Best)
	}
}
