package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

const streamLogID = fedmsg.LogID("k3v5q2m7x4ab")

func streamAt(seq uint64) fedmsg.Position { return fedmsg.Position{Log: streamLogID, Seq: seq} }

// streamEpoch is when the first entry of a fakeStreamLog was received; each further one came a second later.
var streamEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fakeStreamLog is a log in memory.
type fakeStreamLog struct {
	mu      sync.Mutex
	entries []fedmsg.Entry // from number 1 on
	trimmed uint64         // number of the last entry that is gone
}

func (l *fakeStreamLog) grow(body []byte, topics ...string) []fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := len(l.entries)
	for _, topic := range topics {
		seq := uint64(len(l.entries) + 1)
		l.entries = append(l.entries, fedmsg.Entry{
			Position: streamAt(seq), Received: streamEpoch.Add(time.Duration(seq-1) * time.Second),
			ID: fmt.Sprintf("id-%d", seq), Topic: topic, Sender: "uid:1000", Envelope: body,
		})
	}
	return l.entries[from:len(l.entries):len(l.entries)]
}

func (l *fakeStreamLog) reader(after uint64) feed.LogReader {
	return &fakeStreamReader{log: l, after: after}
}

func (l *fakeStreamLog) Resolve(p fedmsg.Position) (uint64, *fedmsg.Gap) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := uint64(len(l.entries))
	switch {
	case p.Log != streamLogID:
		return l.trimmed, &fedmsg.Gap{From: p, To: streamAt(l.trimmed), Reason: fedmsg.GapOtherLog}
	case p.Seq > last:
		return last, &fedmsg.Gap{From: p, To: streamAt(last), Reason: fedmsg.GapAhead}
	}
	return p.Seq, nil
}

func (l *fakeStreamLog) SeekTime(t time.Time) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	after := l.trimmed
	for after < uint64(len(l.entries)) && l.entries[after].Received.Before(t) {
		after++
	}
	return after, nil
}

type fakeStreamReader struct {
	log   *fakeStreamLog
	after uint64
	have  []fedmsg.Entry
}

func (r *fakeStreamReader) Next() (*fedmsg.Entry, error) {
	if len(r.have) == 0 {
		r.log.mu.Lock()
		defer r.log.mu.Unlock()
		if r.after < r.log.trimmed {
			gap := &fedmsg.Gap{From: streamAt(r.after + 1), To: streamAt(r.log.trimmed), Reason: fedmsg.GapTrimmed}
			r.after = r.log.trimmed
			return nil, gap
		}
		if r.have = r.log.entries[r.after:]; len(r.have) == 0 {
			return nil, io.EOF
		}
	}
	e := &r.have[0]
	r.have = r.have[1:]
	r.after = e.Position.Seq
	return e, nil
}

func (r *fakeStreamReader) Close() error { return nil }

// streamNode is a real HTTP server with nothing but streams.
type streamNode struct {
	log     *fakeStreamLog
	feed    *feed.Feed
	streams *streams
	url     string
	scope   []fedmsg.Pattern
	sender  fedmsg.Sender // who reads
	server  *httptest.Server
}

// startStreams starts a node; nil scope is everything.
func startStreams(t testing.TB, cfg StreamConfig, scope []fedmsg.Pattern, ringBytes int) *streamNode {
	n := &streamNode{log: &fakeStreamLog{}, scope: scope, sender: fedmsg.Sender{Kind: fedmsg.SenderToken, Name: "reader"}}
	if scope == nil {
		n.scope = []fedmsg.Pattern{fedmsg.MatchAll()}
	}
	n.feed = feed.New(feed.Config{Log: streamLogID, Open: n.log.reader, RingBytes: ringBytes})
	n.streams = makeStreams(cfg, streamDeps{feed: n.feed, seeker: n.log, first: func() uint64 { return n.log.trimmed + 1 }})
	n.server = httptest.NewServer(http.HandlerFunc(n.serve))
	n.url = n.server.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := n.streams.shutdown(ctx); err != nil {
			t.Error(err)
		}
		n.server.Close()
		n.feed.Close()
	})
	return n
}

func (n *streamNode) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Test", "kept")
	if err := n.streams.serve(w, r, &identity{read: n.scope, sender: n.sender}); err != nil {
		writeError(w, err)
	}
}

// startTLS starts the server anew, with TLS.
func (n *streamNode) startTLS() {
	n.server = httptest.NewTLSServer(http.HandlerFunc(n.serve))
	n.url = n.server.URL
}

// total is how many entries the log has.
func (n *streamNode) total() uint64 {
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	return uint64(len(n.log.entries))
}

// publish makes an entry of each topic durable.
func (n *streamNode) publish(topics ...string) {
	n.feed.Publish(n.log.grow([]byte(`{"msg":{}}`), topics...))
}

// streamEvent is one event in any of the forms.
type streamEvent struct {
	id   string // position
	kind string
	data string // the entry's, gap's or heartbeat's JSON
}

// streamReader reads events from a response.
type streamReader struct {
	t    testing.TB
	resp *http.Response
	in   *bufio.Reader
	next func() (streamEvent, error)
}

// open asks for a stream; header holds name and value in turn.
func (n *streamNode) open(t testing.TB, query string, header ...string) *streamReader {
	t.Helper()
	return n.openWith(t, &http.Transport{}, query, header...)
}

// openWith is open with a transport, which is used for this alone.
func (n *streamNode) openWith(t testing.TB, transport *http.Transport, query string, header ...string) *streamReader {
	t.Helper()
	resp := n.getWith(t, transport, query, header...)
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("GET %s: %s %s", query, resp.Status, body)
	}
	r := &streamReader{t: t, resp: resp, in: bufio.NewReader(resp.Body)}
	r.next = r.nextSSE
	if resp.Header.Get("Content-Type") == "application/x-ndjson" {
		r.next = r.nextLine
	}
	return r
}

func (n *streamNode) get(t testing.TB, query string, header ...string) *http.Response {
	t.Helper()
	return n.getWith(t, &http.Transport{}, query, header...)
}

func (n *streamNode) getWith(t testing.TB, transport *http.Transport, query string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/v1/stream?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport.DisableKeepAlives = true
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close(); transport.CloseIdleConnections() })
	return resp
}

func (r *streamReader) nextSSE() (e streamEvent, err error) {
	for {
		line, err := r.in.ReadString('\n')
		if err != nil {
			return e, err
		}
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			return e, nil
		default:
			return e, fmt.Errorf("line %q in a stream of events", line)
		}
	}
}

func (r *streamReader) nextLine() (streamEvent, error) {
	line, err := r.in.ReadString('\n')
	if err != nil {
		return streamEvent{}, err
	}
	return parseStreamObject([]byte(line))
}

func parseStreamObject(text []byte) (e streamEvent, err error) {
	if rest, ok := strings.CutPrefix(string(text), `{"position":"`); ok { // an entry, as cheaply as can be
		position, _, _ := strings.Cut(rest, `"`)
		return streamEvent{position, "message", strings.TrimSpace(string(text))}, nil
	}
	var o struct {
		Gap       json.RawMessage
		Heartbeat json.RawMessage
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return e, fmt.Errorf("%w: %q", err, text)
	}
	switch {
	case o.Gap != nil:
		var gap fedmsg.Gap
		err = json.Unmarshal(o.Gap, &gap)
		return streamEvent{gap.To.String(), "gap", string(o.Gap)}, err
	case o.Heartbeat != nil:
		var beat struct{ Position string }
		err = json.Unmarshal(o.Heartbeat, &beat)
		return streamEvent{beat.Position, "heartbeat", string(o.Heartbeat)}, err
	}
	return e, fmt.Errorf("neither entry, gap nor heartbeat: %q", text)
}

// want reads the next event and checks its kind and position.
func (r *streamReader) want(kind string, seq uint64) streamEvent {
	r.t.Helper()
	e, err := r.next()
	if err != nil {
		r.t.Fatalf("waiting for %s %d: %v", kind, seq, err)
	}
	if e.kind != kind || e.id != streamAt(seq).String() {
		r.t.Fatalf("got %+v, want %s %d", e, kind, seq)
	}
	return e
}

// message reads the next event that is not a heartbeat, which must be the message with this number.
func (r *streamReader) message(seq uint64) streamEvent {
	r.t.Helper()
	for {
		e, err := r.next()
		if err != nil {
			r.t.Fatalf("waiting for message %d: %v", seq, err)
		}
		if e.kind == "heartbeat" {
			continue
		}
		if e.kind != "message" || e.id != streamAt(seq).String() {
			r.t.Fatalf("got %+v, want message %d", e, seq)
		}
		return e
	}
}

// end checks that the stream is over, and cleanly.
func (r *streamReader) end() {
	r.t.Helper()
	for {
		e, err := r.next()
		if err == io.EOF {
			return
		}
		if err != nil || e.kind != "heartbeat" {
			r.t.Fatalf("got %+v, %v where the stream should end", e, err)
		}
	}
}
