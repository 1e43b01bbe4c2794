// Package track records a run: values at steps, pictures, files. A logger is a CSV file, TensorBoard's event files or an
// MLflow server. All loggers obey one rule: a run resumed from a checkpoint has no rows of dropped steps, and no gap.
package track

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/internal/words"
)

// Run describes the recorded run.
type Run struct {
	Name       string
	Experiment string
	Params     map[string]string // every setting, resolved
	Tags       map[string]string
	Dir        string        // the run directory, opened if Files is nil
	Files      *output.Files // the run directory if its files may move while the logger is open; the caller closes it
	Home       string        // final path of the run directory, for addresses of files; "" for Dir
	Resumed    bool
	Step       int // last step of the checkpoint; later rows are dropped. Only for a resumed run
}

// Status is the outcome of a run.
type Status int

// The ways to end.
const (
	Finished Status = iota
	Failed
	Killed // stopped before the end of its plan; it may be resumed
)

func (s Status) String() string {
	switch s {
	case Finished:
		return "finished"
	case Failed:
		return "failed"
	case Killed:
		return "killed"
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// Logger records a run. One goroutine calls its methods, and steps decrease only by Rewind. An error means that a file of the
// run directory could not be written. A server that cannot be reached is not an error (see Options.Notice).
type Logger interface {
	// Scalars records values at a step of the run, from 1. Calls for the same step add to it. A value may be NaN.
	Scalars(step int, epoch float64, values map[string]float64) error
	// Picture records a preview, a PNG file.
	Picture(step int, name string, png []byte) error
	// Artifact records a file of the run directory by its slash-separated name. The file must be complete.
	Artifact(name string) error
	// Sync makes everything recorded so far durable. Call it before writing a checkpoint, so that the loggers never lose steps
	// that the checkpoint includes.
	Sync() error
	// Kept says that a checkpoint includes the run up to the step. Call it after writing the checkpoint: only then are rows sent
	// to a server, which cannot be undone. A run without checkpoints calls it too.
	Kept(step int) error
	// Rewind drops everything recorded after the step. The run continues from a checkpoint.
	Rewind(step int) error
	// Close ends the recording.
	Close(status Status) error
}

// Options holds the settings of loggers.
type Options struct {
	// TrackingURI is the address of MLflow: http(s)://…, a folder, or "" for MLFLOW_TRACKING_URI, else the folder mlruns of the
	// run directory.
	TrackingURI string
	// Recorded is the address in the run's settings. Flush uses it if the run never reached a server.
	Recorded string
	// Later is a command that sends the unsent entries, for the notice. It may be "".
	Later string
	// Notice prints one line for the user. It may be called by another goroutine.
	Notice func(format string, args ...any)
	// Getenv is os.Getenv if it is nil.
	Getenv func(string) string
	// CloseWithin limits the time that Close waits for a server; 0 is 10 s.
	CloseWithin time.Duration
}

// closeWithin is long enough for a last batch and a few files, and short enough that the run does not seem to hang.
const closeWithin = 10 * time.Second

func (o Options) orDefaults() Options {
	if notice := o.Notice; notice == nil {
		o.Notice = func(string, ...any) {}
	} else { // errors of servers may quote an address
		o.Notice = func(format string, args ...any) { notice("%s", words.Scrub(fmt.Sprintf(format, args...))) }
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.CloseWithin <= 0 {
		o.CloseWithin = closeWithin
	}
	return o
}

// kinds maps names to loggers.
var kinds = map[string]func(root *output.Files, run Run, o Options) (Logger, error){
	"csv":         openSteps,
	"tensorboard": openEvents,
	"mlflow":      openTracking,
}

// loggers returns the names of loggers.
func loggers() []string { return []string{"none", "csv", "tensorboard", "mlflow"} }

// checkNames returns an error if a name is unknown or the names cannot be combined.
func checkNames(names []string) error {
	for i, name := range names {
		switch {
		case !slices.Contains(loggers(), name):
			return fmt.Errorf("--logger: unknown logger %q, want %s", name, strings.Join(loggers(), ", "))
		case slices.Contains(names[:i], name):
			return fmt.Errorf("--logger: %s is given twice", name)
		case name == "none" && len(names) > 1:
			return errors.New("--logger: none cannot be combined with other loggers")
		}
	}
	return nil
}

// Open opens the named loggers. Without names, or with only "none", it returns a Logger that records nothing.
func Open(names []string, run Run, o Options) (Logger, error) {
	if err := checkNames(names); err != nil {
		return nil, err
	}
	if len(names) == 0 || names[0] == "none" {
		return nothing{}, nil
	}
	if !run.Resumed {
		run.Step = 0
	}
	root, release := run.Files, func() error { return nil }
	if root == nil {
		var err error
		if root, err = output.OpenFiles(run.Dir); err != nil {
			return nil, fmt.Errorf("loggers: %w", err)
		}
		release = root.Close
	}
	all := &several{root: root, release: release, last: run.Step}
	for _, name := range names {
		l, err := kinds[name](root, run, o.orDefaults())
		if err != nil {
			_ = all.Close(Failed) // the first error is returned
			return nil, fmt.Errorf("logger %s: %w", name, err)
		}
		all.names, all.loggers = append(all.names, name), append(all.loggers, l)
	}
	return all, nil
}
