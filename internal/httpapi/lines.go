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

// lineReader cuts a body into batches of complete lines.
type lineReader struct {
	r        io.Reader
	max      int    // bytes of a line; a longer one is passed over
	buf      []byte // what was read: the lines of the last batch, then at most one incomplete line
	given    int    // bytes of buf that the last batch has
	skipping bool   // inside a line that is too long
	lines    [][]byte
}

func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{r: r, max: limit, buf: make([]byte, 0, firstRead)}
}

// next waits for more bytes and gives the lines that they complete, in order, without their ends; all is valid until the
// next call. Empty lines are left out; a line that is too long is nil. At the end of the body what is left is a line too.
// It may give lines and an error.
func (l *lineReader) next() ([][]byte, error) {
	l.forget()
	l.makeRoom()
	n, err := l.r.Read(l.buf[len(l.buf):cap(l.buf)])
	fresh := len(l.buf)
	l.buf = l.buf[:fresh+n]
	if end := bytes.LastIndexByte(l.buf[fresh:], '\n'); end >= 0 {
		l.take(fresh + end + 1)
	}
	if len(l.buf)-l.given > l.max+1 { // one more than the limit may be half of a line's end
		l.tooLong()
	}
	if errors.Is(err, io.EOF) && !l.skipping {
		l.cut(l.buf[l.given:])
		l.given = len(l.buf)
	}
	return l.lines, err
}

// forget lets the last batch go and moves what is left to the front.
func (l *lineReader) forget() {
	l.lines = l.lines[:0]
	rest := l.buf[l.given:]
	l.given = 0
	if cap(l.buf) > 2*readBuffer && len(rest) < firstRead { // a long line has passed
		l.buf = append(make([]byte, 0, readBuffer), rest...)
		return
	}
	l.buf = l.buf[:copy(l.buf, rest)]
}

// makeRoom grows the buffer when it is full, or small for what the publisher sends.
func (l *lineReader) makeRoom() {
	if free := cap(l.buf) - len(l.buf); free > 0 && (free > cap(l.buf)/2 || cap(l.buf) >= readBuffer) {
		return
	}
	size := min(2*cap(l.buf), l.max+readBuffer)
	if size <= cap(l.buf) {
		return
	}
	l.buf = append(make([]byte, 0, size), l.buf...)
}

// take makes lines of the first n bytes of the buffer.
func (l *lineReader) take(n int) {
	whole := l.buf[:n]
	l.given = n
	if l.skipping {
		whole = whole[bytes.IndexByte(whole, '\n')+1:]
		l.skipping = false
	}
	l.cut(whole)
}

// cut appends the lines of b.
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
	l.buf = l.buf[:l.given]
}
