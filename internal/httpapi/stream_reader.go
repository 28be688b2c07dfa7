package httpapi

import (
	"errors"
	"io"
	"net"
	"sync/atomic"

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
	fresh  int   // messages since the last write
	slow   bool  // it did not take the last write at once
	broken bool  // a write has failed
	gap    *fedmsg.Gap
	greet  bool    // tell the position at once
	recall *recall // what it is given comes from the archive; nil where it comes from the log

	// What it asked for; neither changes.
	fromOldest bool // what the log has, from its beginning
	imported   bool // also what was imported into the archive

	from  origin   // who reads; it does not change
	given progress // how far it has come, for who asks

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
	s.progress()
	defer s.owner.forget(s)
	defer s.close()
	defer s.recover()
	err := s.begin()
	for err == nil {
		if s.recall != nil {
			err = s.remember()
			continue
		}
		if err = s.pump(); err == nil && s.recall == nil {
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
		s.owner.told.gaps.Add(1)
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
	if x == nil {
		s.progress() // else flush tells, when it is written
	}
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

// fill moves entries into *x, writing whenever it is full, until there are no more in the log (io.EOF) or the stream is over (errEnd).
func (s *stream) fill(x **buffer) error {
	for !s.ending.Load() {
		it, err := s.cursor.Next()
		if err == nil && !s.wanted.MatchEntry(it.Entry) {
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
		if isGap {
			if err := s.forgotten(gap); err != nil {
				return err
			}
		}
		if *x == nil {
			*x = s.newBuffer()
		}
		if isGap {
			s.passed = 0
			(*x).b = s.format.appendGap((*x).b, gap)
			s.owner.told.gaps.Add(1)
			continue
		}
		if err := s.give(x, it); err != nil {
			return err
		}
	}
	return errEnd
}

// give moves an entry into *x, and writes when it is full. It gives errEnd behind the last one that was asked for.
func (s *stream) give(x **buffer, it feed.Item) (err error) {
	s.passed = 0
	b := *x
	b.b = s.format.appendMessage(b.b, it)
	s.fresh++
	if s.left--; s.left == 0 {
		return errEnd
	}
	if b.full() {
		*x, err = s.makeRoom(b)
	}
	return err
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
