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

// sender brings the journal to the server beside the training, and says when the server is lost and when it is back.
type sender struct {
	delivery *delivery
	wake     chan struct{} // there is something to send
	last     chan struct{} // closed: nothing more comes
	done     chan struct{}
	cancel   context.CancelFunc
	once     sync.Once
	failures int // in a row
	told     bool
	checked  bool
	err      error // of the last attempt
}

func startSender(d *delivery) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sender{delivery: d, wake: make(chan struct{}, 1), last: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	go s.run(ctx)
	return s
}

// more says that there is something to send. It never waits.
func (s *sender) more() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// finish waits until all is sent or the time is over. A server that was away is asked once more.
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
		case <-s.wakes(): // while the server is away, only the pause counts
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
		if ending { // with time for one attempt more
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	}
}

// wakes is nil, which never is ready, while the server is away.
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

// errLate is why a server did not get all when the run ended.
var errLate = errors.New("no answer in time")

// report says once that a server is lost, and once that it is back. The first failure of a row is not told: the next
// attempt comes in a second.
func (s *sender) report(err error, ending bool) {
	d := s.delivery
	if err == nil {
		if s.told {
			d.notice("MLflow at %s is back and has everything that was kept for it", d.at())
		}
		s.failures, s.told = 0, false
		return
	}
	s.failures++
	if s.failures > 1 && !s.told && !ending {
		s.told = true
		d.notice("MLflow at %s: %v; the run goes on, what it records is kept in %s and sent later", d.at(), err, journalFile)
	}
}
