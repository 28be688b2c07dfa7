package fedmsgtest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// base stands for the node in requests over its unix socket.
const base = "http://localhost"

// ndjson is the media type of many messages, one a line.
const ndjson = "application/x-ndjson"

func (n *Node) dialSocket(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", n.Socket)
}

// Get asks the node over its socket. Any goroutine may call it.
func (n *Node) Get(ctx context.Context, path string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return 0, nil, err
	}
	return n.do(req)
}

// do asks, and waits no longer for the answer than for any event.
func (n *Node) do(req *http.Request) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	resp, err := n.HTTP.Do(req.WithContext(ctx))
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// Log is the answer of /v1/log.
type Log struct {
	ID    fedmsg.LogID `json:"id"`
	First uint64       `json:"first"`
	Last  uint64       `json:"last"`
}

// Log asks what the node's log holds.
func (n *Node) Log(t testing.TB) Log {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	status, body, err := n.Get(ctx, "/v1/log")
	var l Log
	if err == nil {
		err = json.Unmarshal(body, &l)
	}
	if err != nil || status != http.StatusOK {
		t.Fatalf("GET /v1/log: status %d %s, error %v", status, body, err)
	}
	return l
}

func clip(b []byte) []byte { return b[:min(len(b), 200)] }
