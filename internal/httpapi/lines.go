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
	buf      []byte // what was read: whole lines, then at most one incomplete line
	given    int    // bytes of buf that were given or passed over
	whole    int    // bytes of buf that are whole lines; at least given
	over     bool   // a line that is too long stands behind the whole lines, and was not given
	skipping bool   // inside a line that is too long
	err      error  // of r; given behind all lines
	lines    [][]byte
}

func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{r: r, max: limit, buf: make([]byte, 0, firstRead)}
}

// next gives at most maxBatch lines, in order, without their ends; all is valid until the next call. It waits for more
// bytes when those that are there have been given. Empty lines are left out; a line that is too long is nil. At the end of
// the body what is left is a line too. It may give lines and an error, or none of both.
func (l *lineReader) next() ([][]byte, error) {
	l.lines = l.lines[:0]
	if l.given == l.whole && l.err == nil {
		l.read()
	}
	l.cut()
	if l.given < l.whole {
		return l.lines, nil
	}
	if l.over {
		l.lines, l.over = append(l.lines, nil), false
	}
	return l.lines, l.err
}

// read waits for more bytes and finds the whole lines.
func (l *lineReader) read() {
	l.forget()
	l.makeRoom()
	fresh := len(l.buf)
	n, err := l.r.Read(l.buf[fresh:cap(l.buf)])
	l.buf, l.err = l.buf[:fresh+n], err
	if end := bytes.LastIndexByte(l.buf[fresh:], '\n'); end >= 0 {
		l.whole = fresh + end + 1
		if l.skipping {
			l.given, l.skipping = bytes.IndexByte(l.buf, '\n')+1, false
		}
	}
	switch rest := len(l.buf) - l.whole; {
	case l.skipping: // of such a line nothing is kept
		l.buf = l.buf[:l.whole]
	case rest > l.max+1: // one more than the limit may be half of a line's end
		l.over, l.skipping = true, true
		l.buf = l.buf[:l.whole]
	case errors.Is(err, io.EOF):
		l.whole = len(l.buf)
	}
}

// forget lets the whole lines go and moves what is left to the front.
func (l *lineReader) forget() {
	rest := l.buf[l.whole:]
	l.given, l.whole = 0, 0
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

// cut appends whole lines until there is a batch.
func (l *lineReader) cut() {
	for l.given < l.whole && len(l.lines) < maxBatch {
		line, _, found := bytes.Cut(l.buf[l.given:l.whole], []byte{'\n'})
		l.given += len(line)
		if found {
			l.given++
		}
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
