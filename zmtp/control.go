package zmtp

// maxControl bounds the heartbeats that wait to be written to a peer that takes nothing.
const maxControl = 256

// control writes a heartbeat, or leaves it to the one that writes.
func (c *Conn) control(frame []byte) error {
	c.out.waiting.Lock()
	if len(c.out.plain)+len(frame) <= maxControl {
		c.out.plain = append(c.out.plain, frame...)
	}
	c.out.waiting.Unlock()
	return c.flushControl()
}

// flushControl writes the heartbeats that wait, unless somebody writes, who will do it behind that.
func (c *Conn) flushControl() error {
	for c.hasControl() && c.out.TryLock() {
		err := c.writeControl()
		stuck := len(c.out.rest) > 0
		c.out.Unlock()
		if err != nil {
			return c.failure(err)
		}
		if stuck {
			return nil
		}
	}
	return nil
}

func (c *Conn) hasControl() bool {
	c.out.waiting.Lock()
	defer c.out.waiting.Unlock()
	return len(c.out.plain) > 0
}

// writeControl writes the heartbeats as far as the peer takes them at once: the reading must not wait for a peer that does not
// read. The caller has the lock.
func (c *Conn) writeControl() error {
	if len(c.out.rest) == 0 {
		c.takeControl()
	}
	n, err := c.writeNow(c.out.rest)
	c.out.rest = c.out.rest[n:]
	return err
}

// takeControl makes the rest of the heartbeats that wait.
func (c *Conn) takeControl() {
	c.out.waiting.Lock()
	defer c.out.waiting.Unlock()
	c.out.rest, c.out.plain = c.out.plain, nil
	if c.cipher != nil {
		c.out.rest = c.cipher.seal(nil, c.out.rest)
	}
}
