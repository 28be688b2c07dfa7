package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestStreamStatus holds that of each stream is told who reads what, how far it is, and how much it was given; also while nothing of what
// comes is wanted. A reader that has left is not told of.
func TestStreamStatus(t *testing.T) {
	checkLeaks(t)
	cfg := DefaultStreamConfig()
	cfg.Heartbeat = time.Hour // which would tell it too
	n := startStreams(t, cfg, nil, 0)
	n.publish("a.b", "a.c", "b.d")
	r := n.open(t, "after=0&topic=a.*&prefix=x.y")
	r.want("message", 1)
	r.want("message", 2)
	now := func() string {
		var lines []string
		for _, s := range n.streams.list() {
			lines = append(lines, fmt.Sprintf("%s %v at %s lag %d given %d archive %t", s.Reader, s.Topics, s.Position, s.Lag, s.Messages, s.Archive))
			if s.Since.IsZero() {
				t.Error("it began at no time")
			}
		}
		return strings.Join(lines, "\n")
	}
	until := func(want string) {
		t.Helper()
		await(t, func() string { return fmt.Sprintf("streams are\n%s\nwant\n%s", now(), want) }, func() bool { return now() == want })
	}
	until("token:reader [a.* x.y] at k3v5q2m7x4ab-3 lag 0 given 2 archive false")
	n.publish("b.e", "b.f")
	until("token:reader [a.* x.y] at k3v5q2m7x4ab-5 lag 0 given 2 archive false")
	n.streams.mu.Lock()
	behind := n.streams.open[0].status(streamAt(12))
	n.streams.mu.Unlock()
	if behind.Lag != 7 {
		t.Errorf("at 5 of 12 its lag is %d", behind.Lag)
	}
	_ = r.resp.Body.Close() // and nothing is written to it, which would fail
	until("")
}

// TestOperatorRoutes holds that what the node was started with, and who reads, is told on the unix socket alone.
func TestOperatorRoutes(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		withSocket(t, c)
		d.Started = map[string]string{"version": "7"}
	})
	for path, want := range map[string]string{"/v1/config": `{"version":"7"}`, "/v1/streams": `{"streams":[]}`} {
		if status, body, _ := ask(t, e.client("unix"), "GET", "http://localhost"+path, ""); status != 200 || strings.TrimSpace(body) != want {
			t.Errorf("%s on the socket: %d %s, want %s", path, status, body, want)
		}
		if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost"+path, ""); status != 404 || strings.Contains(body, "/v1/streams,") {
			t.Errorf("%s over TCP: %d %s", path, status, body)
		}
	}
}
