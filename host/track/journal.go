package track

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/ptychogo/ptycho/host/output"
)

// journalFile holds all entries for MLflow, one line of JSON each. sentFile records how far the server has received them.
const journalFile = "mlflow/journal.jsonl"

// syncEvery limits how much of the journal a power failure can destroy.
const syncEvery = 5 * time.Second

// The kinds of entries.
const (
	beginning = "run"
	values    = "values"
	picture   = "picture"
	kept      = "kept" // a checkpoint includes all entries before
	artifact  = "artifact"
	status    = "status"
)

// entry is a line of the journal.
type entry struct {
	Kind       string            `json:"kind"`
	Time       int64             `json:"time"` // Unix time, ms
	Step       int               `json:"step,omitempty"`
	Values     map[string]value  `json:"values,omitempty"`
	File       string            `json:"file,omitempty"` // of the run directory
	Status     string            `json:"status,omitempty"`
	ID         string            `json:"id,omitempty"` // of the journal, to find its run
	Name       string            `json:"name,omitempty"`
	Experiment string            `json:"experiment,omitempty"`
	Params     map[string]string `json:"params,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// row reports whether an entry belongs to a step and is dropped with the step.
func (e entry) row() bool { return e.Kind == values || e.Kind == picture }

// value is a float64 that is written as text if JSON has no number for it.
type value float64

func (v value) MarshalJSON() ([]byte, error) {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return json.Marshal(number(f))
	}
	return json.Marshal(float64(v))
}

func (v *value) UnmarshalJSON(data []byte) error {
	var f float64
	if err := json.Unmarshal(data, &f); err == nil {
		*v = value(f)
		return nil
	}
	switch string(data) {
	case `"NaN"`:
		f = math.NaN()
	case `"+Inf"`:
		f = math.Inf(1)
	case `"-Inf"`:
		f = math.Inf(-1)
	default:
		return fmt.Errorf("%.40s is not a valid value", data)
	}
	*v = value(f)
	return nil
}

// journal is the open journal. The training writes it, and the sender reads it.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	size   int64
	kept   int64 // the sender may read up to here
	floor  int64 // the sender has read up to here: nothing before is dropped
	synced time.Time
}

// openJournal opens the journal and removes an incomplete last line.
func openJournal(root *output.Files) (*journal, error) {
	f, err := root.Append(journalFile)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, synced: time.Now()}
	j.size, err = j.scan(0, math.MaxInt64, func(e entry, end int64) error {
		if !e.row() {
			j.kept = end
		}
		return nil
	})
	if err == nil {
		err = f.Truncate(j.size)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", journalFile, err)
	}
	return j, nil
}

// errStop ends a scan.
var errStop = errors.New("stop")

// scan reads the complete lines between two offsets and returns the end of the last accepted line. It stops at a line that is
// not JSON, which a power failure can leave.
func (j *journal) scan(from, to int64, each func(e entry, end int64) error) (int64, error) {
	lines := bufio.NewReaderSize(io.NewSectionReader(j.file, from, to-from), 64<<10)
	for at := from; ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		var e entry
		if json.Unmarshal(line, &e) != nil || e.Kind == "" {
			return at, nil
		}
		end := at + int64(len(line))
		if err := each(e, end); errors.Is(err, errStop) {
			return at, nil
		} else if err != nil {
			return at, err
		}
		at = end
	}
}

// add appends an entry in one write. An entry that is not a row lets the sender read everything before it.
func (j *journal) add(e entry) error {
	if e.Time == 0 {
		e.Time = time.Now().UnixMilli()
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	line = append(bytes.ReplaceAll(line, []byte("\n"), nil), '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(line); err != nil {
		return fmt.Errorf("%s: %w", journalFile, errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(len(line))
	if !e.row() {
		j.kept = j.size
	}
	if time.Since(j.synced) < syncEvery {
		return nil
	}
	return j.sync()
}

func (j *journal) sync() error {
	j.synced = time.Now()
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	return nil
}

// Sync makes the journal durable.
func (j *journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.sync()
}

// rewind drops the rows after a step and the end of the run, except entries that the sender has read.
func (j *journal) rewind(step int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	end, err := j.holds(step)
	if err == nil {
		err = j.file.Truncate(end)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	j.size, j.kept = end, end
	return j.sync()
}

// holds returns the end of the last entry that stays if the run continues after a step.
func (j *journal) holds(step int) (end int64, err error) {
	end = j.floor
	_, err = j.scan(j.floor, j.size, func(e entry, after int64) error {
		switch {
		case (e.row() || e.Kind == kept) && e.Step > step:
			return errStop
		case e.Kind != artifact && e.Kind != status:
			end = after
		}
		return nil
	})
	return end, err
}

// dropUnkept drops the rows after the last checkpoint.
func (j *journal) dropUnkept() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.file.Truncate(j.kept); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	j.size = j.kept
	return nil
}

// take reads entries for the sender from an offset on: entries of one kind, and at most as many values as fit in one call. It
// returns the offset after them.
func (j *journal) take(from int64, most int) (taken []entry, end int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	count := 0
	end, err = j.scan(from, j.kept, func(e entry, _ int64) error {
		if len(taken) > 0 && (e.Kind != values || taken[0].Kind != values || count+len(e.Values) > most) {
			return errStop
		}
		taken, count = append(taken, e), count+len(e.Values)
		return nil
	})
	j.floor = max(j.floor, end)
	return taken, end, err
}

// left counts the entries from an offset on.
func (j *journal) left(from int64) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	_, _ = j.scan(from, j.size, func(entry, int64) error { n++; return nil }) // the count is only for a message
	return n
}
