package stomp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// frame is what came from a server.
type frame struct {
	command string
	headers []header
	body    []byte
	dropped int // bytes of a body beyond what is taken, which is nil then
}

type header struct{ name, value string }

// get gives the value of a header. Of one that stands there twice the first counts.
func (f *frame) get(name string) string {
	v, _ := f.lookup(name)
	return v
}

func (f *frame) lookup(name string) (string, bool) {
	for i := range f.headers {
		if f.headers[i].name == name {
			return f.headers[i].value, true
		}
	}
	return "", false
}

// maxHeaders and maxHeaderBytes bound what stands before a body. ActiveMQ takes 1000 headers of 10 KiB.
const (
	maxHeaders     = 1000
	maxHeaderBytes = 1 << 20
)

// errHeaders tells that a server does not keep to them, which makes where its frame ends unknown.
var errHeaders = errors.New("the headers of a frame are too long")

// reader reads frames. One goroutine uses it.
type reader struct {
	r       *bufio.Reader
	maxBody int
	line    []byte // a line that does not fit into the buffer of r
}

// next reads a frame. Heart-beats before it are left out.
func (r *reader) next() (*frame, error) {
	room := maxHeaderBytes
	command, err := r.readLine(&room)
	for err == nil && len(command) == 0 {
		room = maxHeaderBytes
		command, err = r.readLine(&room)
	}
	if err != nil {
		return nil, err
	}
	switch string(command) {
	case "CONNECTED", "MESSAGE", "RECEIPT", "ERROR":
	default: // where its frame ends nobody knows
		return nil, fmt.Errorf("%q begins no frame of STOMP; look whether host and port are those of a server that speaks it", cleanTo(string(command), maxStrange))
	}
	f := &frame{command: string(command), headers: make([]header, 0, 16)}
	for {
		line, err := r.readLine(&room)
		if err != nil {
			return nil, unended(err)
		}
		if len(line) == 0 {
			break
		}
		name, value, ok := strings.Cut(string(line), ":")
		if !ok {
			return nil, fmt.Errorf("a frame %.20q has a header without a colon", f.command)
		}
		if len(f.headers) == maxHeaders {
			return nil, errHeaders
		}
		if f.command != "CONNECTED" { // it comes before the two have agreed on the version that has escapes
			name, value = unescape(name), unescape(value)
		}
		f.headers = append(f.headers, header{name, value})
	}
	return f, unended(r.readBody(f))
}

// unended tells the end of the connection inside a frame from the one behind it.
func unended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readLine gives the next line without its end, valid until the next read.
func (r *reader) readLine(room *int) ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.line = r.line[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(r.line) < *room {
			r.line = append(r.line, line...)
			line, err = r.r.ReadSlice('\n')
		}
		r.line = append(r.line, line...)
		line = r.line
	}
	if *room -= len(line); *room < 0 || errors.Is(err, bufio.ErrBufferFull) {
		return nil, errHeaders
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// readBody reads what stands behind the headers.
func (r *reader) readBody(f *frame) error {
	text, ok := f.lookup("content-length")
	if !ok {
		return r.readToNUL(f)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return fmt.Errorf("a frame %.20q has the content-length %.20q", f.command, text)
	}
	if n > r.maxBody {
		if _, err := r.r.Discard(n); err != nil {
			return err
		}
		f.dropped = n
	} else {
		f.body = make([]byte, n)
		if _, err := io.ReadFull(r.r, f.body); err != nil {
			return err
		}
	}
	if end, err := r.r.ReadByte(); err != nil || end != 0 {
		return errors.Join(err, fmt.Errorf("a frame %.20q does not end where its content-length says", f.command))
	}
	return nil
}

// readToNUL reads a body of unknown length.
func (r *reader) readToNUL(f *frame) error {
	for {
		part, err := r.r.ReadSlice(0)
		if f.dropped == 0 && len(f.body)+len(part)-1 <= r.maxBody {
			f.body = append(f.body, part...)
		} else {
			f.dropped += len(f.body) + len(part)
			f.body = nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return err
		case f.dropped > 0:
			f.dropped--
			return nil
		default:
			f.body = f.body[:len(f.body)-1]
			return nil
		}
	}
}

// waiting reports whether a frame, or most of it, has come already, so that next does not wait for long.
func (r *reader) waiting() bool {
	peeked, _ := r.r.Peek(r.r.Buffered()) // it asks for what is there
	return bytes.IndexByte(peeked, 0) >= 0
}

// unescape undoes what STOMP does to colons, backslashes and ends of lines in headers. What is none of its escapes stays as it
// is: the specification has the connection ended, and then the message behind it would come again for ever.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if at := strings.IndexByte(`crn\`, s[i+1]); at >= 0 {
				b = append(b, ":\r\n\\"[at])
				i++
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// appendHeader writes a header with its escapes.
func appendHeader(dst []byte, name, value string) []byte {
	dst = appendEscaped(dst, name)
	dst = append(dst, ':')
	dst = appendEscaped(dst, value)
	return append(dst, '\n')
}

func appendEscaped(dst []byte, s string) []byte {
	for {
		i := strings.IndexAny(s, ":\r\n\\\x00")
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		switch s[i] {
		case ':':
			dst = append(dst, `\c`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\\':
			dst = append(dst, `\\`...)
		} // a NUL, which would end the frame, has no escape and is left out; nothing that a door takes has one
		s = s[i+1:]
	}
}

// appendBody ends a frame's headers and writes its body.
func appendBody(dst, body []byte) []byte {
	dst = append(dst, '\n')
	dst = append(dst, body...)
	return append(dst, 0)
}
