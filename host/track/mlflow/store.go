// Package mlflow writes runs for MLflow: to a tracking server, by its REST interface, or to a folder, in the layout of
// MLflow's file store.
//
// It is a package of its own because it knows MLflow's interface and files, and nothing of a run.
package mlflow

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ptychogo/ptycho/internal/address"
	"github.com/ptychogo/ptycho/internal/printable"
)

// Run is a run in a store.
type Run struct {
	ID          string `json:"run_id"`
	Experiment  string `json:"experiment_id"`
	ArtifactURI string `json:"artifact_uri"`
}

// Metric is one value.
type Metric struct {
	Key   string
	Value float64 // NaN and infinities are allowed
	Time  int64   // Unix time, ms
	Step  int
}

// Pair is a parameter or a tag.
type Pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Batch holds the values of one call. MaxMetrics and MaxParams limit its size.
type Batch struct {
	Metrics []Metric
	Params  []Pair
	Tags    []Pair
}

// Status is the state of a run, in MLflow's words.
type Status string

// The states.
const (
	Running  Status = "RUNNING"
	Finished Status = "FINISHED"
	Failed   Status = "FAILED"
	Killed   Status = "KILLED"
)

// Store is a store of runs. Every call may be repeated with the same effect as one call.
type Store interface {
	// Experiment finds or creates an experiment.
	Experiment(ctx context.Context, name string) (id string, err error)
	// CreateRun creates a run.
	CreateRun(ctx context.Context, experiment, name string, at time.Time, tags []Pair) (Run, error)
	// FindRun returns the run with a tag, or a Run without an ID.
	FindRun(ctx context.Context, experiment string, tag Pair) (Run, error)
	// Lives reports whether the run still exists and accepts values.
	Lives(ctx context.Context, run Run) (bool, error)
	// Log adds values to a run.
	Log(ctx context.Context, run Run, b Batch) error
	// SetStatus sets the state and, except for Running, the time of the end.
	SetStatus(ctx context.Context, run Run, s Status, at time.Time) error
	// Upload adds a file to the run's artifacts. size is in bytes.
	Upload(ctx context.Context, run Run, name string, content io.Reader, size int64) error
	// Clear removes all metrics and artifacts of a run. It returns false if the store cannot do this.
	Clear(run Run) (bool, error)
}

// Limits of one call and of its parts (mlflow/utils/validation.py, MLflow 3; the value of a tag has the limit of 5,000 of
// MLflow 1 and 2).
const (
	MaxMetrics    = 1000
	MaxParams     = 100 // tags too
	maxKey        = 250
	maxParamValue = 6000
	maxTagValue   = 5000
	maxExperiment = 500
)

// Refused is an error in an answer of an MLflow server. Repeating the call does not help.
type Refused struct {
	Status  int
	Code    string // RESOURCE_DOES_NOT_EXIST and so on
	Message string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("%s (%d %s)", oneLine(r.Message), r.Status, printable.Name(r.Code))
}

// oneLine returns the first line, cut to a readable length.
func oneLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return printable.Line(address.Scrub(text), 200)
}

// Key returns a name that MLflow accepts: at most 250 letters, digits, _ - . space : and /, with text between slashes.
func Key(name string) string {
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

// Param returns a parameter within the limits. A value that is too long is cut and ends in "…".
func Param(key, value string) Pair { return Pair{Key(key), cut(value, maxParamValue)} }

// Tag returns a tag within the limits.
func Tag(key, value string) Pair { return Pair{Key(key), cut(value, maxTagValue)} }

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

// number returns the text of a value in both kinds of store.
func number(v float64) string {
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
