package zmtp

import (
	"errors"
	"os"
	"time"
)

// patience is how long is tried to write what must not wait, where the system cannot be asked what it takes at once.
const patience = 10 * time.Millisecond

// writeSome writes what the system takes at once. If that is not all, whole is false, and the next Write, which may be of
// nothing, writes the rest first.
func (c *Conn) writeSome(encoded []byte) (whole bool, err error) {
	c.out.Lock()
	whole, err = c.writeSomeLocked(encoded)
	c.out.Unlock()
	return whole, c.wrote(err)
}

func (c *Conn) writeSomeLocked(encoded []byte) (whole bool, err error) {
	if c.cipher != nil {
		encoded = c.cipher.seal(c.out.sealed[:0], encoded)
		c.keepSealed(encoded)
	}
	n := 0
	if len(c.out.rest) == 0 {
		n, err = c.writeNow(encoded)
	}
	if n < len(encoded) {
		c.out.rest = append(c.out.rest, encoded[n:]...)
	}
	return n == len(encoded), err
}

// writeShortly writes for a short time.
func (c *Conn) writeShortly(b []byte) (n int, err error) {
	c.out.deadline = time.Now().Add(patience)
	if err := c.nc.SetWriteDeadline(c.out.deadline); err != nil {
		return 0, err
	}
	n, err = c.nc.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}
