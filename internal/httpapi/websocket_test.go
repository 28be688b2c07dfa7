package httpapi

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// openWebSocket asks for a stream over WebSocket.
func (n *streamNode) openWebSocket(t *testing.T, query string) (*streamReader, *websocket.Conn) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), n.url+"/v1/stream?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 21)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &streamReader{t: t, next: func() (streamEvent, error) {
		kind, text, err := conn.Read(t.Context())
		if err != nil {
			return streamEvent{}, err
		}
		if kind != websocket.MessageText || bytes.ContainsRune(text, '\n') {
			t.Errorf("frame of type %v: %q", kind, text)
		}
		return parseStreamObject(text)
	}}, conn
}

func TestStreamWebSocket(t *testing.T) {
	checkLeaks(t)
	n := startStreams(t, DefaultStreamConfig(), nil, 1)
	n.publish("a.b", "x", "a.c")
	n.feed.Publish(n.log.grow([]byte(`{"msg":{"pad":"`+strings.Repeat("x", 70000)+`"}}`), "a.big"))
	r, _ := n.openWebSocket(t, "topic=a.%23&after=0&limit=4")
	want, _ := n.log.entries[0].MarshalJSON()
	if e := r.want("message", 1); e.data != string(want) {
		t.Errorf("data %s, want %s", e.data, want)
	}
	r.want("message", 3)
	r.want("message", 4)
	n.publish("a.d")
	r.want("message", 5)
	if _, err := r.next(); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("a complete stream ends with %v", err)
	}
	n.waitOpen(t, 0)
}

func TestWebSocketGapAndHeartbeat(t *testing.T) {
	cfg := DefaultStreamConfig()
	cfg.Heartbeat = 20 * time.Millisecond
	n := startStreams(t, cfg, nil, 0)
	n.publish("a")
	r, _ := n.openWebSocket(t, "after="+streamAt(9).String())
	r.want("gap", 1)
	for range 3 { // the library answers the pings between them, else the third would not come
		r.want("heartbeat", 1)
	}
}

// TestWebSocketSilent holds that a reader which does not answer pings is cut.
func TestWebSocketSilent(t *testing.T) {
	cfg := DefaultStreamConfig()
	cfg.Heartbeat = 500 * time.Millisecond // time enough to see it open first, also on a busy machine
	n := startStreams(t, cfg, nil, 0)
	n.openWebSocket(t, "")
	n.waitOpen(t, 1)
	n.waitOpen(t, 0)
}

func TestWebSocketLeaves(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	for name, leave := range map[string]func(*websocket.Conn) error{
		"close":      func(c *websocket.Conn) error { return c.Close(websocket.StatusNormalClosure, "") },
		"disconnect": (*websocket.Conn).CloseNow,
		"talks":      func(c *websocket.Conn) error { return c.Write(t.Context(), websocket.MessageText, []byte("hi")) },
	} {
		t.Run(name, func(t *testing.T) {
			_, conn := n.openWebSocket(t, "")
			n.waitOpen(t, 1)
			if err := leave(conn); err != nil {
				t.Fatal(err)
			}
			n.waitOpen(t, 0)
		})
	}
}

func TestWebSocketShutdown(t *testing.T) {
	checkLeaks(t)
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	r, _ := n.openWebSocket(t, "")
	r.want("heartbeat", 0)
	ended := make(chan error)
	go func() { _, err := r.next(); ended <- err }()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := n.streams.shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the stream ends with %v", err)
	}
}

// TestTextFrame holds that frames of every size class have the shortest header.
func TestTextFrame(t *testing.T) {
	for size, header := range map[int]int{125: 2, 126: 4, 65535: 4, 65536: 10} {
		text := bytes.Repeat([]byte{'x'}, size)
		b := closeTextFrame(append(openTextFrame([]byte("before")), text...), 6)
		if len(b) != 6+header+size || !bytes.HasPrefix(b, []byte("before\x81")) || !bytes.HasSuffix(b, text) {
			t.Errorf("size %d: %d bytes, header %x", size, len(b), b[6:6+header])
		}
	}
	e := fedmsg.Entry{Position: streamAt(1)}
	if b := (webSocketFormat{}).appendMessage(nil, feed.Item{Entry: &e}); b[0] != textFrame {
		t.Errorf("%x", b)
	}
}
