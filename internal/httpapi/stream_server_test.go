package httpapi

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// TestServerStream holds that streams come through the whole server, at every kind of listener, within the reader's scope.
func TestServerStream(t *testing.T) {
	log := &fakeStreamLog{}
	f := feed.New(feed.Config{Log: streamLogID, Open: log.reader})
	t.Cleanup(f.Close)
	f.Publish(log.grow([]byte(`{}`), "secret.a", "open.a", "other.a", "secret.b", "open.b"))
	e := startEdge(t, func(c *Config, d *Deps) {
		c.Listen = []string{"http://127.0.0.1:0?topics=open.%23"}
		withSocket(t, c)
		d.Feed, d.Seeker = f, log
	})
	const stream = "http://localhost/v1/stream?after=0&limit="
	for _, c := range []struct{ scheme, token, want string }{
		{"http", "", "open.a open.b"},
		{"http", "secretive", "secret.a open.a secret.b open.b"},
		{"unix", "", "secret.a open.a other.a secret.b open.b"},
	} {
		limit := string(rune('0' + len(strings.Fields(c.want))))
		header := []string{"Accept", ndjsonType}
		dial := &websocket.DialOptions{HTTPClient: e.client(c.scheme), HTTPHeader: http.Header{}}
		if c.token != "" {
			header = append(header, "Authorization", "Bearer "+c.token)
			dial.HTTPHeader.Set("Authorization", "Bearer "+c.token)
		}
		status, body, _ := ask(t, e.client(c.scheme), "GET", stream+limit, "", header...)
		if got := topicsOf(t, body); status != http.StatusOK || got != c.want {
			t.Errorf("%s, token %q: %d %q, want %q", c.scheme, c.token, status, got, c.want)
		}
		conn, _, err := websocket.Dial(t.Context(), stream+limit, dial)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for {
			_, text, err := conn.Read(t.Context())
			if err != nil {
				break
			}
			texts = append(texts, string(text))
		}
		if got := topicsOf(t, strings.Join(texts, "\n")); got != c.want {
			t.Errorf("%s, token %q, WebSocket: %q, want %q", c.scheme, c.token, got, c.want)
		}
		_ = conn.CloseNow()
	}
	foreign := &websocket.DialOptions{HTTPClient: e.client("http"), HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}}
	if _, resp, err := websocket.Dial(t.Context(), stream+"1", foreign); err == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site opened a WebSocket: %v", err)
	}
}

// TestStreamMetrics: what streams give is counted: messages that were wanted, and gaps.
func TestStreamMetrics(t *testing.T) {
	log := &fakeStreamLog{}
	f := feed.New(feed.Config{Log: streamLogID, Open: log.reader})
	t.Cleanup(f.Close)
	f.Publish(log.grow([]byte(`{}`), "a", "b", "a", "b", "a"))
	reg := prometheus.NewRegistry()
	e := startEdge(t, func(_ *Config, d *Deps) { d.Feed, d.Seeker, d.Registerer = f, log, reg })
	ask(t, e.client("http"), "GET", "http://localhost/v1/stream?topic=a&limit=3&after=0", "", "Accept", ndjsonType)
	ask(t, e.client("http"), "GET", "http://localhost/v1/stream?limit=5&after=otherlogabcd-9", "", "Accept", ndjsonType)
	for name, want := range map[string]float64{
		"fedmsg_http_stream_messages_total": 8, "fedmsg_http_stream_gaps_total": 1, "fedmsg_http_stream_readers_cut_total": 0,
	} {
		if got := gaugeOf(t, reg, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// topicsOf gives the topics of entries, one a line.
func topicsOf(t *testing.T, lines string) string {
	var topics []string
	for line := range strings.Lines(lines) {
		var e fedmsg.Entry
		if err := e.UnmarshalJSON([]byte(line)); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		topics = append(topics, e.Topic)
	}
	return strings.Join(topics, " ")
}

// TestStreamFeedClosed holds that streams end cleanly when the feed does, after all it has.
func TestStreamFeedClosed(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	r := n.open(t, "")
	r.want("heartbeat", 0)
	n.publish("a")
	n.feed.Close()
	r.want("message", 1)
	r.end()
}

// faultyFormat has a fault.
type faultyFormat struct{ sseFormat }

func (faultyFormat) appendMessage([]byte, feed.Item) []byte { panic("out of order") }

// TestStreamFault holds that a fault ends one stream, which the reader can see, and is told to the operator.
func TestStreamFault(t *testing.T) {
	var logged bytes.Buffer
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	n.streams.deps.logger = slog.New(slog.NewTextHandler(&logged, nil))
	bad, good := n.open(t, "topic=bad"), n.open(t, "topic=good")
	good.want("heartbeat", 0)
	bad.want("heartbeat", 0)
	n.streams.mu.Lock()
	for _, s := range n.streams.open {
		if s.wanted.Match("bad") {
			s.format = faultyFormat{} // its goroutine waits and looks at it after the next publish
		}
	}
	n.streams.mu.Unlock()
	n.publish("bad", "good")
	if _, err := bad.next(); err != io.ErrUnexpectedEOF {
		t.Errorf("the stream with the fault ends with %v", err)
	}
	good.want("message", 2)
	n.waitOpen(t, 1)
	if !strings.Contains(logged.String(), "out of order") {
		t.Errorf("log: %s", logged.String())
	}
}

func FuzzStreamRequest(f *testing.F) {
	f.Add("topic=a.%23&prefix=b&after=k3v5q2m7x4ab-7&limit=3", "application/x-ndjson;q=0.3", "")
	f.Add("since=1w2d3h", "*/*", "k3v5q2m7x4ab-7")
	f.Add("sender=uid:1&signer=debian&where=msg.a+%3D%3D+1", "*/*", "")
	f.Add("since=1767225600.5", "text/event-stream", "0")
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, query, accept, lastID string) {
		r := &http.Request{Method: "GET", Header: http.Header{"Accept": {accept}, "Last-Event-Id": {lastID}}, URL: &url.URL{RawQuery: query}}
		q, err := parseStreamRequest(r, false, now)
		if err != nil {
			if c := fedmsg.CodeOf(err); c.HTTPStatus() >= 500 {
				t.Errorf("%q: %v", query, err)
			}
			return
		}
		starts := 0
		for _, given := range []bool{q.beginning, !q.after.IsZero(), !q.since.IsZero()} {
			if given {
				starts++
			}
		}
		if starts > 1 || q.limit == 0 || q.terms() > maxStreamTerms || q.filter.Scope != nil {
			t.Errorf("%q gives %+v", query, q)
		}
	})
}
