package loop

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/optim"
)

// watch follows the monitored metric of a run for early stopping, the plateau schedule and the best checkpoints.
type watch struct {
	name     string // of EpochRecord's JSON
	max      bool   // larger is better
	patience int    // observations without improvement that end the run; 0: never
	keep     int    // best checkpoints; −1: all
}

// watched is the state of a watch.
type watched struct {
	Best float64 `json:"best"`
	Seen bool    `json:"seen"`
	Bad  int     `json:"bad"` // observations since the best
}

func newWatch(s config.TrainingSettings, validates bool) watch {
	w := watch{name: s.CheckpointMonitor, max: s.CheckpointMode == "max", patience: s.EarlyStopPatience, keep: s.CheckpointSaveTopK}
	if !s.EnableCheckpointing {
		w.keep = 0
	}
	if w.name == "auto" {
		w.name = arch.Deviance
		if validates {
			w.name = "validation_deviance"
		}
	}
	return w
}

// value returns the monitored metric at a position.
func (w watch) value(at Position) float64 {
	n := float64(at.Sums.Steps)
	switch w.name {
	case "validation_deviance":
		if at.Validation == nil {
			return math.NaN()
		}
		return *at.Validation
	case "loss":
		return at.Sums.Loss / n
	case "grad_norm":
		return at.Sums.GradNorm / n
	}
	return at.Sums.mean(w.name)
}

// observe adds a value and reports whether the run should stop early.
func (w watch) observe(s watched, value float64) (watched, bool) {
	best := s.Best
	if !s.Seen {
		best = math.NaN()
	}
	if optim.Better(value, best, w.max, 0) {
		return watched{Best: value, Seen: true}, false
	}
	s.Bad++
	return s, w.patience > 0 && s.Bad >= w.patience
}

// rank inserts a checkpoint into the list of the best, and returns those that drop out. Of equal checkpoints the earlier is
// better.
func (w watch) rank(best []Kept, k Kept) (kept, dropped []Kept) {
	if w.keep == 0 || math.IsNaN(k.Value) {
		return best, nil
	}
	kept = append(slices.Clone(best), k)
	slices.SortStableFunc(kept, func(a, b Kept) int {
		switch {
		case optim.Better(a.Value, b.Value, w.max, 0):
			return -1
		case optim.Better(b.Value, a.Value, w.max, 0):
			return 1
		}
		return 0
	})
	if w.keep > 0 && len(kept) > w.keep {
		kept, dropped = kept[:w.keep:w.keep], kept[w.keep:]
	}
	return kept, dropped
}
