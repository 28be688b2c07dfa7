package httpapi

import (
	"bytes"
	"errors"
	"io"
)

// Sizes of NDJSON reading.
const (
	readBuffer = 256 << 10 // bytes taken from a publisher at once; also the most that one batch has, but for longer lines
	firstRead  = 16 << 10  // what a publisher has before it shows that it sends more
	maxBatch   = 1024      // lines in one batch, which bounds the outcomes that one ticket holds
)

// lineReader cuts a body into batches of complete lines. The memory of a batch is its own, of just the right size, because
// the log and its readers keep it; the reader's buffer is used again.
type lineReader struct {
	r        io.Reader
	max      int    // bytes of a line; a longer one is passed over
	buf      []byte // bytes that were read and not yet given: at most one incomplete line
	skipping bool   // inside a line that is too long
	lines    [][]byte
}

func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{r: r, max: limit, buf: make([]byte, 0, firstRead)}
}

// next waits for more bytes and gives the lines that they complete, in order, without their ends; the batch is valid until
// the next call, the lines for ever. Empty lines are left out; a line that is too long is nil. At the end of the body what
// is left is a line too. It may give lines and an error.
func (l *lineReader) next() ([][]byte, error) {
	l.lines = l.lines[:0]
	l.makeRoom()
	n, err := l.r.Read(l.buf[len(l.buf):cap(l.buf)])
	fresh := len(l.buf)
	l.buf = l.buf[:fresh+n]
	if end := bytes.LastIndexByte(l.buf[fresh:], '\n'); end >= 0 {
		l.take(fresh + end + 1)
	}
	if len(l.buf) > l.max+1 { // one more than the limit may be half of a line's end
		l.tooLong()
	}
	if errors.Is(err, io.EOF) {
		if len(l.buf) > 0 && !l.skipping {
			l.cut(bytes.Clone(l.buf))
		}
		l.buf = l.buf[:0]
	}
	return l.lines, err
}

// makeRoom grows the buffer when it is full, or small for what the publisher sends.
func (l *lineReader) makeRoom() {
	if free := cap(l.buf) - len(l.buf); free > 0 && (free > cap(l.buf)/2 || cap(l.buf) >= readBuffer) {
		return
	}
	size := min(2*cap(l.buf), max(readBuffer, l.max+readBuffer))
	if size <= cap(l.buf) {
		return
	}
	l.buf = append(make([]byte, 0, size), l.buf...)
}

// take makes lines of the first n bytes of the buffer, which end with the end of a line, and keeps the rest.
func (l *lineReader) take(n int) {
	whole := l.buf[:n]
	if l.skipping {
		whole = whole[bytes.IndexByte(whole, '\n')+1:]
		l.skipping = false
	}
	if len(whole) > 0 {
		l.cut(bytes.Clone(whole))
	}
	rest := copy(l.buf, l.buf[n:])
	l.buf = l.buf[:rest]
	if cap(l.buf) > 2*readBuffer && rest < firstRead {
		l.buf = append(make([]byte, 0, readBuffer), l.buf...) // a long line has passed
	}
}

// cut appends the lines of b, which nobody else has.
func (l *lineReader) cut(b []byte) {
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		b = rest
		if end := len(line) - 1; end >= 0 && line[end] == '\r' {
			line = line[:end]
		}
		switch {
		case len(line) > l.max:
			l.lines = append(l.lines, nil)
		case len(line) > 0:
			l.lines = append(l.lines, line[:len(line):len(line)])
		}
	}
}

// tooLong drops what is there of a line without end. Its place in the order is kept.
func (l *lineReader) tooLong() {
	if !l.skipping {
		l.lines = append(l.lines, nil)
		l.skipping = true
	}
	l.buf = l.buf[:0]
}
