package client

import "time"

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
