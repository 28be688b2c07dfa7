// Package dump reads files of messages that were saved somewhere: entries or envelopes, one a line, and answers of the old archive's
// HTTP service, each of them as it is or compressed by zstd or gzip.
//
// It promises that envelopes keep their bytes, but for line breaks between their tokens, which become spaces as at every door; that a
// message at fault is told with its place and does not hide those behind it; that a file which broke off is not taken for a whole one;
// and that memory is bounded by the largest message. It verifies no signatures.
package dump

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const (
	// maxLine bounds one line, as of a stream: the largest envelope in base64, and what is around it.
	maxLine = 16 << 20
	// maxWindow bounds the memory of decompression.
	maxWindow = 256 << 20
	// ahead is how far a message's time may lie ahead of the clock: another machine's may be wrong.
	ahead = 24 * time.Hour
)

// Fault is what is wrong with one message. Those behind it can be read.
type Fault struct {
	Where string // line or message, for people
	Err   error
}

// Error says what is wrong, and where.
func (f *Fault) Error() string { return f.Where + ": " + f.Err.Error() }

// Unwrap gives the error without its place.
func (f *Fault) Unwrap() error { return f.Err }

// Reader reads the messages of one file. It belongs to one goroutine.
type Reader struct {
	in      *bufio.Reader
	close   func()
	next    func() ([]byte, error) // the bytes of the next message
	decoder wire.Decoder
	now     time.Time
	unit    string // line or message
	n       int    // of it
}

// NewReader finds out how the file is compressed and of which form it is. The caller closes the Reader, which does not close in.
func NewReader(in io.Reader, l fedmsg.Limits) (*Reader, error) {
	r := &Reader{decoder: wire.Decoder{Limits: l}, now: time.Now(), close: func() {}}
	if err := r.decompress(bufio.NewReaderSize(in, 64<<10)); err != nil {
		r.Close()
		return nil, err
	}
	if r.isDocument() {
		d := newDocument(r.in)
		r.unit, r.next = "message", d.next
	} else {
		r.unit, r.next = "line", r.line
	}
	return r, nil
}

// Close frees what decompression needs.
func (r *Reader) Close() { r.close() }

// decompress puts a decoder before the input where its first bytes say so.
func (r *Reader) decompress(in *bufio.Reader) error {
	var plain io.Reader = in
	switch magic, _ := in.Peek(4); {
	case string(magic) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot decompress by zstd")
		}
		plain, r.close = z, z.Close
	case len(magic) > 1 && string(magic[:2]) == "\x1f\x8b":
		z, err := gzip.NewReader(in)
		if err != nil {
			return fedmsg.WrapError(fedmsg.CodeBadJSON, err, "the file cannot be decompressed by gzip")
		}
		plain = z
	}
	r.in = bufio.NewReaderSize(plain, 1<<20)
	return nil
}

// Next gives the next message, whose memory is its own, and io.EOF at the end. An error that is a *[Fault] is of one message; any other
// ends the file. Of an entry that was saved all stays as it was, its position included; an envelope's time of receipt is its own time.
func (r *Reader) Next() (fedmsg.Entry, error) {
	for {
		data, err := r.next()
		if err == io.EOF {
			return fedmsg.Entry{}, err
		}
		r.n++
		if err != nil {
			code, text := fedmsg.Public(err)
			return fedmsg.Entry{}, fedmsg.WrapError(code, errors.Unwrap(err), "%s: %s", r.where(), text)
		}
		if len(data) == 0 {
			continue
		}
		e, err := r.message(data)
		switch {
		case err == errNoMessage:
			continue
		case err != nil && fedmsg.CodeOf(err) == fedmsg.CodeDamaged:
			return e, err
		case err != nil:
			return fedmsg.Entry{}, &Fault{Where: r.where(), Err: err}
		}
		return e, nil
	}
}

func (r *Reader) where() string { return fmt.Sprintf("%s %d", r.unit, r.n) }
