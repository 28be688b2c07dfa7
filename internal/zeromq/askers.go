package zeromq

import (
	"sync"

	"github.com/federated-messaging/fedmsg/zmtp"
)

// askers are the peers of a socket that answers: an orderly end leaves none of them without the answer that it waits for. The
// zero value works.
type askers struct {
	work sync.WaitGroup // what has begun

	mu      sync.Mutex
	busy    map[*zmtp.Conn]bool // whether each waits for an answer; guarded by mu
	closing bool                // nothing is begun any more; guarded by mu
}

// idle takes note that the peer waits for no answer, and reports false where the socket closes.
func (a *askers) idle(c *zmtp.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy == nil {
		a.busy = make(map[*zmtp.Conn]bool)
	}
	a.busy[c] = false
	return !a.closing
}

// begin takes note that the peer waits for an answer, which answered ends, and reports false where the socket closes.
func (a *askers) begin(c *zmtp.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing {
		return false
	}
	a.busy[c] = true
	a.work.Add(1)
	return true
}

// answered ends what begin began.
func (a *askers) answered() { a.work.Done() }

// leave forgets the peer.
func (a *askers) leave(c *zmtp.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, c)
}

// close ends the connections of those who wait for nothing, and lets nobody begin any more. What it gives is closed when all
// that had begun is answered.
func (a *askers) close() <-chan struct{} {
	a.mu.Lock()
	a.closing = true
	for c, busy := range a.busy {
		if !busy {
			c.Close()
		}
	}
	a.mu.Unlock()
	done := make(chan struct{})
	go func() { a.work.Wait(); close(done) }()
	return done
}
