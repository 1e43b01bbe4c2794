package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
)

// Sets are the datasets that a session has bound. A session that embeds it has Bind and Unbind of the contract.
type Sets struct {
	inputs []program.Input
	open   map[backend.DatasetID]*Set
	count  int
}

// NewSets is for a session of a program with those inputs.
func NewSets(inputs []program.Input) *Sets {
	return &Sets{inputs: inputs, open: map[backend.DatasetID]*Set{}}
}

// Bind opens a dataset.
func (s *Sets) Bind(_ context.Context, d backend.Dataset) (backend.DatasetID, error) {
	set, err := Open(d, s.inputs)
	if err != nil {
		return "", err
	}
	s.count++
	id := backend.DatasetID(fmt.Sprintf("dataset-%d", s.count))
	s.open[id] = set
	return id, nil
}

// Unbind forgets a dataset.
func (s *Sets) Unbind(_ context.Context, id backend.DatasetID) error {
	set, err := s.Bound(id)
	if err != nil {
		return err
	}
	delete(s.open, id)
	return set.Close()
}

// Bound is the dataset of that name.
func (s *Sets) Bound(id backend.DatasetID) (*Set, error) {
	if set, ok := s.open[id]; ok {
		return set, nil
	}
	return nil, backend.Errorf(backend.NotFound, "dataset", "%q is not bound in this session", id)
}

// CloseAll forgets every dataset.
func (s *Sets) CloseAll() error {
	var errs []error
	for _, set := range s.open {
		errs = append(errs, set.Close())
	}
	clear(s.open)
	return errors.Join(errs...)
}
