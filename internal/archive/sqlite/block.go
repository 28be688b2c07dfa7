package sqlite

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// A block is filled until it has so many messages or bytes. More would compress a little better, and make every message that is
// found dearer to read.
const (
	blockSlots = 32
	blockBytes = 64 << 10
)

// blockLimit bounds what a block may become when it is decompressed: more is damage.
const blockLimit = 1 << 30

// codec compresses blocks. It may be used by many goroutines.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec() (*codec, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(blockLimit))
	if err != nil {
		return nil, err
	}
	return &codec{encoder: e, decoder: d}, nil
}

func (c *codec) Close() { c.decoder.Close() }

// pack compresses a block.
func (c *codec) pack(data []byte) []byte { return c.encoder.EncodeAll(data, nil) }

// unpack decompresses a block, whose size the file tells.
func (c *codec) unpack(packed []byte, size int64) ([]byte, error) {
	if size < 0 || size > blockLimit {
		return nil, fmt.Errorf("%w: a block of %d bytes", errDamaged, size)
	}
	data, err := c.decoder.DecodeAll(packed, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("%w: a block cannot be decompressed: %w", errDamaged, err)
	}
	return data, nil
}

// payload is what a block keeps of a message. Its slices are parts of the decompressed block.
type payload struct {
	envelope   []byte
	signatures []byte
}

// appendPayload writes a slot.
func appendPayload(b []byte, p payload) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.envelope)))
	b = append(b, p.envelope...)
	b = binary.AppendUvarint(b, uint64(len(p.signatures)))
	return append(b, p.signatures...)
}

// payloads reads the slots of a decompressed block.
func payloads(b []byte, slots int) ([]payload, error) {
	all := make([]payload, 0, min(slots, blockSlots))
	for slot := range slots {
		var p payload
		var ok bool
		if p.envelope, b, ok = cut(b); ok {
			p.signatures, b, ok = cut(b)
		}
		if !ok {
			return nil, fmt.Errorf("%w: slot %d of %d is cut off", errDamaged, slot, slots)
		}
		all = append(all, p)
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%w: %d bytes behind the last slot of a block", errDamaged, len(b))
	}
	return all, nil
}

// cut takes one counted piece off b.
func cut(b []byte) (piece, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	end := w + int(n)
	return b[w:end:end], b[end:], true
}
