package zmtp

import (
	"errors"
	"os"
)

// Incoming is one thing that a peer sent.
type Incoming struct {
	// Message is the frames. Of a subscription it has one, the prefix.
	Message Message
	// Subscribe and Cancel tell that it is a subscription, or the end of one.
	Subscribe, Cancel bool
}

// sealedOverhead is by how much the body of a sealed frame may be longer than what is in it.
const sealedOverhead = 64

// Receive waits for something from the peer and appends to batch what has come, at least one and at most as many as there is
// room for without growing it (one, if there is no room). It answers heartbeats, and asks for them. An error ends the
// connection.
func (c *Conn) Receive(batch []Incoming) ([]Incoming, error) {
	had, most := len(batch), max(cap(batch), len(batch)+1)
	for c.broken == nil {
		var want int
		if batch, want, c.broken = c.parse(batch, most); len(batch) > had {
			return batch, nil // what came before a fault is given before it
		}
		if c.broken == nil {
			c.broken = c.read(want)
		}
	}
	return batch, c.failure(c.broken)
}

// maxStray bounds the messages that are passed over at a time.
const maxStray = 100

// passOver throws away the messages that have come already, and does what the commands among them ask. It does not wait. An error
// ends the connection, as do messages without end, and one of which only a part is there: nobody could tell it later from one
// that is awaited.
func (c *Conn) passOver() error {
	var space [1]Incoming
	for stray := 0; c.broken == nil; {
		var got []Incoming
		var want, n int
		if got, want, c.broken = c.parse(space[:0], 1); len(got) > 0 {
			if stray++; stray > maxStray {
				c.broken = protocolError("messages come that nobody asked for")
			}
			continue
		}
		if c.broken == nil {
			n, c.broken = c.in.readNow(want)
		}
		if n > 0 || c.broken != nil {
			continue
		}
		if len(c.in.buf) == c.in.r && !c.msg.begun() {
			return nil
		}
		c.broken = protocolError("a part of a message came that nobody asked for")
	}
	return c.failure(c.broken)
}

// read reads once, and looks after the heartbeat while nothing comes.
func (c *Conn) read(want int) error {
	for {
		err := c.in.read(want)
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := c.beat.tick(c); err != nil {
			return err
		}
	}
}

// parse appends what is whole in the input to batch, up to most. Where something is missing, want tells how many bytes are
// needed to go on.
func (c *Conn) parse(batch []Incoming, most int) (_ []Incoming, want int, err error) {
	for len(batch) < most {
		b := c.in.buf[c.in.r:]
		flags, head, size := frameHead(b)
		if head == 0 {
			return batch, headSize(b), nil
		}
		if err := c.check(flags, size, c.overhead()); err != nil {
			return batch, 0, err
		}
		end := head + int(size)
		if len(b) < end {
			return batch, end, nil
		}
		c.in.skip(end)
		body := b[head:end:end]
		if c.cipher != nil {
			if flags, body, err = c.open(body); err != nil {
				return batch, 0, err
			}
		}
		if flags&flagCommand != 0 {
			batch, err = c.command(batch, body)
		} else {
			batch, err = c.frame(batch, flags, body)
		}
		if err != nil {
			return batch, 0, err
		}
	}
	return batch, 0, nil
}

// overhead is by how much the body of a frame on the wire may be longer than what is in it.
func (c *Conn) overhead() int {
	if c.cipher == nil {
		return 0
	}
	return sealedOverhead
}

// check holds the head of a frame against the protocol and the limits, before anything is made for it.
func (c *Conn) check(flags byte, size uint64, overhead int) error {
	left := c.msg.maxBytes - c.msg.bytes + overhead
	switch {
	case flags&^(flagMore|flagLong|flagCommand) != 0:
		return protocolError("a frame came with the flags %#02x", flags)
	case flags&flagCommand != 0 && c.peer.Major < 3:
		return protocolError("a command came, which ZMTP 2.0 does not have")
	case flags&flagCommand != 0 && flags&flagMore != 0:
		return protocolError("a command came with the flags %#02x", flags)
	case size > uint64(left):
		return protocolError("a message of more than %d bytes came, which is the limit", c.msg.maxBytes)
	}
	return nil
}

// open decrypts a frame.
func (c *Conn) open(body []byte) (flags byte, plain []byte, err error) {
	flags, plain, err = c.cipher.open(body)
	if err != nil {
		return 0, nil, err
	}
	if err := c.check(flags, uint64(len(plain)), 0); err != nil {
		return 0, nil, err
	}
	return flags, plain[:len(plain):len(plain)], nil
}

// frame takes one frame of a message.
func (c *Conn) frame(batch []Incoming, flags byte, body []byte) ([]Incoming, error) {
	m, err := c.msg.add(flags, body)
	if m == nil || err != nil {
		return batch, err
	}
	in := Incoming{Message: m}
	// Of a publisher's peers, a message that begins so is a subscription: in ZMTP 3.0 and 2.0 there is no other form.
	if len(m) == 1 && c.local.publishes() && len(body) > 0 && body[0] <= 1 {
		in.Subscribe, in.Cancel = body[0] == 1, body[0] == 0
		m[0] = body[1:]
	}
	return append(batch, in), nil
}

// command takes a command. What is not known is passed over, as RFC 37 asks.
func (c *Conn) command(batch []Incoming, b []byte) ([]Incoming, error) {
	name, body, err := parseCommand(b)
	if err != nil {
		return batch, err
	}
	switch name {
	case "SUBSCRIBE", "CANCEL":
		if c.local.publishes() {
			subscribe := name == "SUBSCRIBE"
			batch = append(batch, Incoming{Message: Message{body}, Subscribe: subscribe, Cancel: !subscribe})
		}
	case "PING":
		return batch, c.pong(body)
	case "ERROR":
		return batch, refused("the peer says %s", errorReason(body))
	}
	return batch, nil
}
