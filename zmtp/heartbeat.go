package zmtp

import (
	"fmt"
	"os"
	"time"
)

// idleTick is how often a connection without heartbeats is looked after.
const idleTick = 30 * time.Second

// maxPingContext is the longest context of a PING that is given back (RFC 37).
const maxPingContext = 16

// heartbeat asks a silent peer whether it is there. It has no goroutine and no timer of its own: the deadline of the read that
// waits is what wakes it.
type heartbeat struct {
	every, timeout time.Duration
	ask            bool // the peer knows PING
	asked          time.Time
}

// start begins, behind the handshake.
func (h *heartbeat) start(c *Conn) {
	h.ask = h.every > 0 && c.peer.Major == 3 && c.peer.Minor >= 1
	if !h.ask {
		h.every = idleTick
	}
	c.in.heard = time.Now()
	c.nc.SetReadDeadline(c.in.heard.Add(h.every)) // an error shows in the read
}

// tick is called when nothing came up to the deadline, and sets the next.
func (h *heartbeat) tick(c *Conn) error {
	now := time.Now()
	silent := now.Sub(c.in.heard)
	if silent < h.every {
		return c.nc.SetReadDeadline(c.in.heard.Add(h.every))
	}
	c.in.rest()
	c.msg.rest()
	if !h.ask {
		return c.nc.SetReadDeadline(now.Add(h.every))
	}
	if h.asked.After(c.in.heard) {
		if now.Sub(h.asked) >= h.timeout {
			return fmt.Errorf("no answer to a heartbeat in %v: %w", h.timeout, os.ErrDeadlineExceeded)
		}
		return c.nc.SetReadDeadline(h.asked.Add(h.timeout))
	}
	h.asked = now
	if err := c.nc.SetReadDeadline(now.Add(h.timeout)); err != nil {
		return err
	}
	// The time to live, in tenths of a second: that long the peer need not hear from here before it gives up.
	ttl := uint16(min((h.every+h.timeout)/(100*time.Millisecond), 1<<16-1))
	return c.control(appendCommand(nil, "PING", []byte{byte(ttl >> 8), byte(ttl)}))
}

// pong answers a PING.
func (c *Conn) pong(ping []byte) error {
	if len(ping) < 2 {
		return protocolError("a PING of %d bytes came", len(ping))
	}
	context := ping[2:]
	if len(context) > maxPingContext {
		return protocolError("a PING with a context of %d bytes came; %d are the limit", len(context), maxPingContext)
	}
	return c.control(appendCommand(nil, "PONG", context))
}
