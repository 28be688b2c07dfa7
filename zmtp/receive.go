package zmtp

// receive puts what comes from c into the lane, as far as keep gives it, until the connection ends.
func receive[P any](c *Conn, l *lane[P], keep func([]Incoming) []Incoming) {
	_ = l.fill(c, c.ended, keep) // the connection tells who wants to know why it ended
}

// laneOf makes a lane for c. The connections that one link makes one after the other share theirs: what came over an older one
// is taken before what comes over a newer.
func laneOf[P any](c *Conn, in *inbox[P], from P) *lane[P] {
	if c.link == nil {
		return in.lane(from)
	}
	l, ok := c.link.lane.(*lane[P])
	if !ok {
		l = in.lane(from)
		c.link.lane = l
	}
	return l
}

// discard reads from a peer that has nothing to say, so that its end is noticed and its heartbeats are answered.
func discard(c *Conn) {
	batch := make([]Incoming, 0, 1)
	for {
		got, err := c.Receive(batch)
		if err != nil {
			return
		}
		clear(got)
	}
}
