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
		if b.overdue(time.Now(), c.o.Timeout) {
			b.hung = b.conn
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

// overdue reports whether the connection has owed an answer for so long, and to somebody whose time is over. It may be one
// who has gone already: else a connection that is dead would stand for as long as all publishers watch their time
// themselves. mu is held.
func (b *outbox) overdue(now time.Time, timeout time.Duration) bool {
	return b.conn != nil && len(b.sent) > 0 && !b.sent[0].deadline.After(now) && now.Sub(b.owesSince) >= timeout
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
