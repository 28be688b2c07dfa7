package zmtp

import (
	"encoding/binary"
	"strings"
)

// maxHandshakeCommand bounds the name and body of a command of the handshake: what a peer can make this side hold before it
// has proved anything.
const maxHandshakeCommand = 4096

// appendCommand appends a command's frame.
func appendCommand(dst []byte, name string, body []byte) []byte {
	dst = appendFrameHead(dst, flagCommand, 1+len(name)+len(body))
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	return append(dst, body...)
}

// parseCommand takes the body of a command's frame apart.
func parseCommand(b []byte) (name string, body []byte, err error) {
	if len(b) == 0 || b[0] == 0 || len(b) < 1+int(b[0]) {
		return "", nil, protocolError("a command of %d bytes has no name", len(b))
	}
	return string(b[1 : 1+b[0]]), b[1+b[0]:], nil
}

// readCommand reads one command of the handshake. The body is good until the next call.
func (c *Conn) readCommand() (name string, body []byte, err error) {
	b, err := c.in.need(2)
	if err != nil {
		return "", nil, err
	}
	if b[0]&flagLong != 0 {
		if b, err = c.in.need(9); err != nil {
			return "", nil, err
		}
	}
	flags, head, size := frameHead(b)
	switch {
	case flags&^flagLong != flagCommand:
		return "", nil, protocolError("a frame with the flags %#02x came in the handshake, where only commands may", flags)
	case size > maxHandshakeCommand:
		return "", nil, protocolError("a command of %d bytes came in the handshake; %d are the limit", size, maxHandshakeCommand)
	}
	if b, err = c.in.need(head + int(size)); err != nil {
		return "", nil, err
	}
	c.in.skip(head + int(size))
	name, body, err = parseCommand(b[head : head+int(size)])
	if err == nil && name == "ERROR" {
		return "", nil, refused("the peer says %s", errorReason(body))
	}
	return name, body, err
}

// writeCommand writes one command of the handshake.
func (c *Conn) writeCommand(name string, body []byte) error {
	_, err := c.nc.Write(appendCommand(nil, name, body))
	return err
}

// errorReason reads the body of an ERROR command. What a stranger says goes into logs: it is short and quoted there.
func errorReason(body []byte) string {
	if len(body) == 0 || int(body[0]) > len(body)-1 {
		return "ERROR without a reason"
	}
	reason := string(body[1 : 1+body[0]])
	if reason == notAuthorised {
		return quote(reason) + ", which is that it does not know this side's key or password"
	}
	return quote(reason)
}

// appendProperty appends one property of the metadata (RFC 37).
func appendProperty(dst []byte, name string, value []byte) []byte {
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

// readMetadata calls each for every property.
func readMetadata(b []byte, each func(name string, value []byte) error) error {
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 || len(b) < 1+n+4 {
			return protocolError("the metadata ends within a name")
		}
		name := string(b[1 : 1+n])
		size := binary.BigEndian.Uint32(b[1+n:])
		b = b[1+n+4:]
		if uint64(size) > uint64(len(b)) {
			return protocolError("the metadata ends within the value of %s", quote(name))
		}
		if err := each(name, b[:size]); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// metadata is this side's properties.
func metadata(t SocketType, identity []byte) []byte {
	b := appendProperty(nil, "Socket-Type", []byte(t.String()))
	if t == REQ || t == DEALER || t == ROUTER {
		b = appendProperty(b, "Identity", identity)
	}
	return b
}

// learn takes what the peer's metadata says.
func (c *Conn) learn(b []byte) error {
	err := readMetadata(b, func(name string, value []byte) error {
		switch strings.ToLower(name) {
		case "socket-type":
			t, ok := parseSocketType(string(value))
			if !ok {
				return protocolError("the peer's socket type is %s, which is none", quote(string(value)))
			}
			c.peer.Type = t
		case "identity":
			return c.learnIdentity(value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.checkType()
}

// learnIdentity takes the peer's identity.
func (c *Conn) learnIdentity(id []byte) error {
	if len(id) > 255 {
		return protocolError("the peer's identity has %d bytes; 255 are the limit", len(id))
	}
	if len(id) > 0 {
		c.peer.Identity = append([]byte(nil), id...)
	}
	return nil
}

// checkType holds the peer's type against this side's.
func (c *Conn) checkType() error {
	switch {
	case c.peer.Type == 0:
		return protocolError("the peer does not tell its socket type")
	case !c.local.talksTo(c.peer.Type):
		return protocolError("the peer is a %s, which does not go with this %s", c.peer.Type, c.local)
	}
	return nil
}
