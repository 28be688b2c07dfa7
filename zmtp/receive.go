package zmtp

// receive puts what comes from c into the lane, as far as keep gives it, until the connection ends.
func receive[P any](c *Conn, l *lane[P], keep func([]Incoming) []Incoming) {
	_ = l.fill(c, c.ended, keep) // the connection tells who wants to know why it ended
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
