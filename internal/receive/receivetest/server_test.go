package receivetest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// server is a queue in memory that keeps what was not acknowledged.
type server struct {
	mu     sync.Mutex
	all    []Message // an empty one cannot be read
	acked  map[int]bool
	down   bool
	silent bool
	gone   chan struct{} // closed when the connections break
	more   chan struct{} // closed when there is something new
}

func newServer() *server {
	return &server{acked: map[int]bool{}, gone: make(chan struct{}), more: make(chan struct{})}
}

// change changes the server and tells those who wait.
func (s *server) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.more)
	s.more = make(chan struct{})
}

func (s *server) cut() { s.change(func() { close(s.gone); s.gone = make(chan struct{}) }) }

// next gives the first message from place n on that is not acknowledged, or what to wait for.
func (s *server) next(n int) (at int, m Message, more chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at = n; !s.silent && at < len(s.all); at++ {
		if !s.acked[at] {
			return at, s.all[at], nil
		}
	}
	return 0, m, s.more
}

var errDown = errors.New("the server is down")

// fakeSource takes from a server. Its faults are those that the suite must notice.
type fakeSource struct {
	server *server
	fault  string
}

func (f *fakeSource) Run(ctx context.Context, in *receive.Intake) error {
	s := f.server
	s.mu.Lock()
	down, gone := s.down, s.gone
	s.mu.Unlock()
	if down {
		return errDown
	}
	if f.fault == "leaks" {
		go func() { select {} }()
	}
	in.Connected()
	var held *receive.Item
	for n := 0; ; {
		at, m, more := s.next(n)
		if more != nil {
			if f.fault == "hangs" {
				<-more
				continue
			}
			select {
			case <-more:
				continue
			case <-gone:
				return errDown
			case <-ctx.Done():
				in.Drain()
				return ctx.Err()
			}
		}
		n = at + 1
		item := f.item(at, m)
		if item.Bad != nil && f.fault == "drops the unreadable" {
			item.Settled()
			continue
		}
		items := []receive.Item{item}
		if f.fault == "swaps" {
			switch {
			case held == nil && at%10 == 0:
				held = &item
				continue
			case held != nil:
				items = append(items, *held)
				held = nil
			}
		}
		if err := in.Submit(ctx, items...); err != nil {
			return err
		}
	}
}

func (f *fakeSource) item(at int, m Message) receive.Item {
	s := f.server
	ack := func() { s.mu.Lock(); s.acked[at] = true; s.mu.Unlock() }
	item := receive.Item{Message: wire.Carried{Envelope: m.Envelope, Signatures: m.Signatures, Topic: m.Topic}, Settled: ack}
	switch {
	case m.ID == "":
		item.Bad = fedmsg.Errorf(fedmsg.CodeBadEnvelope, "this is no message")
	case f.fault == "encodes anew":
		item.Message.Envelope = bytes.ReplaceAll(m.Envelope, []byte("1.0"), []byte("1"))
	}
	switch f.fault {
	case "acknowledges at once":
		ack()
	case "acknowledges nothing":
		item.Settled = nil
	}
	return item
}

func fakeTarget(fault string) Target {
	return Target{
		Features: Features{Ordered: true, Kept: true, Lossless: true},
		New: func(*testing.T) *Origin {
			s := newServer()
			return &Origin{
				Source: func(*testing.T) receive.Source { return &fakeSource{s, fault} }, InFlight: 32,
				Publish:    func(_ *testing.T, m ...Message) { s.change(func() { s.all = append(s.all, m...) }) },
				PublishBad: func(*testing.T) { s.change(func() { s.all = append(s.all, Message{}) }) },
				Stop:       func(*testing.T) { s.change(func() { s.down = true }); s.cut() },
				Start:      func(*testing.T) { s.change(func() { s.down = false }) },
				Cut:        func(*testing.T) { s.cut() },
				Pause:      func(*testing.T) { s.change(func() { s.silent = true }) },
				Resume:     func(*testing.T) { s.change(func() { s.silent = false }) },
			}
		},
	}
}
