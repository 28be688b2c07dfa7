package zmtp

import (
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/poly1305"      //lint:ignore SA1019 NaCl's boxes are made of it, and secretbox cannot open them in place
	"golang.org/x/crypto/salsa20/salsa" //lint:ignore SA1019 NaCl's boxes are made of its HSalsa20 and key stream
)

// What the nonces of the two directions begin with.
const (
	curveFromClient = "CurveZMQMESSAGEC"
	curveFromServer = "CurveZMQMESSAGES"
)

const (
	// curveCommand is how the body of each frame begins, and then comes a counter of 8 bytes and a box.
	curveCommand = "\x07MESSAGE"
	// curveHeader is what stands before the plain text of a box, with its authenticator. It is as long as the part of the key
	// stream that makes the key of the authenticator, so that a frame is encrypted in its place in one go.
	curveHeader = len(curveCommand) + 8 + boxOverhead
)

// maxBoxed is by how much a frame on the wire can be longer than what is in it.
const maxBoxed = 9 + curveHeader + 1

// The flags in a box; a command has another one than on the wire.
const (
	boxedMore    = 1
	boxedCommand = 2
)

// curveCipher boxes the frames of a connection whose handshake is done.
type curveCipher struct{ out, in curveDirection }

// curveDirection is one way. The first 16 bytes of its nonces never change, so that what they and the key are mixed to, which
// every box needs, is made once.
type curveDirection struct {
	key     [32]byte
	counter uint64 // of the newest
}

// newCurveCipher makes the cipher; the counters are those of the last commands of the handshake.
func newCurveCipher(session *boxKey, out string, sent uint64, in string, received uint64) *curveCipher {
	c := &curveCipher{out: curveDirection{counter: sent}, in: curveDirection{counter: received}}
	salsa.HSalsa20(&c.out.key, (*[16]byte)([]byte(out)), (*[32]byte)(session), &salsa.Sigma)
	salsa.HSalsa20(&c.in.key, (*[16]byte)([]byte(in)), (*[32]byte)(session), &salsa.Sigma)
	return c
}

// block is where the key stream of a box begins: the rest of the nonce, and the number of a block of 64 bytes.
func (d *curveDirection) block(counter uint64, number byte) *[16]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], counter)
	b[8] = number
	return &b
}

// seal implements cipher. plain was made by this package, so that its frames are whole.
func (c *curveCipher) seal(dst, plain []byte) []byte {
	for len(plain) > 0 {
		flags, body, rest := splitFrame(plain)
		dst = c.out.sealFrame(dst, flags, body)
		plain = rest
	}
	return dst
}

// splitFrame takes the first frame off.
func splitFrame(plain []byte) (flags byte, body, rest []byte) {
	flags, head, size := frameHead(plain)
	end := head + int(size)
	return flags, plain[head:end], plain[end:]
}

// sealFrame appends the frame of one box.
func (d *curveDirection) sealFrame(dst []byte, flags byte, body []byte) []byte {
	size := curveHeader + 1 + len(body)
	dst = slices.Grow(dst, 9+size)
	if size > 255 {
		dst = binary.BigEndian.AppendUint64(append(dst, flagLong), uint64(size))
	} else {
		dst = append(dst, 0, byte(size))
	}
	start := len(dst)
	dst = dst[:start+size]
	frame := dst[start:]
	clear(frame[:curveHeader])
	frame[curveHeader] = boxFlags(flags)
	copy(frame[curveHeader+1:], body)

	d.counter++
	salsa.XORKeyStream(frame, frame, d.block(d.counter, 0), &d.key)
	key := [32]byte(frame[:32])
	var tag [boxOverhead]byte
	poly1305.Sum(&tag, frame[curveHeader:], &key)
	copy(frame, curveCommand)
	binary.BigEndian.PutUint64(frame[len(curveCommand):], d.counter)
	copy(frame[len(curveCommand)+8:], tag[:])
	return dst
}

// boxFlags gives the flags in the box of a frame with the flags.
func boxFlags(flags byte) (boxed byte) {
	if flags&flagMore != 0 {
		boxed |= boxedMore
	}
	if flags&flagCommand != 0 {
		boxed |= boxedCommand
	}
	return boxed
}

// open implements cipher.
func (c *curveCipher) open(body []byte) (flags byte, plain []byte, err error) {
	return c.in.openFrame(body)
}

// openFrame opens the box in the body of a frame, in its place.
func (d *curveDirection) openFrame(body []byte) (flags byte, plain []byte, err error) {
	if len(body) < curveHeader+1 || string(body[:len(curveCommand)]) != curveCommand {
		return 0, nil, protocolError("the peer sent a frame that is no CURVE MESSAGE")
	}
	counter := binary.BigEndian.Uint64(body[len(curveCommand):])
	// A hole would mean that frames were taken out on the way, and what is left could be other messages: the topic of one and
	// the body of the next. Every sender counts by one.
	if counter != d.counter+1 {
		return 0, nil, protocolError("the CURVE nonce %d came behind %d", counter, d.counter)
	}
	var first [64]byte
	salsa.XORKeyStream(first[:], first[:], d.block(counter, 0), &d.key)
	key, tag, boxed := [32]byte(first[:32]), [boxOverhead]byte(body[len(curveCommand)+8:]), body[curveHeader:]
	if !poly1305.Verify(&tag, boxed, &key) {
		return 0, nil, protocolError("cannot open a CURVE MESSAGE; it was changed on its way")
	}
	d.counter = counter
	head := min(len(boxed), 32)
	for i, x := range first[32 : 32+head] {
		boxed[i] ^= x
	}
	salsa.XORKeyStream(boxed[head:], boxed[head:], d.block(counter, 1), &d.key)
	return wireFlags(boxed[0]), boxed[1:], nil
}

// wireFlags gives the flags on the wire of what has the flags in a box. Others than these two mean nothing, as in libzmq.
func wireFlags(boxed byte) (flags byte) {
	if boxed&boxedMore != 0 {
		flags |= flagMore
	}
	if boxed&boxedCommand != 0 {
		flags |= flagCommand
	}
	return flags
}
