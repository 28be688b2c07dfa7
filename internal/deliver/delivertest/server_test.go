package delivertest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// server is a destination in memory that can do, and lack, all that the suite asks for.
type server struct {
	mu     sync.Mutex
	down   bool
	silent bool
	gone   chan struct{} // closed when the connections break
	spoke  chan struct{} // closed when it is not silent any more
	all    []Arrival
}

func newServer() *server { return &server{gone: make(chan struct{}), spoke: make(chan struct{})} }

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) cut()    { s.set(func() { close(s.gone); s.gone = make(chan struct{}) }) }
func (s *server) stop()   { s.set(func() { s.down = true }); s.cut() }
func (s *server) start()  { s.set(func() { s.down = false }) }
func (s *server) pause()  { s.set(func() { s.silent = true; s.spoke = make(chan struct{}) }) }
func (s *server) resume() { s.set(func() { s.silent = false; close(s.spoke) }) }

func (s *server) arrived() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Arrival(nil), s.all...)
}

var errDown = errors.New("the server is down")

// fakeSink delivers to a server. Its faults are those that the suite must notice.
type fakeSink struct {
	server *server
	fault  string
}

func (s *fakeSink) Open(_ context.Context, answers *deliver.Answers) (deliver.Session, error) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.down {
		return nil, errDown
	}
	f := &fakeSession{sink: s, answers: answers, gone: s.server.gone, ended: make(chan struct{}), sent: make(chan *fedmsg.Entry, 1000)}
	f.running.Go(f.run)
	return f, nil
}

type fakeSession struct {
	sink    *fakeSink
	answers *deliver.Answers
	gone    chan struct{}
	ended   chan struct{}
	sent    chan *fedmsg.Entry
	running sync.WaitGroup
	buffer  []*fedmsg.Entry
}

func (f *fakeSession) Send(ctx context.Context, e *fedmsg.Entry) error {
	switch f.sink.fault {
	case "confirms early":
		f.answers.Done(e.Position.Seq, nil)
	case "drops each tenth":
		if e.Position.Seq%10 == 0 {
			f.answers.Done(e.Position.Seq, nil)
			return nil
		}
	case "blames entries":
		select {
		case <-f.gone:
			return deliver.Permanent(errDown)
		default:
		}
	case "waits for each":
		f.sent <- e
		select {
		case <-f.gone:
		case <-ctx.Done():
		}
		return nil
	}
	f.buffer = append(f.buffer, e)
	return nil
}

func (f *fakeSession) Flush(context.Context) error {
	buffer := f.buffer
	f.buffer = nil
	if n := len(buffer); f.sink.fault == "confirms early" && n > 0 { // what is confirmed and not sent is there when the connection is cut
		buffer, f.buffer = buffer[:n-1], buffer[n-1:]
	}
	for i, e := range buffer {
		if f.sink.fault == "swaps" && i+1 < len(buffer) && i%2 == 0 {
			buffer[i], buffer[i+1] = buffer[i+1], buffer[i]
			e = buffer[i]
		}
		select {
		case f.sent <- e:
		case <-f.gone:
			return errDown
		}
	}
	return nil
}

func (f *fakeSession) Close() error {
	switch f.sink.fault {
	case "leaks":
		go func() { select {} }()
	case "waits for answers":
		for len(f.sent) > 0 {
			f.sink.server.mu.Lock()
			spoke := f.sink.server.spoke
			f.sink.server.mu.Unlock()
			<-spoke
		}
	}
	close(f.ended)
	f.running.Wait()
	return nil
}

// run is the connection: it takes what was sent to the server and brings the answers.
func (f *fakeSession) run() {
	for {
		select {
		case <-f.ended:
			return
		case <-f.gone:
			f.answers.Lost(errDown)
			return
		case e := <-f.sent:
			if !f.deliver(e) {
				return
			}
		}
	}
}

func (f *fakeSession) deliver(e *fedmsg.Entry) bool {
	s := f.sink.server
	s.mu.Lock()
	silent, spoke := s.silent, s.spoke
	s.mu.Unlock()
	if silent {
		select {
		case <-spoke:
		case <-f.gone:
			f.answers.Lost(errDown)
			return false
		case <-f.ended:
			return false
		}
	}
	if bytes.Contains(e.Envelope, []byte("poison")) {
		f.answers.Done(e.Position.Seq, deliver.Permanent(errors.New("this is poison")))
		return true
	}
	a := Arrival{ID: e.ID, Topic: e.Topic, Envelope: e.Envelope, Signatures: e.Signatures}
	if f.sink.fault == "encodes anew" {
		a.Envelope = bytes.ReplaceAll(e.Envelope, []byte("1.0"), []byte("1"))
	}
	s.mu.Lock()
	s.all = append(s.all, a)
	if f.sink.fault == "sends twice" && e.Position.Seq == 5 {
		s.all = append(s.all, a)
	}
	s.mu.Unlock()
	f.answers.DoneThrough(e.Position.Seq)
	return true
}

func fakeTarget(fault string) Target {
	return Target{
		Features: Features{Ordered: true, Batches: true, Lossless: true},
		New: func(*testing.T) *Destination {
			s := newServer()
			return &Destination{
				Sink: &fakeSink{server: s, fault: fault}, InFlight: 32, Arrived: func(*testing.T) []Arrival { return s.arrived() },
				Stop: func(*testing.T) { s.stop() }, Start: func(*testing.T) { s.start() }, Cut: func(*testing.T) { s.cut() },
				Pause: func(*testing.T) { s.pause() }, Resume: func(*testing.T) { s.resume() },
				Poison: func(e *fedmsg.Entry) { e.Envelope = []byte(`{"poison":1}`) },
			}
		},
	}
}
