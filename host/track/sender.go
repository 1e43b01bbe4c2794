package track

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The pauses between attempts to reach a server that does not answer.
const (
	shortestPause = time.Second
	longestPause  = 30 * time.Second
)

// sender sends the journal to the server during the training. It reports when the server is lost and when it answers again.
type sender struct {
	delivery *delivery
	wake     chan struct{} // entries can be sent
	last     chan struct{} // closed: no more entries follow
	done     chan struct{}
	cancel   context.CancelFunc
	once     sync.Once
	failures int // consecutive
	reported bool
	checked  bool
	err      error // of the last attempt
}

func startSender(d *delivery) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sender{delivery: d, wake: make(chan struct{}, 1), last: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	go s.run(ctx)
	return s
}

// more signals that entries can be sent. It never waits.
func (s *sender) more() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// finish waits until all entries are sent or the time is over. It tries a lost server once more.
func (s *sender) finish(within time.Duration) {
	s.once.Do(func() {
		close(s.last)
		timer := time.AfterFunc(within, s.cancel)
		defer timer.Stop()
		<-s.done
		s.cancel()
	})
}

func (s *sender) run(ctx context.Context) {
	defer close(s.done)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		ending := false
		select {
		case <-pause.C:
		case <-s.wakes(): // while the server is lost, only the pause counts
		case <-s.last:
			ending = true
		}
		if s.err = s.attempt(ctx); ctx.Err() != nil {
			s.err = errLate
			return
		}
		s.report(s.err, ending)
		if ending && (s.err == nil || s.failures > 1) {
			return
		}
		if s.err == nil {
			continue
		}
		pause.Reset(min(shortestPause<<min(s.failures-1, 8), longestPause))
		if ending { // wait for one more attempt
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	}
}

// wakes returns nil, which never becomes ready, while the server is lost.
func (s *sender) wakes() chan struct{} {
	if s.failures > 0 {
		return nil
	}
	return s.wake
}

func (s *sender) attempt(ctx context.Context) error {
	if !s.checked {
		if err := s.delivery.resume(ctx); err != nil {
			return err
		}
		s.checked = true
	}
	return s.delivery.drain(ctx)
}

// errLate is the error of a server that did not receive all entries before the end of the run.
var errLate = errors.New("no answer in time")

// report prints once that a server is lost, and once that it answers again. It does not report a first failure, because the
// next attempt follows in a second.
func (s *sender) report(err error, ending bool) {
	d := s.delivery
	if err == nil {
		if s.reported {
			d.notice("MLflow at %s answers again and has received all entries", d.at())
		}
		s.failures, s.reported = 0, false
		return
	}
	s.failures++
	if s.failures > 1 && !s.reported && !ending {
		s.reported = true
		d.notice("MLflow at %s: %v; the run continues, its entries are kept in %s and sent later", d.at(), err, journalFile)
	}
}
