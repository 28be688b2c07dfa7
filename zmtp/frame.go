package zmtp

import "encoding/binary"

// The flags of a frame (RFC 37). In ZMTP 2.0 there are no commands.
const (
	flagMore    = 1 << 0
	flagLong    = 1 << 1
	flagCommand = 1 << 2
)

// shortFrame is the longest body whose length has one byte.
const shortFrame = 255

// AppendMessage appends the frames as one message to dst, as it stands on the wire where nothing is encrypted.
func AppendMessage(dst []byte, frames ...[]byte) []byte {
	for i, body := range frames {
		var flags byte
		if i < len(frames)-1 {
			flags = flagMore
		}
		dst = appendFrame(dst, flags, body)
	}
	return dst
}

// appendFrame appends one frame; flagLong is added where it is needed.
func appendFrame(dst []byte, flags byte, body []byte) []byte {
	return append(appendFrameHead(dst, flags, len(body)), body...)
}

// appendFrameHead appends what stands before a body of so many bytes.
func appendFrameHead(dst []byte, flags byte, size int) []byte {
	if size <= shortFrame {
		return append(dst, flags, byte(size))
	}
	dst = append(dst, flags|flagLong)
	return binary.BigEndian.AppendUint64(dst, uint64(size))
}

// frameHead reads the head of a frame: its flags, the bytes of the head and the claimed bytes of the body. head is 0 where
// more bytes are needed to know.
func frameHead(b []byte) (flags byte, head int, size uint64) {
	if len(b) < 2 {
		return 0, 0, 0
	}
	flags = b[0]
	if flags&flagLong == 0 {
		return flags, 2, uint64(b[1])
	}
	if len(b) < 9 {
		return 0, 0, 0
	}
	return flags, 9, binary.BigEndian.Uint64(b[1:])
}

// headSize is how long the head is of a frame that b is the begin of.
func headSize(b []byte) int {
	if len(b) > 0 && b[0]&flagLong != 0 {
		return 9
	}
	return 2
}
