package zmtp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestMutatedStreams gives each kind of listener streams of bytes that are nearly right, from the first byte of the greeting
// on, each in two cuts: what comes of it must be the same.
func TestMutatedStreams(t *testing.T) {
	t.Parallel()
	anybody := func(Peer, string, string) (string, error) { return "x", nil }
	plain := []string{wireSignature, "03 01", wirePLAIN, wireClient, "04 0a 05", "'HELLO", "01 61 01 62"}
	shaken3 := func(minor, kind string) []string {
		return []string{wireSignature, "03", minor, wireNULL, wireClient,
			"04", fmt.Sprintf("%02x", 22+len(kind)), "05", "'READY", "0b", "'Socket-Type", fmt.Sprintf("%08x", len(kind)), "'" + kind}
	}
	messages := []string{"01 01 74 00 03", "'abc", "03 0000000000000002 6162 00 00", "04 07 04", "'PING", "0000", "00 01 78"}
	subscriptions := []string{"04 0c 09", "'SUBSCRIBE", "'ab", "00 02 01 61", "04 09 06", "'CANCEL", "'ab", "00 02 00 61", "00 03 02 61 62"}
	for name, c := range map[string]struct {
		kind  SocketType
		o     Options
		seeds [][]string
	}{
		"PULL": {PULL, Options{}, [][]string{slices.Concat(shaken3("01", "PUSH"), messages), slices.Concat(shaken3("00", "PUSH"), messages)}},
		"XPUB": {XPUB, Options{}, [][]string{slices.Concat(shaken3("01", "SUB"), subscriptions), slices.Concat(shaken3("01", "XSUB"), subscriptions, messages)}},
		"ROUTER of 2.0": {ROUTER, Options{}, [][]string{
			{wireSignature, "01 05 00 02 6162 01 00 00 01 61 00 00"}, {wireSignature, "01 06 00 00 01 00 00 01 61 00 00"},
		}},
		"PLAIN":  {PULL, Options{Security: PlainServer{anybody}}, [][]string{slices.Concat(plain, []string{"04 1d 08", "'INITIATE", "0b", "'Socket-Type", "00000004", "'PUSH"}, messages)}},
		"opened": {PULL, Options{Security: opened{}}, [][]string{slices.Concat([]string{wireSignature, "03 01", "58 00000000000000000000000000000000000000", wireServer, "00 03 00", "'abc", "00 05 01", "'abcd", "00 02 00 61", "00 06 04 04", "'PONG"})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seeds [][]byte
			for _, s := range c.seeds {
				seeds = append(seeds, wireBytes(t, s...))
			}
			o := c.o
			o.MaxMessage, o.MaxFrames = 1000, 5
			o = o.filled()
			mutate.Run(t, seeds, streamPieces(), func(stream []byte) bool {
				whole, err := runStream(t, stream, len(stream), c.kind, &o)
				cut, errCut := runStream(t, stream, 1+len(stream)%7, c.kind, &o)
				if whole != cut || reason(err) != reason(errCut) {
					t.Errorf("at once: %s, %v\nin pieces: %s, %v", whole, err, cut, errCut)
				}
				return whole != ""
			})
		})
	}
}

// streamPieces are what a reader of frames may stumble over.
func streamPieces() []string {
	return []string{
		"\x00", "\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x08", "\x7f", "\xff", "\x00\x00", "\x01\x00", "\x04\x00", signature,
		"\x02\x80\x00\x00\x00\x00\x00\x00\x00", "\x03\xff\xff\xff\xff\xff\xff\xff\xff", "\x02\x00\x00\x00\x00\x00\x00\x03\xe8", "\x06\x00\x00\x00\x00\x00\x00\x10\x01",
		"\x05READY", "\x05ERROR", "\x04PING", "\x04PONG", "\x09SUBSCRIBE", "\x06CANCEL", "\x0bSocket-Type", "\x08Identity", "\x00\x00\x00\x04", "NULL", "PLAIN", "CURVE",
		"\x04\x0a\x05ERROR\x03bad", "\x04\x07\x04PING\x00\x00", "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
	}
}

// runStream feeds a stream to a connection, at most piece bytes at a time, and tells what was received.
func runStream(t *testing.T, stream []byte, piece int, kind SocketType, o *Options) (received string, err error) {
	nc := &streamConn{rest: stream, piece: max(piece, 1)}
	c := newConn(nc, "stream", kind, o)
	defer c.Close()
	if err = c.handshake(o); err != nil {
		return "", sortOut(t, err)
	}
	for {
		var got []Incoming
		got, err = c.Receive(make([]Incoming, 0, 3))
		for _, in := range got {
			size := 0
			for _, f := range in.Message {
				size += len(f)
			}
			if size > o.MaxMessage || len(in.Message) > o.MaxFrames || len(in.Message) == 0 {
				t.Errorf("a message of %d bytes in %d frames", size, len(in.Message))
			}
			received += fmt.Sprintf("%x %v %v;", in.Message, in.Subscribe, in.Cancel)
		}
		if cap(c.in.buf) > trustedChunk {
			t.Errorf("%d bytes are held", cap(c.in.buf))
		}
		if err != nil {
			return received, sortOut(t, err)
		}
	}
}

// reason is the text of an error, without what a greeting begins with: how much of that there is depends on the pieces.
func reason(err error) string {
	text, _, _ := strings.Cut(err.Error(), ": it begins with")
	return text
}

// sortOut holds that an error is of one of the kinds that are awaited.
func sortOut(t *testing.T, err error) error {
	if !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrRefused) && !errors.Is(err, io.EOF) {
		t.Errorf("the error is %v", err)
	}
	return err
}

// opened is a mechanism whose frames have their flags in front of their body.
type opened struct{}

func (opened) mechanism() (string, bool) { return "X", false }
func (opened) shake(exchange) (shaken, error) {
	return shaken{metadata: metadata(PUSH, nil), cipher: opened{}}, nil
}
func (opened) seal(dst, plain []byte) []byte { return append(dst, plain...) }
func (opened) open(body []byte) (flags byte, plain []byte, err error) {
	if len(body) == 0 {
		return 0, nil, protocolError("an empty frame")
	}
	return body[0], body[1:], nil
}

// streamConn is a connection on which a stream comes in pieces, and what is written is forgotten.
type streamConn struct {
	rest  []byte
	piece int
}

func (c *streamConn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), c.piece)], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *streamConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c *streamConn) Close() error                     { return nil }
func (c *streamConn) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (c *streamConn) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (c *streamConn) SetDeadline(time.Time) error      { return nil }
func (c *streamConn) SetReadDeadline(time.Time) error  { return nil }
func (c *streamConn) SetWriteDeadline(time.Time) error { return nil }
