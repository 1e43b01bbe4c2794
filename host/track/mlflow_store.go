package track

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ptychogo/ptycho/internal/words"
)

// mlflowRun is a run in a store of MLflow.
type mlflowRun struct {
	ID          string `json:"run_id"`
	Experiment  string `json:"experiment_id"`
	ArtifactURI string `json:"artifact_uri"`
}

// mlflowMetric is one value.
type mlflowMetric struct {
	Key   string
	Value float64 // NaN and infinities are allowed
	Time  int64   // Unix time, ms
	Step  int
}

// mlflowPair is a parameter or a tag.
type mlflowPair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// mlflowBatch holds the values of one call. maxMetrics and maxParams limit its size.
type mlflowBatch struct {
	Metrics []mlflowMetric
	Params  []mlflowPair
	Tags    []mlflowPair
}

// mlflowStatus is the state of a run, in MLflow's words.
type mlflowStatus string

// The states.
const (
	mlflowRunning  mlflowStatus = "RUNNING"
	mlflowFinished mlflowStatus = "FINISHED"
	mlflowFailed   mlflowStatus = "FAILED"
	mlflowKilled   mlflowStatus = "KILLED"
)

// mlflowStore is a store of runs: a tracking server, by its REST interface, or a folder in the layout of MLflow's file store.
// Every call may be repeated with the same effect as one call.
type mlflowStore interface {
	// Experiment finds or creates an experiment.
	Experiment(ctx context.Context, name string) (id string, err error)
	// CreateRun creates a run.
	CreateRun(ctx context.Context, experiment, name string, at time.Time, tags []mlflowPair) (mlflowRun, error)
	// FindRun returns the run with a tag, or a Run without an ID.
	FindRun(ctx context.Context, experiment string, tag mlflowPair) (mlflowRun, error)
	// Lives reports whether the run still exists and accepts values.
	Lives(ctx context.Context, run mlflowRun) (bool, error)
	// Log adds values to a run.
	Log(ctx context.Context, run mlflowRun, b mlflowBatch) error
	// SetStatus sets the state and, except for Running, the time of the end.
	SetStatus(ctx context.Context, run mlflowRun, s mlflowStatus, at time.Time) error
	// Upload adds a file to the run's artifacts. size is in bytes.
	Upload(ctx context.Context, run mlflowRun, name string, content io.Reader, size int64) error
	// Clear removes all metrics and artifacts of a run. It returns false if the store cannot do this.
	Clear(run mlflowRun) (bool, error)
}

// Limits of one call and of its parts (mlflow/utils/validation.py, MLflow 3; the value of a tag has the limit of 5,000 of
// MLflow 1 and 2).
const (
	maxMetrics    = 1000
	maxParams     = 100 // tags too
	maxKey        = 250
	maxParamValue = 6000
	maxTagValue   = 5000
	maxExperiment = 500
)

// mlflowRefused is an error in an answer of an MLflow server. Repeating the call does not help.
type mlflowRefused struct {
	Status  int
	Code    string // RESOURCE_DOES_NOT_EXIST and so on
	Message string
}

func (r *mlflowRefused) Error() string {
	return fmt.Sprintf("%s (%d %s)", oneLine(r.Message), r.Status, words.Name(r.Code))
}

// oneLine returns the first line, cut to a readable length.
func oneLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return words.Line(words.Scrub(text), 200)
}

// mlflowKey returns a name that MLflow accepts: at most 250 letters, digits, _ - . space : and /, with text between slashes.
func mlflowKey(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_-. :/", r):
			return r
		}
		return '_'
	}, name)
	parts := strings.Split(name[:min(len(name), maxKey)], "/")
	for i, p := range parts {
		if strings.Trim(p, ".") == "" {
			parts[i] = "_" + p[min(1, len(p)):]
		}
	}
	name = strings.Join(parts, "/")
	return name[:min(len(name), maxKey)]
}

// mlflowParam returns a parameter within the limits. A value that is too long is cut and ends in "…".
func mlflowParam(key, value string) mlflowPair {
	return mlflowPair{mlflowKey(key), cut(value, maxParamValue)}
}

// mlflowTag returns a tag within the limits.
func mlflowTag(key, value string) mlflowPair {
	return mlflowPair{mlflowKey(key), cut(value, maxTagValue)}
}

// cut shortens a text to n bytes, at the end of a character.
func cut(text string, n int) string {
	const mark = "…"
	if len(text) <= n {
		return text
	}
	end := n - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// mlflowNumber returns the text of a value in both kinds of store.
func mlflowNumber(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
