package zmtp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// maxControl bounds the heartbeats that wait to be written to a peer that takes nothing.
const maxControl = 256

// patience is how long is tried to write what must not wait, where the system cannot be asked what it takes at once.
const patience = 10 * time.Millisecond

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

// progress calls write until it is done, as long as something is taken of it within each timeout.
func (c *Conn) progress(write func() (done bool, n int64, err error)) error {
	var began time.Time
	for {
		now, err := c.allowTime()
		if err != nil {
			return err
		}
		if began.IsZero() {
			began = now
		}
		done, n, err := write()
		switch {
		case done || err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n == 0 && time.Since(began) >= c.out.timeout: // only the first attempt may have had less time than that
			return fmt.Errorf("it took nothing of what was written in %v: %w", c.out.timeout, err)
		}
	}
}

// allowTime sets the deadline where the one that stands is too near, and tells the time. Not each write sets one, since that
// costs as much as a small write; it may come early, so that who finds it passed looks at the clock.
func (c *Conn) allowTime() (now time.Time, err error) {
	if c.out.timeout < 0 {
		if !c.out.deadline.IsZero() {
			c.out.deadline = time.Time{}
			err = c.nc.SetWriteDeadline(time.Time{})
		}
		return time.Time{}, err
	}
	now = time.Now()
	if c.out.deadline.Sub(now) > c.out.timeout/2 {
		return now, nil
	}
	c.out.deadline = now.Add(c.out.timeout)
	return now, c.nc.SetWriteDeadline(c.out.deadline)
}

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

// takeControl makes the rest of the heartbeats that wait.
func (c *Conn) takeControl() {
	c.out.waiting.Lock()
	defer c.out.waiting.Unlock()
	c.out.rest, c.out.plain = c.out.plain, nil
	if c.cipher != nil {
		c.out.rest = c.cipher.seal(nil, c.out.rest)
	}
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
