package track

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/host/output"
)

// eventPrefix begins the name of every event file. TensorBoard reads files with "tfevents" in their names, sorted by name.
const eventPrefix = "events.out.tfevents."

// eventPattern matches the names of event files (path.Match).
const eventPattern = eventPrefix + "*"

// eventFile is an event file that grows.
type eventFile struct {
	file *os.File
	name string
}

// createEventFile creates a file in a folder, after the existing files. from is the first step that may follow, or 0 for a
// new run. A reader that follows the folder drops its events of this step and of later steps.
func createEventFile(root *output.Files, folder string, at time.Time, from int) (*eventFile, error) {
	names, err := eventFiles(root, folder)
	if err != nil {
		return nil, err
	}
	second := at.Unix()
	for _, name := range names { // two files of one second would be read in any order
		number, _, _ := strings.Cut(strings.TrimPrefix(name, eventPrefix), ".")
		if before, err := strconv.ParseInt(number, 10, 64); err == nil {
			second = max(second, before+1)
		}
	}
	name := path.Join(folder, fmt.Sprintf("%s%010d.ptycho", eventPrefix, second))
	f, err := root.Append(name)
	if err != nil {
		return nil, err
	}
	file := &eventFile{file: f, name: name}
	events := []event{header(at)}
	if from > 0 {
		events = append(events, start(at, from))
	}
	if err := file.Write(events...); err != nil {
		f.Close()
		return nil, err
	}
	return file, nil
}

// Write appends events in one write.
func (f *eventFile) Write(events ...event) error {
	var b []byte
	for _, e := range events {
		b = appendRecord(b, e)
	}
	if _, err := f.file.Write(b); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// Sync makes the written events durable.
func (f *eventFile) Sync() error {
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// Close ends the file.
func (f *eventFile) Close() error {
	if err := errors.Join(f.file.Sync(), f.file.Close()); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// rewindEventFiles removes all events after a step, and damaged ends, from the files of a folder. It removes a file that has no events
// left.
func rewindEventFiles(root *output.Files, folder string, step int) error {
	names, err := eventFiles(root, folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		name = path.Join(folder, name)
		data, err := root.Read(name)
		if err != nil {
			return err
		}
		kept, events, dropped := until(data, step)
		switch {
		case events == 0:
			err = root.Remove(name)
		case dropped:
			err = root.Write(name, kept)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// until returns the records up to a step and counts those with a summary.
func until(data []byte, step int) (kept []byte, events int, dropped bool) {
	for {
		payload, rest, err := readRecord(data)
		if errors.Is(err, io.EOF) {
			return kept, events, dropped
		}
		if err != nil {
			return kept, events, true
		}
		at, err := event(payload).Step()
		switch {
		case err != nil || at > step:
			dropped = true
		case event(payload).has(eventSummary):
			events++
			fallthrough
		default:
			kept = append(kept, data[:len(data)-len(rest)]...)
		}
		data = rest
	}
}

// eventFiles returns the event files of a folder, in the order of reading.
func eventFiles(root *output.Files, folder string) ([]string, error) {
	entries, err := root.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), eventPrefix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
