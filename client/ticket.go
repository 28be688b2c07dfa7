package client

import (
	"context"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Ticket stands for a message whose place in the order is fixed and whose outcome may be open.
type Ticket struct {
	c        *Client
	id       string
	line     []byte // the envelope and a line end; shared with the buffer that is written; nil when settled
	size     int    // of line, as it is counted in outbox.bytes
	deadline time.Time
	sent     bool // written to a connection at least once; guarded by outbox.mu
	settled  bool // guarded by outbox.mu

	done    chan struct{} // closed when receipt and err are final
	receipt fedmsg.Receipt
	err     error
}

// ID is the message's id.
func (t *Ticket) ID() string { return t.id }

// Wait returns when the outcome is known, or when ctx ends. If the deadline of ctx is over, the message goes to the spool
// where that is on, and else its outcome is [fedmsg.CodeTimeout] or [fedmsg.CodeUnavailable]. If ctx is cancelled, Wait
// returns CodeTimeout and the message stays under way. Wait may be called again, and by several goroutines.
func (t *Ticket) Wait(ctx context.Context) (fedmsg.Receipt, error) {
	select {
	case <-t.done:
		return t.receipt, t.err
	default:
	}
	if ctx.Done() == nil {
		<-t.done
		return t.receipt, t.err
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fedmsg.Receipt{ID: t.id}, fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "publishing %s was stopped; it may be stored or not", t.id)
		}
		t.c.expire(t)
		<-t.done
	}
	return t.receipt, t.err
}

// undelivered is what a publisher is told of a message whose outcome did not come: not sent, or sent and unknown.
func (t *Ticket) undelivered(cause error) error {
	if t.sent {
		return fedmsg.WrapError(fedmsg.CodeTimeout, cause, "the node did not confirm message %s, which may be stored or not; publishing it again with this id is safe: %s", t.id, reason(cause))
	}
	if e, ok := errors.AsType[*fedmsg.Error](cause); ok {
		return e
	}
	return fedmsg.WrapError(fedmsg.CodeUnavailable, cause, "message %s was not sent", t.id)
}
