package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/federated-messaging/fedmsg"
)

// laidOut is an array, or objects one after the other, over several lines.
type laidOut struct {
	dec    *json.Decoder
	bound  *boundReader
	prefix string
	number int
	array  bool // within one
	err    error
}

func newLaidOut(in io.Reader, prefix string, limit int, array bool) *laidOut {
	b := &boundReader{in: in, limit: limit, left: limit}
	l := &laidOut{dec: json.NewDecoder(b), bound: b, prefix: prefix, array: array}
	if array {
		_, l.err = l.dec.Token()
	}
	return l
}

// next gives the next value. What is wrong in one ends the input: where the next one begins cannot be told.
func (l *laidOut) next() (document, error) {
	l.number++
	doc := document{at: fmt.Sprintf("%smessage %d", l.prefix, l.number)}
	l.bound.left = l.bound.limit
	if l.err == nil && l.array && !l.dec.More() {
		if _, l.err = l.dec.Token(); l.err == nil {
			l.array = false
		}
	}
	if l.err == nil {
		l.err = l.dec.Decode((*json.RawMessage)(&doc.text))
	}
	switch {
	case l.err == nil:
		return doc, nil
	case l.err == io.EOF && !l.array:
		return document{}, io.EOF
	case l.err == errStopped:
		return document{}, io.EOF
	case l.bound.left <= 0:
		doc.err = fedmsg.Errorf(fedmsg.CodeTooLarge, "the message has more than %d bytes; nothing behind it was looked at", l.bound.limit)
	case l.bound.err != nil:
		return document{}, fedmsg.WrapError(fedmsg.CodeUsage, l.bound.err, "cannot read the input")
	default:
		doc.err = fedmsg.WrapError(fedmsg.CodeBadJSON, l.err, "it is not JSON, and nothing behind it was looked at")
	}
	l.err = errStopped
	return doc, nil
}

var errStopped = errors.New("stopped")

// boundReader lets so many bytes through until left is set anew, and keeps what went wrong below.
type boundReader struct {
	in          io.Reader
	limit, left int
	err         error
}

func (b *boundReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}
