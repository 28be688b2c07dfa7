package wire

import (
	"encoding/binary"
	"math/bits"
)

// plainEnd finds the end of the run of plain characters that starts at data[i]: the first byte that is a quote, a
// backslash, a control character or DEL, or not ASCII. It is len(data) when there is none.
//
// Eight bytes are looked at together. For a byte below 0x80 the high bit of
//
//	c-0x20, (c^'"')-1, (c^'\\')-1, c+1
//
// is set exactly if c is below 0x20, a quote, a backslash, 0x7f. A borrow or carry into the next byte can only come from
// such a byte, so the lowest high bit that is set is always a right one.
func plainEnd(data []byte, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	for i+8 <= len(data) {
		x := binary.LittleEndian.Uint64(data[i:])
		stop := (x | (x - 0x20*ones) | ((x ^ '"'*ones) - ones) | ((x ^ '\\'*ones) - ones) | (x + ones)) & highs
		if stop != 0 {
			return i + bits.TrailingZeros64(stop)>>3
		}
		i += 8
	}
	for i < len(data) && data[i] >= ' ' && data[i] < 0x7f && data[i] != '"' && data[i] != '\\' {
		i++
	}
	return i
}
