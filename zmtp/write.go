package zmtp

import (
	"net"
	"sync"
	"time"
)

// keptSealed is the biggest buffer that is kept for the next write to be sealed into.
const keptSealed = 64 << 10

// output is the writing side of a connection.
type output struct {
	timeout time.Duration // without progress; negative is for ever

	sync.Mutex           // who writes
	sealed     []byte    // the buffer that was sealed into
	now        nowWriter // for what must not wait
	rest       []byte    // of what writeSome and the heartbeats could not write at once; goes in front of the next write
	deadline   time.Time // as it is set

	waiting sync.Mutex
	plain   []byte // heartbeats to be written; guarded by waiting
}

// Write writes messages as [AppendMessage] makes them, with one system call where the connection takes them. It returns when
// the last byte is with the system, or after Options.WriteTimeout without progress, or Close. encoded is not kept or changed.
func (c *Conn) Write(encoded []byte) error {
	c.out.Lock()
	err := c.writeLocked(encoded)
	c.out.Unlock()
	return c.wrote(err)
}

// WriteBuffers is Write of several pieces, each whole messages, without putting them together first. The slice is consumed.
func (c *Conn) WriteBuffers(pieces net.Buffers) error {
	c.out.Lock()
	err := c.writeBuffersLocked(pieces)
	c.out.Unlock()
	return c.wrote(err)
}

// wrote ends a write: a connection on which a part of a message was written is good for nothing.
func (c *Conn) wrote(err error) error {
	if err != nil {
		return c.failure(err)
	}
	// A heartbeat that came to be while this one wrote found the lock taken.
	return c.flushControl()
}

func (c *Conn) writeLocked(encoded []byte) error {
	if err := c.writeRest(); err != nil || len(encoded) == 0 {
		return err
	}
	if c.cipher != nil {
		return c.writeSealed(encoded)
	}
	return c.writeAll(encoded)
}

func (c *Conn) writeBuffersLocked(pieces net.Buffers) error {
	if err := c.writeRest(); err != nil {
		return err
	}
	if c.cipher != nil {
		for _, p := range pieces {
			if err := c.writeSealed(p); err != nil {
				return err
			}
		}
		return nil
	}
	return c.progress(func() (bool, int64, error) {
		n, err := pieces.WriteTo(c.nc)
		return len(pieces) == 0, n, err
	})
}

// keepSealed keeps the buffer for the next time, unless it is big.
func (c *Conn) keepSealed(b []byte) {
	if cap(b) <= keptSealed {
		c.out.sealed = b
	}
}

// writeRest writes what is left of a heartbeat.
func (c *Conn) writeRest() error {
	if len(c.out.rest) == 0 {
		return nil
	}
	err := c.writeAll(c.out.rest)
	c.out.rest = nil
	return err
}

// writeAll writes all of b.
func (c *Conn) writeAll(b []byte) error {
	return c.progress(func() (bool, int64, error) {
		n, err := c.nc.Write(b)
		b = b[n:]
		return len(b) == 0, int64(n), err
	})
}

// Subscribe tells a PUB or XPUB peer what is wanted, or no longer, in the form that its version asks for.
func (c *Conn) Subscribe(prefix []byte, cancel bool) error {
	return c.Write(c.appendSubscription(nil, prefix, cancel))
}

// appendSubscription appends what Subscribe writes, so that many are written at once.
func (c *Conn) appendSubscription(dst, prefix []byte, cancel bool) []byte {
	commands := c.peer.Major == 3 && c.peer.Minor >= 1
	switch {
	case commands && cancel:
		return appendCommand(dst, "CANCEL", prefix)
	case commands:
		return appendCommand(dst, "SUBSCRIBE", prefix)
	}
	form := byte(1)
	if cancel {
		form = 0
	}
	dst = appendFrameHead(dst, 0, 1+len(prefix))
	return append(append(dst, form), prefix...)
}
