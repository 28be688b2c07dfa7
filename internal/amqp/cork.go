package amqp

import (
	"net"
	"sync"
)

// corkBytes is how much is gathered before it is written, keptBytes what stays allocated while there is nothing to write.
const (
	corkBytes = 32 << 10
	keptBytes = 2 << 10
)

// cork is a connection that gathers what is written while it is held: the library writes each message by itself, and a
// write costs more than a message.
type cork struct {
	net.Conn

	mu   sync.Mutex // held over writes, which keeps their order; who closes the connection does not need it
	held bool       // guarded by mu
	buf  []byte     // guarded by mu: what is to be written
}

// Write takes p; the caller may change it afterwards. An error is of this write or an earlier one.
func (c *cork) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.buf) == 0 && !c.held {
		return c.Conn.Write(p)
	}
	c.buf = append(c.buf, p...)
	if c.held && len(c.buf) < corkBytes {
		return len(p), nil
	}
	if err := c.empty(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hold begins or ends the gathering; its end writes nothing by itself.
func (c *cork) hold(held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = held
}

// flush writes what was gathered.
func (c *cork) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.empty()
}

// empty writes the buffer. mu is held.
func (c *cork) empty() error {
	if len(c.buf) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.buf)
	if cap(c.buf) > keptBytes && len(c.buf) < corkBytes { // the last of many: an idle sink keeps little
		c.buf = nil
	} else {
		c.buf = c.buf[:0]
	}
	return err
}
