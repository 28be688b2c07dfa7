package zeromq

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// subscriber is one peer of a publisher: a reader of the log that begins at its end as of the first subscription. One goroutine
// hears what it wants, another writes. Nothing is queued for it: while it takes nothing, it stays behind.
type subscriber struct {
	of     *publisher
	conn   *zmtp.Conn
	scope  []fedmsg.Pattern // of the CURVE client; not looked at without CURVE
	cursor *feed.Cursor     // of the goroutine that writes, but for Wake
	begun  chan struct{}    // closed at the first subscription; from then on first is set
	first  uint64           // the last entry that it does not get
	gone   chan struct{}    // closed when the connection has ended
	done   chan struct{}    // closed when both goroutines have
	since  time.Time
	given  atomic.Uint64 // the last entry that was written, or passed over
	sent   atomic.Uint64 // messages that were written

	mu     sync.Mutex
	wanted zmtp.Prefixes // guarded by mu
}

func newSubscriber(p *publisher, c *zmtp.Conn) *subscriber {
	s := &subscriber{of: p, conn: c, begun: make(chan struct{}), gone: make(chan struct{}), done: make(chan struct{}), since: time.Now(), cursor: p.deps.Feed.Cursor(0)}
	if p.curve {
		s.scope = p.clients.scope(c.Peer())
	}
	return s
}

// run serves it to its end.
func (s *subscriber) run() {
	defer close(s.done)
	var hearing sync.WaitGroup
	hearing.Go(s.hear)
	s.feed()
	s.conn.Close()
	s.cursor.Close()
	hearing.Wait()
	s.of.counts.subscriptions.Sub(float64(s.wanted.Len()))
}

// hear takes the subscriptions, until the connection ends.
func (s *subscriber) hear() {
	defer s.cursor.Wake()
	defer close(s.gone)
	defer s.conn.Close()
	batch := make([]zmtp.Incoming, 0, 64)
	for {
		var err error
		batch, err = s.conn.Receive(batch[:0])
		if err == nil {
			err = s.heed(batch)
		}
		if err != nil {
			if errors.Is(err, zmtp.ErrProtocol) {
				s.of.calm.Warn("cut off a subscriber", "peer", s.conn.Peer().String(), "error", err)
			}
			return
		}
		clear(batch)
	}
}

// heed does what came from the peer.
func (s *subscriber) heed(batch []zmtp.Incoming) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.wanted.Len()
	defer func() { s.of.counts.subscriptions.Add(float64(s.wanted.Len() - before)) }()
	for i := range batch {
		in := &batch[i]
		if !in.Subscribe && !in.Cancel {
			s.of.counts.received.Inc() // what an XSUB sends upstream is of no use here
			continue
		}
		if _, err := s.wanted.Heed(*in, s.of.zmtp); err != nil {
			s.of.calm.Warn("cut off a subscriber", "peer", s.conn.Peer().String(), "error", err, "key", "zeromq.max_subscriptions")
			return err
		}
		if in.Subscribe {
			s.begin()
		}
	}
	return nil
}

// begin sets where the subscriber starts, at its first subscription.
func (s *subscriber) begin() {
	select {
	case <-s.begun:
	default:
		s.first = s.of.deps.Feed.Last().Seq
		close(s.begun)
	}
}

// feed writes what there is, until the connection ends or the node stops.
func (s *subscriber) feed() {
	select {
	case <-s.begun:
	case <-s.gone:
		return
	case <-s.of.stopping:
		return
	}
	s.cursor.Skip(s.first)
	for !s.over() {
		p, err := s.next()
		switch {
		case err == nil:
			if err := s.write(&p); err != nil {
				s.lost(err)
				return
			}
		case err == io.EOF:
			s.cursor.Wait()
		default:
			if fedmsg.CodeOf(err) != fedmsg.CodeUnavailable { // else the node is stopping
				s.of.calm.Error("cannot read the log for a subscriber", "peer", s.conn.Peer().String(), "error", err)
			}
			return
		}
	}
}

// over reports whether there is nothing more to do for the subscriber.
func (s *subscriber) over() bool {
	select {
	case <-s.gone:
		return true
	case <-s.of.stopping:
		return s.cursor.Position().Seq >= s.of.upTo.Load()
	default:
		return false
	}
}

// next gives what comes next: of what all share, or read by itself where that is too far on.
func (s *subscriber) next() (piece, error) {
	if p, ok := s.of.chunks.after(s.cursor.Position().Seq); ok {
		s.cursor.Skip(p.upTo)
		return p, nil
	}
	return s.read()
}

// lost takes note of a write that failed.
func (s *subscriber) lost(err error) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return // it left
	}
	s.of.counts.cut.Inc()
	s.of.calm.Warn("cut off a subscriber that took nothing", "peer", s.conn.Peer().String(), "for", s.of.cfg.WriteTimeout, "key", "zeromq.write_timeout")
}
