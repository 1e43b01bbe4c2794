package backend

import (
	"errors"
	"iter"

	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// queue hands out gathered batches in order. On an engine that computes beside the host it takes the next batch while the present one
// is computed, and sends its inputs ahead.
type queue[T float] struct {
	session *session[T]
	next    func() (feed.Item, error)
	item    feed.Item // taken ahead, or the error in its place
	err     error
	taken   bool
	on      *machine[T] // that the inputs were sent to, or nil
}

// take returns the next batch. Its tensors are valid until the run after the next call of meanwhile begins.
func (q *queue[T]) take() (feed.Item, error) {
	if !q.taken {
		return q.next()
	}
	q.taken = false
	return q.item, q.err
}

// meanwhile returns what to do while a machine computes the batch that was taken last: take the next one. It returns nil for an engine
// that does not compute beside the host.
func (q *queue[T]) meanwhile(m *machine[T]) func() error {
	if q == nil || !q.session.engine.beside() {
		return nil
	}
	if q.on == m {
		m.Sent()
	}
	q.on = nil
	return func() error {
		q.item, q.err = q.next()
		q.taken = true
		if q.err != nil || len(q.item.Batch.Rows) != m.groups*q.session.program.Group {
			return nil // an error belongs to the next batch, and a batch of another size to another machine
		}
		q.on = m
		return m.send(q.item.Inputs)
	}
}

// send sends the inputs of the batch after the present one. Index inputs are converted when their batch is run.
func (m *machine[T]) send(inputs map[string]tensor.Tensor) error {
	for name, t := range inputs {
		if t.DType() == tensor.Int32 {
			continue
		}
		data, err := view[T](t)
		if err == nil {
			err = m.Send(name, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var (
	errEnd  = errors.New("all batches were taken")
	errLeft = errors.New("the batches are not needed")
)

// pulled turns a function that calls another for each batch into one that returns the next batch, errEnd after the last. end must be
// called.
func pulled(batches func(do func(feed.Item) error) error) (next func() (feed.Item, error), end func()) {
	pull, end := iter.Pull2(func(yield func(feed.Item, error) bool) {
		err := batches(func(item feed.Item) error {
			if !yield(item, nil) {
				return errLeft
			}
			return nil
		})
		if err != nil && !errors.Is(err, errLeft) {
			yield(feed.Item{}, err)
		}
	})
	return func() (feed.Item, error) {
		item, err, ok := pull()
		if !ok {
			err = errEnd
		}
		return item, err
	}, end
}
