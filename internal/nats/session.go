package nats

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// lossyRemark is told of an entry that travelled without its signatures, and in the form body without its envelope.
const lossyRemark = "its signatures, or the envelope around its body, have more bytes than headers of NATS may have; it was delivered without them"

// session is what sessions of both kinds have in common.
type session struct {
	sink    *sink
	answers *deliver.Answers
	link    *link
	asking  chan struct{} // has one element while an entry is sent, and while the server is asked why it took none; nil: it never is

	gate *gate // before the first entry is taken; nil without one

	mu     sync.Mutex // guards what follows
	closed bool       // nothing is told any more
	sent   window     // what is not answered
}

// lost tells that the connection is over.
func (s *session) lost(err error) {
	if s.gate != nil {
		s.gate.end() // who waits there would wait for an answer that does not come
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.answers.Lost(err)
	}
}

// Close ends the session.
func (s *session) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.link.close()
	return nil
}

// publish sends an entry, with the subject on which the server answers, if any, and takes it down as sent.
func (s *session) publish(ctx context.Context, e *fedmsg.Entry, reply string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, lossy, err := s.sink.message(e)
	if err != nil {
		return err
	}
	m.Reply = reply
	if s.gate != nil {
		if err := s.gate.pass(ctx); err != nil {
			return err
		}
	}
	if s.asking != nil { // what were sent behind one that nobody took could come before it
		select {
		case s.asking <- struct{}{}:
			defer func() { <-s.asking }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return s.sink.failed(nil)
	}
	s.sent.add(sent{seq: e.Position.Seq, subject: m.Subject, size: uint64(m.Size()), lossy: lossy}) // before it is sent: the answer may be faster
	s.mu.Unlock()
	err = s.link.PublishMsg(m)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	s.sent.take(e.Position.Seq)
	s.mu.Unlock()
	if s.gate != nil {
		s.gate.answered(false)
	}
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return deliver.Permanent(fedmsg.Errorf(fedmsg.CodeTooLarge, "the message has %d bytes with its headers; %s takes %d (max_payload)",
			m.Size()-len(m.Subject)-len(m.Reply), s.sink.address, s.link.MaxPayload()))
	case errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrBadHeaderMsg):
		return deliver.Permanent(fedmsg.Errorf(fedmsg.CodeBadTopic, "NATS cannot carry it: %s", err))
	}
	return s.sink.failed(err)
}

// refusedSubject gives the subject on which the server did not let this node publish, if it is that which an error says.
func refusedSubject(err error) (string, bool) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return "", false
	}
	_, rest, ok := strings.Cut(err.Error(), `Publish to "`)
	subject, _, quoted := strings.Cut(rest, `"`)
	return subject, ok && quoted
}

// notPermitted is the answer for an entry on such a subject.
func (s *session) notPermitted(subject string, err error) error {
	return fedmsg.WrapError(fedmsg.CodeForbidden, err, "%s does not let this node publish on %s; its user needs the permission there", s.sink.address, subject)
}

// sent is an entry under way.
type sent struct {
	seq     uint64
	subject string
	size    uint64 // bytes, about
	lossy   bool
	over    bool // answered, while one before it is not
}

// window is what is under way, in the order in which it was sent, which is that of the numbers.
type window struct{ list []sent }

func (w *window) add(s sent) { w.list = append(w.list, s) }

// take finds what is under way with this number, and takes it out.
func (w *window) take(seq uint64) (sent, bool) {
	for i := range w.list {
		s := &w.list[i]
		if s.seq != seq {
			continue
		}
		if s.over {
			break
		}
		s.over = true
		found := *s
		w.trim()
		return found, true
	}
	return sent{}, false
}

// subject gives that of what is under way with this number.
func (w *window) subject(seq uint64) (string, bool) {
	for i := range w.list {
		if s := &w.list[i]; s.seq == seq {
			return s.subject, !s.over
		}
	}
	return "", false
}

// trim takes out what is over at the front.
func (w *window) trim() {
	n := 0
	for n < len(w.list) && w.list[n].over {
		n++
	}
	if n == len(w.list) {
		w.list = w.list[:0]
	} else {
		w.list = w.list[n:]
	}
}

// oldest finds the first under way on the subject.
func (w *window) oldest(subject string) (sent, bool) {
	for _, s := range w.list {
		if s.subject == subject && !s.over {
			return s, true
		}
	}
	return sent{}, false
}
