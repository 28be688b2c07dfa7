package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// format is a way of writing events down. All streams of a format share one.
type format interface {
	appendMessage(b []byte, it feed.Item) []byte
	appendGap(b []byte, g *fedmsg.Gap) []byte
	appendHeartbeat(b []byte, p fedmsg.Position) []byte
}

// stream is one reader of GET /v1/stream after its request has been answered: it owns the connection. An idle one is this
// struct, its cursor and a goroutine with a small stack; it has no buffer and no timer.
type stream struct {
	owner  *streams
	index  int // place in owner.open; guarded by owner.mu
	conn   net.Conn
	socket *webSocket // nil unless it is one
	format format
	framed bool // in HTTP's chunked coding

	// Owned by the goroutine that runs it.
	cursor *feed.Cursor
	wanted filter.Filter
	left   int64 // messages still to give; below 0 without end
	passed int   // unwanted entries since the reader last heard something
	slow   bool  // it did not take the last write at once
	broken bool  // a write has failed
	gap    *fedmsg.Gap
	greet  bool // tell the position at once

	due     atomic.Bool  // a heartbeat is due
	ending  atomic.Bool  // it has to end
	late    atomic.Bool  // because its reader does not read
	wrote   atomic.Int64 // clock of the last write's end
	writing atomic.Int64 // clock of the write's begin while one is under way; else 0
}

var (
	errEnd  = errors.New("stream has given all that was asked for, or has to end")
	errGone = errors.New("reader has left")
)

// run serves the stream to its end.
func (s *stream) run() {
	defer s.owner.forget(s)
	defer s.close()
	defer s.recover()
	err := s.begin()
	for err == nil {
		if err = s.pump(); err == nil {
			s.cursor.Wait()
		}
	}
	s.report(err)
}

// begin tells what the reader must know before the first entry.
func (s *stream) begin() error {
	if s.gap == nil && !s.greet {
		return nil
	}
	x := s.newBuffer()
	if s.gap != nil {
		x.b = s.format.appendGap(x.b, s.gap)
		s.gap = nil
	} else {
		x.b = s.format.appendHeartbeat(x.b, s.cursor.Position())
	}
	x, err := s.flush(x)
	s.owner.buffers.put(x)
	return err
}

// pump gives the reader everything there is, and its heartbeat when one is due. It returns errEnd when the stream is over.
func (s *stream) pump() error {
	var x *buffer
	err := s.fill(&x)
	if err == io.EOF {
		err = nil
		if s.due.Swap(false) && x == nil {
			if s.gone() {
				return errGone
			}
			x = s.newBuffer()
			s.heartbeat(x)
		}
	}
	if x != nil {
		ended := err
		x, err = s.flush(x)
		s.owner.buffers.put(x)
		if err == nil {
			err = ended
		}
	}
	return err
}

// fill moves entries into *x, writing whenever it is full, until there are no more (io.EOF) or the stream is over (errEnd).
func (s *stream) fill(x **buffer) error {
	for !s.ending.Load() {
		it, err := s.cursor.Next()
		if err == nil && !s.wanted.Match(it.Entry.Topic) {
			if s.passed++; s.passed >= s.owner.cfg.PassedOver {
				err = s.tellPosition(x)
			}
			if err != nil {
				return err
			}
			continue
		}
		gap, isGap := err.(*fedmsg.Gap)
		if err != nil && !isGap {
			return err
		}
		if *x == nil {
			*x = s.newBuffer()
		}
		b := *x
		s.passed = 0
		if isGap {
			b.b = s.format.appendGap(b.b, gap)
			continue
		}
		b.b = s.format.appendMessage(b.b, it)
		if s.left--; s.left == 0 {
			return errEnd
		}
		if b.full() {
			if *x, err = s.makeRoom(b); err != nil {
				return err
			}
		}
	}
	return errEnd
}

// tellPosition writes what is in *x, and a heartbeat.
func (s *stream) tellPosition(x **buffer) (err error) {
	if *x == nil {
		*x = s.newBuffer()
	}
	s.heartbeat(*x)
	*x, err = s.flush(*x)
	return err
}

// heartbeat tells the reader where it stands.
func (s *stream) heartbeat(x *buffer) {
	x.b = s.format.appendHeartbeat(x.b, s.cursor.Position())
	if s.socket != nil {
		x.b = s.socket.appendPing(x.b)
	}
	s.passed = 0
}

// makeRoom exchanges a small buffer for a big one, as the reader seems to have much to catch up with, or writes it. A
// reader that is slow to take what is written has to do with a small one.
func (s *stream) makeRoom(x *buffer) (*buffer, error) {
	if !x.big && !s.slow {
		if y, ok := s.owner.buffers.grow(x); ok {
			return y, nil
		}
	}
	x, err := s.flush(x)
	if x.big && s.slow {
		s.owner.buffers.put(x)
		x = s.newBuffer()
	}
	return x, err
}

// chunkHead is the length of the head of an HTTP chunk as it is written here: eight hexadecimal digits and a line end.
const chunkHead = 10

func (s *stream) newBuffer() *buffer {
	x := s.owner.buffers.get()
	if s.framed {
		x.b = x.b[:chunkHead]
	}
	return x
}

// flush writes what is in x with one call, and gives it back empty.
func (s *stream) flush(x *buffer) (*buffer, error) {
	empty := 0
	if s.framed {
		empty = chunkHead
	}
	if len(x.b) == empty {
		return x, nil
	}
	if s.framed {
		putChunkHead(x.b, len(x.b)-chunkHead)
		x.b = append(x.b, '\r', '\n')
	}
	err := s.write(x.b)
	x.b = x.b[:empty]
	return x, err
}

// putChunkHead writes the length of a chunk over its head.
func putChunkHead(b []byte, n int) {
	const hex = "0123456789abcdef"
	for i := 7; i >= 0; i-- {
		b[i] = hex[n&15]
		n >>= 4
	}
	b[8], b[9] = '\r', '\n'
}

func (s *stream) write(b []byte) error {
	began := s.owner.clock.Load()
	s.writing.Store(began)
	_, err := s.conn.Write(b)
	s.broken = err != nil
	s.writing.Store(0)
	now := s.owner.clock.Load()
	s.slow = now != began
	s.wrote.Store(now)
	s.due.Store(false)
	return err
}

// check is called at every tick: it cuts a reader that does not read, and wakes one whose heartbeat is due.
func (s *stream) check(now, heartbeat, timeout int64) {
	if began := s.writing.Load(); began != 0 {
		if now-began >= timeout {
			s.late.Store(true)
			s.cut()
		}
		return
	}
	if now-s.wrote.Load() >= heartbeat && !s.due.Swap(true) {
		s.cursor.Wake()
	}
}

// end makes the stream end by itself, soon.
func (s *stream) end() {
	s.ending.Store(true)
	_ = s.conn.SetWriteDeadline(time.Now().Add(endTimeout))
	s.cursor.Wake()
}

// endTimeout bounds the last write of a stream that has to end.
const endTimeout = 2 * time.Second

// cut makes the stream's write fail at once.
func (s *stream) cut() {
	s.ending.Store(true)
	_ = s.conn.SetDeadline(past)
	s.cursor.Wake()
}

// discard makes closing the connection throw away what the system still holds for the reader: it may be megabytes, and a
// reader that does not read would keep them there for many minutes.
func (s *stream) discard() {
	if c, ok := innermost(s.conn).(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
}

// innermost gives the connection below TLS and what else was put around it.
func innermost(conn net.Conn) net.Conn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = outer.NetConn()
	}
}

// recover makes a fault of this program the end of one stream, and not of the node.
func (s *stream) recover() {
	if fault := recover(); fault != nil {
		s.owner.deps.logger.Error("fault in a stream; please report it", "position", s.cursor.Position().String(), "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
	}
}

// report says good-bye to the reader, if it is there, and tells the operator what is not usual. A stream that has failed
// ends without a good-bye: the reader sees that it is not complete.
func (s *stream) report(err error) {
	complete := err == errEnd || fedmsg.CodeOf(err) == fedmsg.CodeUnavailable
	switch {
	case s.late.Load():
		s.discard()
		s.owner.deps.logger.Info("cut a reader that does not read", "peer", s.conn.RemoteAddr().String(), "position", s.cursor.Position().String())
	case s.broken, err == errGone: // it has left
	case complete && s.framed:
		_ = s.write([]byte("0\r\n\r\n"))
	case complete && s.socket != nil:
		_ = s.write(s.socket.goodbye(s.left == 0))
	case complete:
	default:
		s.owner.deps.logger.Error("a stream cannot go on", "position", s.cursor.Position().String(), "error", err)
	}
}

// gone reports whether the reader has certainly left.
func (s *stream) gone() bool {
	if s.socket != nil {
		return s.socket.silent()
	}
	return peerClosed(s.conn)
}

func (s *stream) close() {
	_ = s.cursor.Close()
	if s.socket != nil {
		s.socket.close()
	}
	_ = s.conn.Close()
}
