package client

import (
	"context"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
)

// errLate is the inside of what is told of a message whose time is over.
var errLate = context.DeadlineExceeded

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
		t.settle(fedmsg.Receipt{ID: t.id}, t.undelivered(errLate))
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	c.giveUp(errLate)
}

// abandon settles t because its publisher does not want to wait any longer. It may still be stored.
func (c *Client) abandon(t *Ticket, cause error) {
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	t.settle(fedmsg.Receipt{ID: t.id}, fedmsg.WrapError(fedmsg.CodeTimeout, cause, "publishing %s was stopped; it may be stored or not", t.id))
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
	for _, t := range open {
		err := c.spool.Write(t.line[:len(t.line)-1])
		b.mu.Lock()
		t.settle(fedmsg.Receipt{ID: t.id}, c.queued(t, err))
		b.mu.Unlock()
	}
	if len(open) > 0 {
		c.logger.Warn("messages went to the spool", "messages", len(open), "spool", c.spool.Dir(), "error", cause)
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

// tick ends the time of messages whose publishers do not watch it themselves. There is one timer, not one for each message.
func (c *Client) tick() {
	b := &c.box
	timer := time.NewTimer(c.o.Timeout)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-timer.C:
		}
		b.mu.Lock()
		next, late := b.earliest()
		if late != nil && c.spool == nil && b.conn != nil && time.Since(b.lastReply) >= c.o.Timeout {
			b.conn.Close() // it may be dead without saying so
		}
		if next.IsZero() && late == nil && !b.running {
			b.ticking = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		for _, t := range late {
			c.expire(t)
		}
		wait := c.o.Timeout
		if !next.IsZero() {
			wait = min(wait, max(time.Until(next), time.Millisecond))
		}
		timer.Reset(wait)
	}
}

// earliest gives the tickets whose time is over and the first deadline of the others. mu is held.
func (b *outbox) earliest() (next time.Time, late []*Ticket) {
	now := time.Now()
	for _, tickets := range [][]*Ticket{b.sent, b.unsent} {
		for _, t := range tickets {
			switch {
			case t.settled:
			case !t.deadline.After(now):
				late = append(late, t)
			case next.IsZero() || t.deadline.Before(next):
				next = t.deadline
			}
		}
	}
	return next, late
}

// lookIntoSpool finds what an earlier process has left, behind which this one must queue.
func (c *Client) lookIntoSpool() {
	if c.spool == nil {
		return
	}
	pending, err := c.spool.Pending()
	if err != nil {
		c.logger.Warn("cannot look into the spool", "spool", c.spool.Dir(), "error", err)
	}
	if pending {
		c.box.mu.Lock()
		defer c.box.mu.Unlock()
		c.startSpoolingLocked()
	}
}

// startSpoolingLocked lets all messages go to the spool until it is empty. box.mu is held.
func (c *Client) startSpoolingLocked() {
	b := &c.box
	b.spooling = true
	if !b.draining && !b.closed {
		b.draining = true
		c.wg.Go(c.drain)
	}
}

// drain tries to empty the spool, again and again, until it is empty or the client is closed.
func (c *Client) drain() {
	retry := backoff.Backoff{}
	for retry.Wait(c.ctx) == nil {
		empty, err := c.drainOnce(c.ctx)
		if !empty {
			c.logger.Debug("the spool is not empty yet", "spool", c.spool.Dir(), "error", err)
			continue
		}
		retry.Reset()
		c.box.mu.Lock()
		c.box.draining = c.box.spooling // more may have come since
		again := c.box.draining
		c.box.mu.Unlock()
		if !again {
			return
		}
	}
}

// DrainSpool sends what waits in the spool and returns when it is empty, or when no node takes it. Without a spool it does
// nothing. A program that publishes once and ends calls it first, since its own messages queue behind what waits.
func (c *Client) DrainSpool(ctx context.Context) error {
	if c.spool == nil {
		return nil
	}
	empty, err := c.drainOnce(ctx)
	if empty {
		c.look.Do(func() {}) // it has been seen to be empty
	}
	return err
}

// drainOnce sends what waits and, when nothing is left, lets messages go to the node again.
func (c *Client) drainOnce(ctx context.Context) (empty bool, err error) {
	p := poster{c: c}
	defer p.close()
	sum, err := c.spool.DrainOwn(ctx, p.postSpooled)
	if sum.Delivered+sum.Rejected > 0 {
		c.logger.Info("drained the spool", "spool", c.spool.Dir(), "sent", sum.Delivered, "rejected", sum.Rejected)
	}
	if err != nil || !sum.Empty {
		return false, err
	}
	c.spoolMu.Lock()
	defer c.spoolMu.Unlock()
	pending, err := c.spool.Pending()
	if err == nil && pending {
		// Publishers are quick enough to put something in between every time. For this short moment they wait.
		ctx, cancel := context.WithTimeout(ctx, min(c.o.Timeout/4, time.Second))
		defer cancel()
		_, err = c.spool.DrainOwn(ctx, p.postSpooled)
	}
	if err != nil {
		return false, err
	}
	b := &c.box
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spooling = false
	b.reached = b.reached || sum.Delivered > 0
	return true, nil
}
