package zmtp

// sealedPiece is about how many bytes are sealed before they are written: so few that they are still in the processor's cache,
// that the buffer for them is small enough to be kept, and that the peer can open some while the next are sealed.
const sealedPiece = 32 << 10

// writeSealed seals and writes, piece by piece. The caller has the lock.
func (c *Conn) writeSealed(encoded []byte) error {
	for len(encoded) > 0 {
		n := cutPiece(encoded)
		sealed := c.cipher.seal(c.out.sealed[:0], encoded[:n])
		c.keepSealed(sealed)
		if err := c.writeAll(sealed); err != nil {
			return err
		}
		encoded = encoded[n:]
	}
	return nil
}

// cutPiece gives the bytes of the frames at the start that make up a piece when they are sealed: at least one.
func cutPiece(encoded []byte) (n int) {
	for sealed := 0; n < len(encoded) && sealed < sealedPiece; {
		_, head, size := frameHead(encoded[n:])
		n += head + int(size)
		sealed += int(size) + maxBoxed
	}
	return n
}
