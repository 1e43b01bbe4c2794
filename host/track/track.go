// Package track records a run while it goes on: numbers at steps, pictures, files. A logger is a CSV file, TensorBoard's
// event files or an MLflow server. All of them hold to one rule: a run that goes on from a checkpoint has no rows of
// steps that were not kept, and no gap.
package track

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/host/rundir/place"
	"github.com/ptychogo/ptycho/internal/address"
)

// Run is the run that is tracked.
type Run struct {
	Name       string
	Experiment string
	Params     map[string]string // every setting, resolved
	Tags       map[string]string
	Dir        string        // the run directory, opened where Files is nil
	Files      *place.Folder // the run directory where its files may move while the logger is open; it stays the caller's
	Home       string        // where the files are in the end, for addresses of files; "" for Dir
	Resumed    bool
	Step       int // the last step that the checkpoint holds; rows after it are dropped. For a resumed run alone
}

// Status says how a run ended.
type Status int

// The ways to end.
const (
	Finished Status = iota
	Failed
	Killed // stopped before its plan was done; it may be resumed
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

// Logger records a run. Its methods are called by one goroutine, steps never go back but by Rewind. An error means that a
// file of the run directory could not be written; a server that cannot be reached is no error (see Options.Notice).
type Logger interface {
	// Scalars records values at a step of the run, from 1. Calls for the same step add to it. A value may be NaN.
	Scalars(step int, epoch float64, values map[string]float64) error
	// Picture records a preview, a PNG file.
	Picture(step int, name string, png []byte) error
	// Artifact records a file of the run directory by its name there, with slashes. It has its last contents.
	Artifact(name string) error
	// Sync makes everything recorded so far durable. It belongs before a checkpoint is written: then the checkpoint
	// never knows of steps that the loggers lost.
	Sync() error
	// Kept says that a checkpoint holds the run up to the step. It belongs after the checkpoint is written: what cannot
	// be taken back, such as rows sent to a server, is given away only then. A run without checkpoints calls it all the same.
	Kept(step int) error
	// Rewind drops what was recorded after the step: the run goes on from a checkpoint.
	Rewind(step int) error
	// Close ends the recording.
	Close(status Status) error
}

// Options is what loggers need besides the run.
type Options struct {
	// TrackingURI is where MLflow is: http(s)://…, a folder, or "" for what MLFLOW_TRACKING_URI says, else the folder
	// mlruns of the run directory.
	TrackingURI string
	// Recorded is the address in the run's own settings, which Flush uses when the run never reached a server.
	Recorded string
	// Later says how what a server did not get can be sent, as a command; it ends the notice. It may be "".
	Later string
	// Notice prints one line for people. It may be called by another goroutine.
	Notice func(format string, args ...any)
	// Getenv is os.Getenv if it is nil.
	Getenv func(string) string
	// CloseWithin is how long Close may wait for a server; 0 is 10 s.
	CloseWithin time.Duration
}

// closeWithin is long enough for a last batch and a few files, and short enough that nobody takes the run for hung.
const closeWithin = 10 * time.Second

func (o Options) orDefaults() Options {
	if notice := o.Notice; notice == nil {
		o.Notice = func(string, ...any) {}
	} else { // errors of servers may quote an address
		o.Notice = func(format string, args ...any) { notice("%s", address.Scrub(fmt.Sprintf(format, args...))) }
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.CloseWithin <= 0 {
		o.CloseWithin = closeWithin
	}
	return o
}

// kinds are the loggers by name.
var kinds = map[string]func(root *place.Folder, run Run, o Options) (Logger, error){
	"csv":         openSteps,
	"tensorboard": openEvents,
	"mlflow":      openTracking,
}

// Names are the names that Open knows.
func Names() []string { return []string{"none", "csv", "tensorboard", "mlflow"} }

// Check says whether the names can be given together.
func Check(names []string) error {
	for i, name := range names {
		switch {
		case !slices.Contains(Names(), name):
			return fmt.Errorf("logger %q is not known: there are %s", name, strings.Join(Names(), ", "))
		case slices.Contains(names[:i], name):
			return fmt.Errorf("logger %s is given twice", name)
		case name == "none" && len(names) > 1:
			return errors.New("logger none goes with no other: leave it out, or the others")
		}
	}
	return nil
}

// Open starts the loggers of that names. No names, or "none" alone, give a Logger that records nothing.
func Open(names []string, run Run, o Options) (Logger, error) {
	if err := Check(names); err != nil {
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
		if root, err = place.Open(run.Dir); err != nil {
			return nil, fmt.Errorf("loggers: %w", err)
		}
		release = root.Close
	}
	all := &several{root: root, release: release, last: run.Step}
	for _, name := range names {
		l, err := kinds[name](root, run, o.orDefaults())
		if err != nil {
			_ = all.Close(Failed) // the first error is what counts
			return nil, fmt.Errorf("logger %s: %w", name, err)
		}
		all.names, all.loggers = append(all.names, name), append(all.loggers, l)
	}
	return all, nil
}
