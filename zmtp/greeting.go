package zmtp

import (
	"bytes"
	"encoding/hex"
)

// signature is what every version of ZMTP since 2.0 begins with. To ZMTP 1.0 it is the head of a frame.
const signature = "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f"

// The revisions that a greeting can name behind its signature.
const (
	revision1 = 0 // ZMTP 1.0, libzmq 2.x
	revision2 = 1 // ZMTP 2.0, libzmq 3.2
	revision3 = 3 // and whatever comes later, which has to speak 3.1 too
)

// greeting3 is the bytes of a greeting of ZMTP 3 behind the revision: minor, mechanism, as-server, filler.
const greeting3 = 1 + mechanismSize + 1 + 31

// mechanismSize is the bytes of a mechanism's name in the greeting.
const mechanismSize = 20

// greet makes the handshake, from the first byte to the last.
//
// The signature goes out at once: there are programs that look for it to see what listens. What comes behind it depends on the
// peer's revision.
func (c *Conn) greet(o *Options) error {
	if err := c.write([]byte(signature)); err != nil {
		return wordless(err)
	}
	if err := c.readSignature(); err != nil {
		return err
	}
	if err := c.write([]byte{revision3}); err != nil {
		return err
	}
	b, err := c.in.need(1)
	if err != nil {
		return err
	}
	revision := b[0]
	c.in.skip(1)
	switch revision {
	case revision1:
		return old1()
	case revision2:
		return c.greet2(o)
	}
	return c.greet3(o)
}

// write is for the handshake, which has the connection for itself.
func (c *Conn) write(b []byte) error {
	_, err := c.nc.Write(b)
	return err
}

// readSignature reads the first ten bytes, or less of a peer that does not speak the protocol: it may never send more.
func (c *Conn) readSignature() error {
	b, err := c.in.need(1)
	if err != nil {
		return wordless(err)
	}
	if b[0] != signature[0] {
		if b, err = c.in.need(2); err != nil {
			return err
		}
		// ZMTP 1.0 begins with a frame of the identity: its length, more than 0, and flags, which are 0.
		if b[0] != 0 && b[1] == 0 {
			return old1()
		}
		return protocolError("the peer does not speak ZMTP: it begins with %s", hex.EncodeToString(b[:min(len(b), 10)]))
	}
	if b, err = c.in.need(len(signature)); err != nil {
		return err
	}
	// The padding is of no meaning, but the last bit tells this from a long frame of ZMTP 1.0.
	if b[len(signature)-1]&1 == 0 {
		return old1()
	}
	c.in.skip(len(signature))
	return nil
}

func old1() error {
	return protocolError("the peer speaks ZMTP 1.0 (libzmq 2.x), which is not spoken here; libzmq 3.2 and newer work, give the peer one of these")
}

// greet3 makes the rest of the handshake with a peer of ZMTP 3.
func (c *Conn) greet3(o *Options) error {
	security := o.security()
	name, server := security.mechanism()
	ours := make([]byte, greeting3)
	ours[0] = 1
	copy(ours[1:1+mechanismSize], name)
	if server {
		ours[1+mechanismSize] = 1
	}
	if err := c.write(ours); err != nil {
		return err
	}
	theirs, err := c.in.need(greeting3)
	if err != nil {
		return err
	}
	c.peer.Major, c.peer.Minor = 3, int(theirs[0])
	mechanism := string(bytes.TrimRight(theirs[1:1+mechanismSize], "\x00"))
	asServer := theirs[1+mechanismSize]&1 == 1
	c.in.skip(greeting3)
	switch {
	case mechanism != name:
		return protocolError("the peer's mechanism is %s, and this side's %s", quote(mechanism), name)
	case asServer && server: // libzmq's servers do not say that they are, so that two clients find out later
		return protocolError("both sides are the server of %s", name)
	}
	return c.shake(security, o)
}

// shake makes the handshake of the mechanism.
func (c *Conn) shake(security Security, o *Options) error {
	done, err := security.shake(exchange{io: c, metadata: metadata(c.local, o.Identity), peer: c.peer})
	if err != nil {
		return err
	}
	c.peer.User, c.peer.Key, c.cipher = done.user, done.key, done.cipher
	return c.learn(done.metadata)
}

// greet2 makes the rest of the handshake with a peer of ZMTP 2.0 (RFC 15): each side's socket type and a frame of its identity.
func (c *Conn) greet2(o *Options) error {
	name, _ := o.security().mechanism()
	if name != nullName {
		return protocolError("the peer speaks ZMTP 2.0 (libzmq 3.2), which has no mechanisms, and this side asks for %s", name)
	}
	ours := appendFrame([]byte{byte(c.local)}, 0, o.Identity)
	if err := c.write(ours); err != nil {
		return err
	}
	c.peer.Major, c.peer.Minor = 2, 0
	b, err := c.in.need(3)
	if err != nil {
		return err
	}
	t, flags, size := SocketType(b[0]), b[1], int(b[2])
	if t.about().name == "" || flags != 0 {
		return protocolError("the peer's greeting of ZMTP 2.0 has the socket type %d, and a frame with the flags %#02x behind it", t, flags)
	}
	if b, err = c.in.need(3 + size); err != nil {
		return err
	}
	c.peer.Type = t
	if err := c.learnIdentity(b[3 : 3+size]); err != nil {
		return err
	}
	c.in.skip(3 + size)
	return c.checkType()
}
