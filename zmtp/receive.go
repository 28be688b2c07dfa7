package zmtp

// receive puts what comes from c into the lane, as far as keep gives it, until the connection ends.
func receive[P any](c *Conn, l *lane[P], keep func([]Incoming) []Incoming) {
	_ = l.fill(c, c.ended, keep) // the connection tells who wants to know why it ended
}

// laneOf makes a lane for c. The connections that one link makes one after the other share theirs: what came over an older one
// is taken before what comes over a newer.
func laneOf[P any](c *Conn, in *inbox[P], from P) *lane[P] {
	if c.link == nil {
		return lastingLane(c, in, from)
	}
	l, ok := c.link.lane.(*lane[P])
	if !ok {
		l = in.lane(from)
		c.link.lane = l
	}
	return l
}

// lastingLane makes a lane that is for c alone, which counts as a peer until all that it sent was taken: else whoever comes,
// sends and leaves again and again could fill the memory.
func lastingLane[P any](c *Conn, in *inbox[P], from P) *lane[P] {
	l := in.lane(from)
	c.behind = l
	return l
}

// hasEnded tells whether the connection is no more.
func (c *Conn) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// linger waits until what c sent was taken, or until over is closed. The connection has ended.
func (c *Conn) linger(over <-chan struct{}) {
	if c.behind != nil {
		c.behind.drain(over)
	}
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
