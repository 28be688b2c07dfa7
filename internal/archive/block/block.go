// Package block packs what messages said, many together because that compresses well: it is how the stores of package archive keep
// envelopes.
//
// It promises that every byte comes back as it was, that a block which is damaged is an error and nothing else, and that reading one
// takes bounded memory. What is in a block stays readable for ever: the format is never changed.
package block

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// A block is filled until it has so many messages or bytes. More would compress a little better, and make every message that is
// found dearer to read.
const (
	Slots = 32
	Bytes = 64 << 10
)

// limit bounds what a block may become when it is decompressed: more is damage.
const limit = 1 << 30

// ErrDamaged is what a store says that does not fit itself.
var ErrDamaged = errors.New("the archive contradicts itself")

// Codec compresses blocks. It may be used by many goroutines.
type Codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec makes one.
func NewCodec() (*Codec, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0))) // else who packs waits for others
	if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(limit))
	if err != nil {
		return nil, err
	}
	return &Codec{encoder: e, decoder: d}, nil
}

// Close frees it.
func (c *Codec) Close() { c.decoder.Close() }

// Pack compresses a block.
func (c *Codec) Pack(data []byte) []byte { return c.encoder.EncodeAll(data, nil) }

// spare is how much more room than it needs a block gets: zstd copies 16 bytes at a time where it may write so far behind the end.
const spare = 16

// Unpack decompresses a block, whose size the store tells, into buf when that is large enough.
func (c *Codec) Unpack(packed []byte, size int64, buf []byte) ([]byte, error) {
	if size < 0 || size > limit {
		return nil, fmt.Errorf("%w: a block of %d bytes", ErrDamaged, size)
	}
	if int64(cap(buf)) < size+spare {
		buf = make([]byte, 0, size+spare)
	}
	data, err := c.decoder.DecodeAll(packed, buf[:0])
	if err != nil {
		return nil, fmt.Errorf("%w: a block cannot be decompressed: %w", ErrDamaged, err)
	}
	return data, nil
}

// Payload is what a block keeps of a message. Where a block was split its slices are parts of the block.
type Payload struct {
	Envelope   []byte
	Signatures []byte
}

// Append writes a slot.
func Append(b []byte, p Payload) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.Envelope)))
	b = append(b, p.Envelope...)
	b = binary.AppendUvarint(b, uint64(len(p.Signatures)))
	return append(b, p.Signatures...)
}

// Split appends the slots of a decompressed block to all.
func Split(all []Payload, b []byte, slots int) ([]Payload, error) {
	all = slices.Grow(all, max(0, min(slots, Slots)))
	for slot := range slots {
		var p Payload
		var ok bool
		if p.Envelope, b, ok = cut(b); ok {
			p.Signatures, b, ok = cut(b)
		}
		if !ok {
			return nil, fmt.Errorf("%w: slot %d of %d is cut off", ErrDamaged, slot, slots)
		}
		all = append(all, p)
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%w: %d bytes behind the last slot of a block", ErrDamaged, len(b))
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
