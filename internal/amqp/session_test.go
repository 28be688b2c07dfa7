package amqp

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// heard notes what a session tells.
type heard struct {
	mu   sync.Mutex
	text []string // guarded by mu
}

var _ told = (*heard)(nil)

func (h *heard) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, fmt.Sprintf(format, args...))
}

func (h *heard) Done(seq uint64, err error)     { h.note("done %d %v", seq, deliver.IsPermanent(err)) }
func (h *heard) DoneThrough(seq uint64)         { h.note("through %d", seq) }
func (h *heard) Remark(seq uint64, text string) { h.note("remark %d", seq) }
func (h *heard) Lost(err error) {
	if deliver.IsNotNow(err) {
		h.note("not now: %v", err)
	} else {
		h.note("lost")
	}
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.text, ", ")
}

// acked is an answer of the server.
type acked bool

func (a acked) Acked() bool { return bool(a) }

// TestConfirms gives a session what the library gives it: what came back stands before its confirm, but in another channel.
func TestConfirms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		giveUp bool
		given  []string // R is what comes back before the confirm of the same number, A an ack, N a nack
		want   string
	}{
		{"all", false, []string{"A", "A", "A"}, "through 3"},
		{"what comes back", false, []string{"A", "RA", "A"}, "through 2, remark 2, through 3"},
		{"what comes back is given up", true, []string{"RA", "A", "RA"}, "done 1 true, done 3 true, through 3"},
		{"a nack behind an ack", false, []string{"A", "N", "A"}, "through 1"},
		{"a nack first", false, []string{"N", "A", "A"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &heard{}
			sink := &Sink{giveUp: c.giveUp, logger: quiet(nil)}
			sink.server = testServer(t)
			s := &session{sink: sink, answers: h, confirms: make(chan amqp.Confirmation, 8), returns: make(chan amqp.Return, 8)}
			for i, given := range c.given {
				s.window.push(pending{seq: uint64(i + 1), id: fmt.Sprint(i + 1)})
				s.window.published(acked(given[len(given)-1] == 'A'))
				if given[0] == 'R' {
					s.returns <- amqp.Return{MessageId: fmt.Sprint(i + 1), ReplyText: "NO_ROUTE"}
				}
				s.confirms <- amqp.Confirmation{DeliveryTag: uint64(i + 1), Ack: true} // the library may say so of any
			}
			for on := true; on && len(s.confirms) > 0; {
				on = s.confirmed(<-s.confirms)
			}
			if h.String() != c.want {
				t.Errorf("it tells %q, want %q", h, c.want)
			}
		})
	}
}

// TestExchangeGone takes the exchange away from a session: no entry is at fault.
func TestExchangeGone(t *testing.T) {
	t.Parallel()
	r := theServer(t)
	name := unique(t)
	made, err := NewSink(deliver.Config{Name: "it", To: address("amqp", r.Addr, "", "exchange", name)}, nil)
	try(t, err)
	h := &heard{}
	s, err := made.(*Sink).open(t.Context(), h)
	try(t, err)
	try(t, channelOf(t, r.Addr).ExchangeDelete(name, false, false))
	try(t, s.Send(t.Context(), entryOf(1, "org.example.dev.x", "x", "{}", "{}")))
	try(t, s.Flush(t.Context()))
	await(t, "an answer", func() bool { return h.String() != "" })
	try(t, s.Close())
	if !strings.HasPrefix(h.String(), "not now") || !strings.Contains(h.String(), "make what is missing there") {
		t.Errorf("it tells %q", h)
	}
}

// TestEnds tells whose the end of a connection is.
func TestEnds(t *testing.T) {
	t.Parallel()
	for why, want := range map[*amqp.Error]string{
		{Code: amqp.ConnectionForced, Reason: "broker forced connection closure"}: "not now",
		{Code: amqp.NotFound, Reason: "no exchange"}:                              "not now",
		{Code: amqp.PreconditionFailed, Reason: "invalid"}:                        "lost",
		nil: "lost",
	} {
		h := &heard{}
		near, far := net.Pipe()
		defer far.Close()
		s := &session{
			sink: &Sink{server: testServer(t)}, answers: h, link: &link{wire: &cork{Conn: near}},
			confirms: make(chan amqp.Confirmation), closes: make(chan *amqp.Error, 1),
		}
		close(s.confirms)
		if why != nil {
			s.closes <- why
		}
		close(s.closes)
		if s.over(); !strings.HasPrefix(h.String(), want) {
			t.Errorf("%v: it tells %q", why, h)
		}
	}
}

// testServer is one that is named in errors.
func testServer(t *testing.T) server {
	t.Helper()
	s, _, err := parse("amqp://127.0.0.1/", remote.Files{}, commonOptions())
	try(t, err)
	return s
}

// TestSendIsCut has a server that reads nothing: what is sent blocks until the context ends, and the session with it.
func TestSendIsCut(t *testing.T) {
	r := theServer(t)
	made, err := NewSink(deliver.Config{Name: "it", To: address("amqp", r.Addr, "")}, nil)
	try(t, err)
	h := &heard{}
	s, err := made.(*Sink).open(t.Context(), h)
	try(t, err)
	try(t, r.Pause())
	defer func() { try(t, r.Resume()) }()
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan uint64, 1000)
	ended := make(chan error, 1)
	go func() { // ends with an error, which the test waits for
		e := entryOf(1, "org.example.dev.x", "x", "{}", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`)
		for err := error(nil); ; {
			if err = s.Send(ctx, e); err != nil {
				ended <- err
				return
			}
			sent <- e.Position.Seq
		}
	}()
	for blocked := false; !blocked; {
		select {
		case <-sent:
		case <-time.After(500 * time.Millisecond):
			blocked = true // nothing tells that a write blocks
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err != context.Canceled {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("what was sent blocks behind the end of its context")
		s.link.abort()
		<-ended
	}
	try(t, s.Close())
	if h.String() != "lost" {
		t.Errorf("it tells %q", h)
	}
}
