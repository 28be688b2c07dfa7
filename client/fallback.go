package client

import (
	"context"
	"errors"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// late is the inside of what is told of a message whose time is over: with the reason for which the last connection
// failed, if none has answered since. mu is held.
func (b *outbox) late() error { return errors.Join(context.DeadlineExceeded, b.lastErr) }

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
	for _, tickets := range [][]*Ticket{b.sent, b.unsent} {
		for _, t := range tickets {
			if !t.settled {
				open = append(open, t)
			}
		}
	}
	b.sent, b.unsent, b.buf = nil, nil, nil
	b.release(b.bytes)
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

// queued is what a publisher is told of a message that went to the spool, or could not because of err.
func (c *Client) queued(t *Ticket, err error) error {
	if err == nil {
		return fedmsg.Errorf(fedmsg.CodeQueued, "no node took message %s; it waits in %s and is sent in order by the next publish, or by the node that owns the directory", t.id, c.spool.Dir())
	}
	_, why := fedmsg.Public(err)
	if t.sent {
		return fedmsg.WrapError(fedmsg.CodeTimeout, err, "the node did not confirm message %s, which may be stored or not, and the spool did not take it: %s", t.id, why)
	}
	return fedmsg.WrapError(fedmsg.CodeOf(err), err, "no node took message %s and the spool did not either: %s", t.id, why)
}
