package peer

import (
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/place"
)

// saveEvery is how often the place is saved while more is under way.
const saveEvery = 10 * time.Millisecond

// savedPlace keeps how far this node has what the other one gave. Any goroutine may use it.
type savedPlace struct {
	mu      sync.Mutex
	file    *place.File     // guarded by mu
	settled fedmsg.Position // all up to it is on disk here; guarded by mu
	next    fedmsg.Position // nothing was wanted between what is under way and it; zero for none; guarded by mu
	pending int             // batches under way; guarded by mu
	saved   time.Time       // when the file was written last; guarded by mu
	closed  bool            // guarded by mu
	err     error           // why the file could not be written; guarded by mu
}

func newPlace(f *place.File) *savedPlace { return &savedPlace{file: f, settled: f.Position()} }

// under notes that a batch is under way, and gives what is to be called when it is settled. Batches are settled in order.
func (s *savedPlace) under(last fedmsg.Position) (settled func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending++
	s.next = fedmsg.Position{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pending--
		s.settled = last
		if s.pending == 0 && !s.next.IsZero() {
			s.settled = s.next
		}
		if now := time.Now(); s.pending == 0 || now.Sub(s.saved) >= saveEvery {
			s.save(now)
		}
	}
}

// passed notes that nothing more was wanted up to p.
func (s *savedPlace) passed(p fedmsg.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending > 0 {
		s.next = p
		return
	}
	s.settled = p
	s.save(time.Now())
}

// save writes the file. mu is held.
func (s *savedPlace) save(now time.Time) {
	if s.closed || s.settled == s.file.Position() {
		return
	}
	s.saved = now
	s.err = s.file.Save(s.settled)
}

// close writes what was not written and closes the file. What is settled afterwards comes again.
func (s *savedPlace) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.save(time.Now())
	s.closed = true
	if err := s.file.Close(); err != nil {
		return err
	}
	return s.err
}
