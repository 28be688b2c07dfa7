package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestPublishOne holds the answers to plain requests.
func TestPublishOne(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { c.MaxBodyBytes = 1000 })
	const receipt = `{"id":"%s","position":"edgelogabcde-%d","seq":%d,"received":"2001-09-09T01:46:40Z","duplicate":%v}` + "\n"
	cases := []struct {
		body   string
		status int
		want   string
	}{
		{"one", 201, fmt.Sprintf(receipt, "one", 1, 1, false)},
		{"again", 201, fmt.Sprintf(receipt, "again", 2, 2, true)},
		{"conflict", 409, `{"error":{"code":"id_conflict","message":"conflict"}}` + "\n"},
		{"refuse", 400, `{"error":{"code":"bad_topic","message":"refused"}}` + "\n"},
		{"broken", 503, `{"error":{"code":"log_failed","message":"the log is broken"}}` + "\n"},
		{strings.Repeat("x", 1001), 413, `{"error":{"code":"too_large","message":"the body has 1001 bytes; http.max_body_bytes is 1000"}}` + "\n"},
	}
	for _, c := range cases {
		status, body, h := ask(t, e.client("http"), "POST", "http://localhost/v1/messages", c.body, "Content-Type", "application/json")
		if status != c.status || body != c.want {
			t.Errorf("%.20s: %d %s", c.body, status, body)
		}
		if h.Get("Content-Length") != fmt.Sprint(len(body)) || h.Get("Content-Type") != "application/json" {
			t.Errorf("%.20s: headers %v", c.body, h)
		}
	}
	// The door tells of what it refused itself.
	if logged := e.logs.String(); strings.Contains(logged, "the log is broken") || strings.Contains(logged, "err=refused") || !strings.Contains(logged, "code=too_large") {
		t.Errorf("the operator's log: %s", logged)
	}
}

// TestPublishChunked: a body without a length is read too, within the same limit.
func TestPublishChunked(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { c.MaxBodyBytes = 1000 })
	for n, want := range map[int]int{1: 201, 1000: 201, 1001: 413, 10 << 20: 413} {
		r, _ := http.NewRequest("POST", "http://localhost/v1/messages", io.LimitReader(endless{}, int64(n)))
		r.Header.Set("Content-Type", "application/json")
		resp, err := e.client("http").Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%d bytes: %s", n, resp.Status)
		}
	}
}

// endless reads as x without end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// TestPublishHugeBody: 10 MB announced are refused before they are read.
func TestPublishHugeBody(t *testing.T) {
	e := startEdge(t, nil)
	c := e.dial("http")
	fmt.Fprintf(c, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", 10<<20)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 || !resp.Close {
		t.Errorf("%s, close %v", resp.Status, resp.Close)
	}
}

// TestPublishBodies: each request gives the door its own body, whatever its size and whatever was in the buffer before.
func TestPublishBodies(t *testing.T) {
	e := startEdge(t, nil)
	client := e.client("http")
	sizes := []int{9, 3, pooledBody, 1, pooledBody + 1, 100000, 2, 0}
	for i, size := range sizes {
		ask(t, client, "POST", "http://localhost/v1/messages", strings.Repeat(string(rune('a'+i)), size), "Content-Type", "application/json")
	}
	for i, line := range e.door.lines {
		if want := strings.Repeat(string(rune('a'+i)), sizes[i]); string(line) != want {
			t.Errorf("body %d has %d bytes: %.20s", i, len(line), line)
		}
	}
	if len(e.door.lines) != len(sizes) {
		t.Errorf("the door was given %d bodies", len(e.door.lines))
	}
}

// TestPublishUnknownOutcome: when the door does not come back in time, the answer says that the fate is unknown.
func TestPublishUnknownOutcome(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		c.AcceptTimeout = 10 * time.Millisecond
		d.Door = as(&doorFake{hold: make(chan struct{})})
	})
	status, body, _ := ask(t, e.client("http"), "POST", "http://localhost/v1/messages", "x", "Content-Type", "application/json")
	if status != 504 || codeIn(t, body) != fedmsg.CodeTimeout {
		t.Errorf("%d %s", status, body)
	}
}

// brokenDoor has a fault.
type brokenDoor struct{}

func (brokenDoor) Submit(context.Context, fedmsg.Sender, ...[]byte) fedmsg.Ticket { panic("a fault") }

// TestFault: a fault in one request ends its connection, is logged with its place, and leaves the server alive.
func TestFault(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door = as(brokenDoor{}) })
	r, _ := http.NewRequest("POST", "http://localhost/v1/messages", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	if resp, err := e.client("http").Do(r); err == nil {
		resp.Body.Close()
		t.Errorf("answered %s", resp.Status)
	}
	if status, _, _ := ask(t, e.client("http"), "GET", "http://localhost/readyz", ""); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	if !strings.Contains(e.logs.String(), "brokenDoor") {
		t.Errorf("the log does not name the place: %s", e.logs.String())
	}
}

// TestReadExactly: a body of any size comes through, and one that was only promised takes no memory.
func TestReadExactly(t *testing.T) {
	for _, n := range []int{0, 1, pooledBody - 1, pooledBody, pooledBody + 1, 1 << 20, 3<<20 + 7} {
		text := strings.Repeat("0123456", n/7+1)[:n]
		var p bodyPool
		body, err := readExactly(iotest.HalfReader(strings.NewReader(text+"more")), *p.get(int64(n)), n)
		if err != nil || string(body) != text {
			t.Errorf("of %d bytes came %d, %v", n, len(body), err)
		}
	}
	body, err := readExactly(strings.NewReader("little"), nil, 4<<20)
	if err == nil || cap(body) > pooledBody {
		t.Errorf("6 bytes of 4 MiB took %d, %v", cap(body), err)
	}
}
