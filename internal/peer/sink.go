package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// What this kind proposes where the configuration of a sink leaves it to it.
const (
	SinkInFlight    = 8192
	SinkIdleTimeout = time.Minute // below the time after which nodes, and what stands between them, let silent connections go
)

// sink pushes to another node.
type sink struct{ node }

// NewSink checks the address and options of a sink and opens nothing.
func NewSink(c deliver.Config, _ *slog.Logger) (deliver.Sink, error) {
	n, _, err := parse(c.To, c.Files())
	if err != nil {
		return nil, err
	}
	return &sink{n}, nil
}

// Open connects, and learns which log the other node keeps.
func (s *sink) Open(ctx context.Context, answers *deliver.Answers) (deliver.Session, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	session := &session{node: &s.node, answers: answers, client: c}
	if err = session.begin(ctx); err != nil {
		c.Close()
		return nil, s.told(err)
	}
	return session, nil
}

// session is one push.
type session struct {
	node    *node
	client  *client.Client
	push    *client.Push
	answers *deliver.Answers
	theirs  atomic.Pointer[fedmsg.LogID] // the other node's log; nil until it is known
	over    bool                         // Lost was told; of the goroutine that hears the answers
	refused bool                         // an entry was not taken; of the same
}

// begin asks for the log and opens the push. One who may publish but not read is not told the log: the receipts name it.
func (s *session) begin(ctx context.Context) error {
	info, err := s.client.Log(ctx)
	switch code := fedmsg.CodeOf(err); {
	case err == nil:
		s.theirs.Store(&info.ID)
	case code != fedmsg.CodeForbidden && code != fedmsg.CodeUnauthenticated:
		return err
	}
	s.push, err = s.client.Push(ctx, client.PushOptions{Answered: s.answered, Ended: s.ended})
	return err
}

// Send pushes an entry, unless it has come from there.
func (s *session) Send(ctx context.Context, e *fedmsg.Entry) error {
	if log := s.theirs.Load(); log != nil && e.Origin.Log == *log {
		s.answers.Done(e.Position.Seq, nil)
		return nil
	}
	return s.push.Send(ctx, e)
}

// Flush writes what is in the buffer.
func (s *session) Flush(ctx context.Context) error { return s.push.Flush(ctx) }

// Close ends the push and its connection.
func (s *session) Close() error {
	s.push.Close()
	return s.client.Close()
}

// answered tells what became of entries. Behind one that is to be tried again there may be some that the other node has taken.
func (s *session) answered(entries []*fedmsg.Entry, outcomes []fedmsg.Outcome) {
	taken := 0 // of the entries from the beginning
	for i := range outcomes {
		if s.over {
			return
		}
		o, seq := &outcomes[i], entries[i].Position.Seq
		if s.tooOld(o.Err) {
			s.answers.Remark(seq, fmt.Sprintf("the node at %s passes it over, since its log may have had it and trimmed it: %s", s.node.uri, o.Err))
			o.Err = nil
		}
		if fedmsg.CodeOf(o.Err) == fedmsg.CodeRedacted {
			s.answers.Remark(seq, fmt.Sprintf("the node at %s does not take it: it was redacted there", s.node.uri))
			o.Err = nil
		}
		switch {
		case o.Err != nil:
			if taken > 0 && !s.refused {
				s.answers.DoneThrough(entries[taken-1].Position.Seq)
			}
			s.refused = true
			s.refusal(seq, o.Err)
		case s.refused:
			s.answers.Done(seq, nil)
		default:
			taken = i + 1
			if log := o.Receipt.Position.Log; log != "" && s.theirs.Load() == nil {
				s.theirs.Store(&log)
			}
		}
	}
	if taken > 0 && !s.refused {
		s.answers.DoneThrough(entries[taken-1].Position.Seq)
	}
}

// tooOld reports whether an entry was refused as one that the other node may have had and forgotten. Of these there may be as many as
// this node keeps, and no attempt and no person can make them younger.
func (s *session) tooOld(err error) bool {
	return fedmsg.CodeOf(err) == fedmsg.CodeStale && s.push.Replaying()
}

// ended tells that the other node answers no more. An answer that comes to its proper end is its own doing, as when it stops: no entry
// is at fault. That error has nothing inside; one of a connection that broke has.
func (s *session) ended(err error) {
	if e, ok := errors.AsType[*fedmsg.Error](err); ok && e.Code == fedmsg.CodeUnavailable && e.Err == nil {
		err = deliver.NotNow(err)
	}
	s.answers.Lost(s.node.told(err))
}

// refusal tells of an entry that the other node did not take.
func (s *session) refusal(seq uint64, err error) {
	switch code := fedmsg.CodeOf(err); {
	case code == fedmsg.CodeStale:
		// It is the endpoint that is at fault: it would refuse all that waited.
		s.over = true
		s.answers.Lost(deliver.NotNow(fedmsg.WrapError(code, err, "the node at %s judges messages that waited here by their age; let its operator add replaying=allow to that endpoint, as in listen = [\"https://HOST:PORT?replaying=allow\"]", s.node.uri)))
	case permanent(code):
		s.answers.Done(seq, deliver.Permanent(fedmsg.WrapError(code, err, "the node at %s refused it: %s", s.node.uri, err)))
	case code.Retryable(), code == fedmsg.CodeUnauthenticated: // its disk is full, it is busy, it stops, it knows the token no more
		s.answers.Done(seq, deliver.NotNow(fedmsg.WrapError(code, err, "the node at %s takes nothing now: %s", s.node.uri, err)))
	default:
		s.answers.Done(seq, fedmsg.WrapError(code, err, "the node at %s did not take it: %s", s.node.uri, err))
	}
}

// permanent reports whether a refusal is about the message itself, or about the right of this node to publish it: the node will
// say the same again until a person has changed something. Codes that are not known here may pass.
func permanent(c fedmsg.Code) bool {
	switch c {
	case fedmsg.CodeBadJSON, fedmsg.CodeDuplicateKey, fedmsg.CodeBadTopic, fedmsg.CodeBadBody, fedmsg.CodeBadEnvelope,
		fedmsg.CodeBadID, fedmsg.CodeBadPosition, fedmsg.CodeTooLarge, fedmsg.CodeTooDeep, fedmsg.CodeIDConflict, fedmsg.CodeForbidden,
		fedmsg.CodeUnsigned, fedmsg.CodeMalformedSignature, fedmsg.CodeBadSignature, fedmsg.CodeUnknownSigner, fedmsg.CodeWrongTopic,
		fedmsg.CodeRevoked, fedmsg.CodeExpired, fedmsg.CodeWeakSignature, fedmsg.CodeFromFuture:
		return true
	}
	return false
}
