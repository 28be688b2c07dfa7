package client

import (
	"context"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// late is the inside of what is told of a message whose time is over: the reason for which the last connection failed, if
// none has answered since, or that this one is silent. mu is held.
func (b *outbox) late() error {
	switch {
	case b.lastErr != nil:
		return b.lastErr
	case b.conn != nil && len(b.sent) > 0:
		return noAnswer(time.Since(b.owesSince), context.DeadlineExceeded)
	}
	return context.DeadlineExceeded
}

// expire ends the time of t. Where the spool is on, all that is under way goes there, because a message behind t must not
// come before it.
func (c *Client) expire(t *Ticket) {
	b := &c.box
	b.mu.Lock()
	if t.settled {
		b.mu.Unlock()
		return
	}
	if c.spool == nil {
		t.settle(fedmsg.Receipt{ID: t.id}, t.undelivered(b.late()))
		b.mu.Unlock()
		return
	}
	cause := b.late()
	b.mu.Unlock()
	c.giveUp(cause)
}

// refused settles all that is under way: the node will not take anything from this client, now or later.
func (c *Client) refused(err error) {
	if fedmsg.CodeOf(err).Retryable() {
		return
	}
	b := &c.box
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.clear() {
		t.settle(fedmsg.Receipt{ID: t.id}, err)
	}
}

// clear empties the outbox and gives what had no outcome, in order. mu is held.
func (b *outbox) clear() []*Ticket {
	var open []*Ticket
	freed := 0
	for _, tickets := range [][]*Ticket{b.sent, b.unsent} {
		for _, t := range tickets {
			freed += t.size
			if !t.settled {
				open = append(open, t)
			}
		}
	}
	b.sent, b.unsent, b.buf = nil, nil, nil
	b.release(freed)
	if b.conn != nil {
		b.conn.Close() // its answers would now be about other messages
		b.conn = nil
	}
	return open
}

// giveUp settles all that is under way: it goes to the spool, in order, or fails.
func (c *Client) giveUp(cause error) {
	c.spoolMu.Lock()
	defer c.spoolMu.Unlock()
	b := &c.box
	b.mu.Lock()
	open := b.clear()
	if c.spool == nil {
		for _, t := range open {
			t.settle(fedmsg.Receipt{ID: t.id}, t.undelivered(cause))
		}
		b.mu.Unlock()
		return
	}
	if len(open) > 0 {
		b.cause = cause
		c.startSpoolingLocked()
	}
	b.mu.Unlock()
	c.spoolAll(open)
	if len(open) > 0 {
		c.logger.Warn("messages went to the spool", "messages", len(open), "spool", c.spool.Dir(), "error", cause)
	}
}

// writeSpool writes all that stands in line for the spool. Of many publishers that come at once, the first writes for all.
func (c *Client) writeSpool() {
	c.spoolMu.Lock()
	defer c.spoolMu.Unlock()
	c.box.mu.Lock()
	tickets := c.box.toSpool
	c.box.toSpool = nil
	c.box.mu.Unlock()
	c.spoolAll(tickets)
}

// spoolAll writes tickets, which nobody else has, to the spool and settles them. What any node would refuse is refused now:
// later there is nobody to be told. spoolMu is held.
func (c *Client) spoolAll(tickets []*Ticket) {
	var lines [][]byte
	errs := make([]error, len(tickets))
	dec := wire.Decoder{Limits: c.limits}
	for i, t := range tickets {
		line := t.line[:len(t.line)-1]
		if _, err := dec.Submitted(line); err != nil && fedmsg.CodeOf(err) != fedmsg.CodeTooLarge && fedmsg.CodeOf(err) != fedmsg.CodeTooDeep {
			errs[i] = err
			continue
		}
		lines = append(lines, line) // the node may have other limits
	}
	written := c.spool.WriteAll(lines)
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	for i, t := range tickets {
		if errs[i] == nil {
			errs[i], written = c.queued(t, written[0]), written[1:]
		}
		t.settle(fedmsg.Receipt{ID: t.id}, errs[i])
	}
}

// spoolLater gives up from outside the locks that its caller holds, and ends the session.
func (c *Client) spoolLater(cause error) error {
	if !c.box.closed {
		c.wg.Go(func() { c.giveUp(cause) })
	}
	return cause
}

// queued is what a publisher is told of a message that went to the spool, or could not because of err, and why: the cause
// for which nothing goes to the node. box.mu is held.
func (c *Client) queued(t *Ticket, err error) error {
	cause := c.box.cause
	if err == nil {
		return fedmsg.WrapError(fedmsg.CodeQueued, cause, "no node took message %s; it waits in the spool %s for the next publish or the node that owns it: %s", t.id, c.spool.Dir(), reason(cause))
	}
	_, why := fedmsg.Public(err)
	inside := err
	if cause != nil {
		why, inside = why+"; "+reason(cause), errors.Join(err, cause)
	}
	if t.sent {
		return fedmsg.WrapError(fedmsg.CodeTimeout, inside, "the node did not confirm message %s, which may be stored or not, and the spool did not take it: %s", t.id, why)
	}
	return fedmsg.WrapError(fedmsg.CodeOf(err), inside, "no node took message %s and the spool did not either: %s", t.id, why)
}
