package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/coder/websocket"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// webSocketFormat writes text frames with the JSON texts of NDJSON. A server's frames are not masked, so that they are a
// few bytes before the text, and any number of them can leave with one write.
type webSocketFormat struct{}

func (webSocketFormat) appendMessage(b []byte, it feed.Item) []byte {
	start := len(b)
	return closeTextFrame(it.AppendJSON(openTextFrame(b)), start)
}

func (webSocketFormat) appendGap(b []byte, g *fedmsg.Gap) []byte {
	start := len(b)
	return closeTextFrame(appendGapObject(openTextFrame(b), g), start)
}

func (webSocketFormat) appendHeartbeat(b []byte, p fedmsg.Position) []byte {
	start := len(b)
	return closeTextFrame(appendHeartbeatObject(openTextFrame(b), p), start)
}

// The first bytes of whole frames (RFC 6455 section 5.2).
const (
	textFrame  = 0x81
	closeFrame = 0x88
	pingFrame  = 0x89
)

// openTextFrame leaves room for the header of a frame of 126 to 65,535 bytes, as most are.
func openTextFrame(b []byte) []byte { return append(b, textFrame, 126, 0, 0) }

// closeTextFrame writes the length into the frame that begins at start, and moves the text where the header is not of the
// usual size: it must be the shortest possible.
func closeTextFrame(b []byte, start int) []byte {
	n := len(b) - start - 4
	switch {
	case n < 126:
		copy(b[start+2:], b[start+4:])
		b[start+1] = byte(n)
		return b[:len(b)-2]
	case n < 1<<16:
		binary.BigEndian.PutUint16(b[start+2:], uint16(n))
		return b
	}
	b = append(b, 0, 0, 0, 0, 0, 0)
	copy(b[start+10:], b[start+4:start+4+n])
	b[start+1] = 127
	binary.BigEndian.PutUint64(b[start+2:], uint64(n))
	return b
}

// webSocket is the other side of a stream over WebSocket: the handshake, what the reader sends, and the end. The library
// answers pings and close frames, and writes whole frames only; the stream writes its own frames between them.
type webSocket struct {
	conn    *websocket.Conn
	waiting atomic.Bool // a ping has not been answered
}

// acceptWebSocket answers the handshake and takes over the connection. When it fails nothing has been answered unless the
// error is errAnswered.
func acceptWebSocket(w http.ResponseWriter, r *http.Request) (*webSocket, net.Conn, error) {
	h := &webSocketHijacker{ResponseWriter: w}
	s := &webSocket{}
	conn, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the server has checked the origin, as of every request
		OnPongReceived:     func(context.Context, []byte) { s.waiting.Store(false) },
	})
	switch {
	case err != nil && h.conn != nil:
		return nil, nil, errAnswered
	case err != nil:
		return nil, nil, fedmsg.WrapError(fedmsg.CodeBadRequest, err, "this is no handshake of a WebSocket (version 13, over HTTP/1.1, with a Sec-WebSocket-Key)")
	}
	s.conn = conn
	return s, h.conn, nil
}

// listen reads until the reader leaves or says something it may not say, and ends the stream.
func (s *webSocket) listen(end func()) {
	_, _, _ = s.conn.Reader(context.Background())
	end()
}

// silent reports whether the last ping has not been answered, and counts on another being sent now.
func (s *webSocket) silent() bool { return s.waiting.Swap(true) }

func (s *webSocket) appendPing(b []byte) []byte { return append(b, pingFrame, 0) }

// goodbye is a close frame: the stream is complete, or the node is going away.
func (s *webSocket) goodbye(complete bool) []byte {
	code := websocket.StatusGoingAway
	if complete {
		code = websocket.StatusNormalClosure
	}
	return binary.BigEndian.AppendUint16([]byte{closeFrame, 2}, uint16(code))
}

func (s *webSocket) close() { _ = s.conn.CloseNow() }

// webSocketHijacker gives the library a connection with small buffers whose writes are whole, and keeps it from answering
// with errors that are not those of this server.
type webSocketHijacker struct {
	http.ResponseWriter
	conn *frameConn // nil before it is given
}

// WriteHeader lets nothing but the handshake's success through.
func (h *webSocketHijacker) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
	}
}

// Write takes the text of the library's errors.
func (h *webSocketHijacker) Write(b []byte) (int, error) { return len(b), nil }

func (h *webSocketHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = &frameConn{Conn: conn}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	early = bytes.Clone(early)
	small := bufio.NewReaderSize(bytes.NewReader(early), max(len(early), 256))
	_, _ = small.Peek(len(early)) // the library takes over what is buffered, and nothing else
	return h.conn, bufio.NewReadWriter(small, bufio.NewWriterSize(h.conn, 256)), nil
}

// frameConn keeps the frames that the library and the stream write at the same time from mixing.
type frameConn struct {
	net.Conn
	mu sync.Mutex // held while a write is under way
}

// NetConn gives the connection below, as [tls.Conn.NetConn] does.
func (c *frameConn) NetConn() net.Conn { return c.Conn }

func (c *frameConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Write(b)
}
