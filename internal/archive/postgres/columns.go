package postgres

import (
	"encoding/binary"
	"fmt"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// columns reads the columns of one row in their order, in the binary form in which the server sends them. What does not fit the type that
// is asked for is zero, and an error in err. It is one goroutine's, and its bytes hold until the next row is read.
type columns struct {
	left [][]byte
	err  error // the first
}

// next gives the next column, nil where it is NULL; size is what it must have, 0 is any.
func (c *columns) next(size int) []byte {
	if len(c.left) == 0 {
		c.fail("a row has too few columns")
		return nil
	}
	column := c.left[0]
	c.left = c.left[1:]
	if column != nil && size > 0 && len(column) != size {
		c.fail(fmt.Sprintf("a column has %d bytes, not %d", len(column), size))
		return nil
	}
	return column
}

func (c *columns) fail(why string) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", block.ErrDamaged, why)
	}
}

// needed is next where NULL is an error; it has at least size bytes.
func (c *columns) needed(size int) []byte {
	column := c.next(size)
	if column == nil {
		c.fail("a column is NULL that must not be")
		return make([]byte, size)
	}
	return column
}

func (c *columns) int64() int64 { return int64(binary.BigEndian.Uint64(c.needed(8))) }
func (c *columns) int32() int32 { return int32(binary.BigEndian.Uint32(c.needed(4))) }
func (c *columns) int16() int16 { return int16(binary.BigEndian.Uint16(c.needed(2))) }
func (c *columns) bool() bool   { return c.needed(1)[0] != 0 }
func (c *columns) text() string { return string(c.needed(0)) }

// bytes is a column of bytes, which hold until the next row is read; nil is NULL.
func (c *columns) bytes() []byte { return c.next(0) }

// null reports whether the next column is NULL.
func (c *columns) null() bool { return len(c.left) > 0 && c.left[0] == nil }

// skip passes over columns.
func (c *columns) skip(n int) { c.left = c.left[min(n, len(c.left)):] }

// orNull is a number, or nil.
func (c *columns) orNull() *int64 {
	column := c.next(8)
	if column == nil {
		return nil
	}
	n := int64(binary.BigEndian.Uint64(column))
	return &n
}

// arrayHeader is how long the beginning of an array is that has elements: dimensions, whether there is NULL in it, type, length, lower bound.
const arrayHeader = 20

// array calls each with the elements of an array of one dimension, which have so many bytes. NULL in it is an error.
func (c *columns) array(size int, each func(element []byte)) {
	column := c.needed(0)
	if len(column) < arrayHeader {
		if len(column) < 4 || binary.BigEndian.Uint32(column) != 0 { // an empty one has no dimension
			c.fail("an array is cut off")
		}
		return
	}
	for rest := column[arrayHeader:]; len(rest) > 0; rest = rest[4+size:] {
		if len(rest) < 4+size || binary.BigEndian.Uint32(rest) != uint32(size) {
			c.fail("an array has an element of another size")
			return
		}
		each(rest[4 : 4+size])
	}
}

// bigints appends the elements of an array of bigint.
func (c *columns) bigints(all []int64) []int64 {
	c.array(8, func(element []byte) { all = append(all, int64(binary.BigEndian.Uint64(element))) })
	return all
}

// integers appends the elements of an array of integer.
func (c *columns) integers(all []int32) []int32 {
	c.array(4, func(element []byte) { all = append(all, int32(binary.BigEndian.Uint32(element))) })
	return all
}
