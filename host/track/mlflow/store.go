// Package mlflow puts runs where MLflow shows them: into a tracking server, by its REST interface, or into a folder, in
// the layout of MLflow's file store.
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

// Run is a run as the store knows it.
type Run struct {
	ID          string `json:"run_id"`
	Experiment  string `json:"experiment_id"`
	ArtifactURI string `json:"artifact_uri"`
}

// Metric is one value.
type Metric struct {
	Key   string
	Value float64 // NaN and the infinities are values too
	Time  int64   // Unix time, ms
	Step  int
}

// Pair is a parameter or a tag.
type Pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Batch is what goes to a run in one call. See Limits.
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

// Store is where runs are put. Every call may be repeated: the same twice is the same as once.
type Store interface {
	// Experiment finds or makes an experiment.
	Experiment(ctx context.Context, name string) (id string, err error)
	// CreateRun makes a run.
	CreateRun(ctx context.Context, experiment, name string, at time.Time, tags []Pair) (Run, error)
	// FindRun finds the run that has a tag; one that is not there has no ID.
	FindRun(ctx context.Context, experiment string, tag Pair) (Run, error)
	// Lives says whether the run is still there and takes values.
	Lives(ctx context.Context, run Run) (bool, error)
	// Log adds to a run.
	Log(ctx context.Context, run Run, b Batch) error
	// SetStatus sets the state and, but for Running, the time of the end.
	SetStatus(ctx context.Context, run Run, s Status, at time.Time) error
	// Upload puts a file to the run's artifacts; size is in bytes.
	Upload(ctx context.Context, run Run, name string, content io.Reader, size int64) error
	// Clear forgets all metrics and artifacts of a run. A store that cannot do so says false.
	Clear(run Run) (bool, error)
}

// The limits of one call and of its parts (mlflow/utils/validation.py, MLflow 3; the value of a tag is held to the 5,000
// of MLflow 1 and 2).
const (
	MaxMetrics    = 1000
	MaxParams     = 100 // tags too
	maxKey        = 250
	maxParamValue = 6000
	maxTagValue   = 5000
	maxExperiment = 500
)

// Refused is an error that a server answered in MLflow's form; to ask again does not help.
type Refused struct {
	Status  int
	Code    string // RESOURCE_DOES_NOT_EXIST and so on
	Message string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("%s (%d %s)", oneLine(r.Message), r.Status, printable.Name(r.Code))
}

// oneLine is the first line, of a bearable length.
func oneLine(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return printable.Line(address.Scrub(text), 200)
}

// Key makes a name that MLflow takes: letters, digits, _ - . space : and /, at most 250; between slashes there is something.
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

// Param and Tag are pairs within the limits; what is too long ends in "…".
func Param(key, value string) Pair { return Pair{Key(key), cut(value, maxParamValue)} }

// Tag is a tag within the limits.
func Tag(key, value string) Pair { return Pair{Key(key), cut(value, maxTagValue)} }

// cut shortens a text to n bytes, at a letter's end.
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

// number is a value as both forms of store spell it.
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
