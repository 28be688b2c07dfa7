package client

import (
	"context"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
)

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
		c.box.hindered(err)
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
		c.box.hindered(err)
		return false, err
	}
	c.stopSpooling(sum.Delivered > 0)
	return true, nil
}

// hindered notes why what waits in the spool could not be sent, for those who are told that their messages wait there too.
// That somebody else sends it is no fault.
func (b *outbox) hindered(err error) {
	if err == nil || fedmsg.CodeOf(err) == fedmsg.CodeQueued {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.cause = err
	}
}

// stopSpooling lets messages go to the node again, first those that stood in line for the spool. spoolMu is held.
func (c *Client) stopSpooling(reached bool) {
	b := &c.box
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reached = b.reached || reached
	if b.closed {
		return // whoever still stands in line writes to the spool
	}
	b.spooling = false
	for _, t := range b.toSpool {
		b.open()
		start := len(b.buf)
		b.buf = append(b.buf, t.line...)
		b.add(t, start)
	}
	if len(b.toSpool) > 0 {
		b.toSpool = nil
		c.startLocked()
		b.wake()
	}
}
