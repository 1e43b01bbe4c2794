package track

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/ptychogo/ptycho/host/output"
)

// several passes all calls to each logger, and checks the common rules of the Logger interface.
type several struct {
	root    *output.Files
	release func() error // closes the root
	names   []string
	loggers []Logger
	last    int // step
}

func (s *several) each(call func(Logger) error) error {
	var all error
	for i, l := range s.loggers {
		if err := call(l); err != nil {
			all = errors.Join(all, fmt.Errorf("logger %s: %w", s.names[i], err))
		}
	}
	return all
}

// at checks that steps never decrease.
func (s *several) at(step int) error {
	if step < s.last {
		return fmt.Errorf("loggers: step %d comes after step %d", step, s.last)
	}
	s.last = step
	return nil
}

func (s *several) Scalars(step int, epoch float64, values map[string]float64) error {
	if err := s.at(step); err != nil {
		return err
	}
	for name := range values {
		if name == "" || slices.Contains(keyColumns, name) {
			return fmt.Errorf("loggers: %q is not a valid name of a value", name)
		}
	}
	return s.each(func(l Logger) error { return l.Scalars(step, epoch, values) })
}

func (s *several) Picture(step int, name string, png []byte) error {
	if err := s.at(step); err != nil {
		return err
	}
	return s.each(func(l Logger) error { return l.Picture(step, name, png) })
}

func (s *several) Artifact(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("loggers: %s is not a file of the run directory", name)
	}
	if _, err := s.root.Stat(name); err != nil {
		return fmt.Errorf("loggers: artifact %s: %w", name, err)
	}
	return s.each(func(l Logger) error { return l.Artifact(name) })
}

func (s *several) Sync() error { return s.each(Logger.Sync) }

func (s *several) Kept(step int) error {
	return s.each(func(l Logger) error { return l.Kept(step) })
}

func (s *several) Rewind(step int) error {
	s.last = min(s.last, step)
	return s.each(func(l Logger) error { return l.Rewind(step) })
}

func (s *several) Close(status Status) error {
	return errors.Join(s.each(func(l Logger) error { return l.Close(status) }), s.release())
}

// nothing is a Logger that records nothing.
type nothing struct{}

func (nothing) Scalars(int, float64, map[string]float64) error { return nil }
func (nothing) Picture(int, string, []byte) error              { return nil }
func (nothing) Artifact(string) error                          { return nil }
func (nothing) Sync() error                                    { return nil }
func (nothing) Kept(int) error                                 { return nil }
func (nothing) Rewind(int) error                               { return nil }
func (nothing) Close(Status) error                             { return nil }
