package httpapi

import (
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"github.com/federated-messaging/fedmsg"
)

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
		s.owner.told.cut.Add(1)
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
