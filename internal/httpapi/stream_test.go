package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/federated-messaging/fedmsg"
)

const ndjsonType = "application/x-ndjson"

// checkLeaks fails the test when it ends with goroutines that it did not start with.
func checkLeaks(t *testing.T) {
	opt := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, opt) })
}

// patience bounds what takes milliseconds on an idle machine.
const patience = time.Minute

// await waits until something is so that no event tells.
func await(t testing.TB, what func() string, ready func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); !ready(); <-again.C {
		if time.Now().After(end) {
			t.Fatal(what())
		}
	}
}

// waitOpen waits until so many streams are open.
func (n *streamNode) waitOpen(t testing.TB, want int) {
	t.Helper()
	await(t, func() string { return fmt.Sprintf("%d streams are open, want %d", n.streams.count(), want) }, func() bool { return n.streams.count() == want })
}

func TestStreamForms(t *testing.T) {
	for accept, media := range map[string]string{
		"": "text/event-stream", "*/*": "text/event-stream", "text/event-stream": "text/event-stream",
		ndjsonType: ndjsonType, "text/html, application/x-ndjson;q=0.9, */*;q=0.1": ndjsonType,
		"application/x-ndjson;q=0.1, text/event-stream": "text/event-stream",
	} {
		t.Run(accept, func(t *testing.T) {
			checkLeaks(t)
			n := startStreams(t, DefaultStreamConfig(), nil, 0)
			n.publish("a.b", "a.c")
			r := n.open(t, "after=0&limit=3", "Accept", accept)
			h := r.resp.Header
			if h.Get("X-Test") != "kept" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != media || h.Get("Date") == "" {
				t.Errorf("headers %v", h)
			}
			want, _ := n.log.entries[0].MarshalJSON()
			if e := r.want("message", 1); e.data != string(want) {
				t.Errorf("data %s, want %s", e.data, want)
			}
			r.want("message", 2)
			n.publish("a.d")
			r.want("message", 3)
			r.end()
		})
	}
}

func TestStreamHTTP10(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	n.publish("a.b")
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /v1/stream?after=0&limit=1 HTTP/1.0\r\nAccept: %s\r\n\r\n", ndjsonType)
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(all), "\r\n\r\n")
	entry, _ := n.log.entries[0].MarshalJSON()
	if strings.Contains(head, "chunked") || body != string(entry)+"\n" {
		t.Fatalf("%q", all)
	}
}

func TestStreamFilter(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	n.publish("a.b.c", "a.x", "other", "a.b", "abc")
	for query, want := range map[string][]uint64{
		"topic=a.%23":                  {1, 2, 4},
		"topic=a.*":                    {2, 4},
		"topic=a.x&topic=other":        {2, 3},
		"prefix=ab":                    {5},
		"prefix=a.b&topic=other":       {1, 3, 4},
		"prefix=ab&prefix=o&topic=a.b": {3, 4, 5},
	} {
		r := n.open(t, fmt.Sprintf("after=0&limit=%d&%s", len(want), query))
		for _, seq := range want {
			r.want("message", seq)
		}
		r.end()
	}
}

// TestStreamScope holds that no question gives a reader what it may not have.
func TestStreamScope(t *testing.T) {
	scope, _ := fedmsg.ParsePattern("public.#")
	for _, query := range []string{"", "topic=%23", "prefix=", "topic=private.%23&prefix=p", "prefix=private&topic=public.*"} {
		for _, accept := range []string{"text/event-stream", ndjsonType} {
			n := startStreams(t, DefaultStreamConfig(), []fedmsg.Pattern{scope}, 0)
			n.publish("private.bug", "public.bug", "private.bug")
			r := n.open(t, "after=0&limit=2&"+query, "Accept", accept)
			r.want("message", 2)
			n.publish("private.live", "public.live")
			r.want("message", 5)
			r.end()
		}
	}
	n := startStreams(t, DefaultStreamConfig(), []fedmsg.Pattern{}, 0)
	if resp := n.get(t, "after=0"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without a scope: %s", resp.Status)
	}
}

func TestStreamStart(t *testing.T) {
	gap := func(from, to fedmsg.Position, reason fedmsg.GapReason) string {
		return fmt.Sprintf(`{"from":"%s","to":"%s","reason":"%s"}`, from, to, reason)
	}
	other := fedmsg.Position{Log: "aaaaaaaaaaaa", Seq: 7}
	for _, c := range []struct {
		name, query, lastID string
		trim                uint64
		gap                 string
		first               uint64
	}{
		{name: "beginning", query: "after=0", first: 1},
		{name: "position", query: "after=" + streamAt(2).String(), first: 3},
		{name: "position zero", query: "after=" + streamAt(0).String(), first: 1},
		{name: "Last-Event-ID", query: "", lastID: streamAt(4).String(), first: 5},
		{name: "Last-Event-ID wins", query: "after=0", lastID: streamAt(4).String(), first: 5},
		{name: "Last-Event-ID wins over since", query: "since=1d", lastID: streamAt(1).String(), first: 2},
		{name: "time", query: "since=2026-01-01T00:00:02Z", first: 3},
		{name: "time with zone", query: "since=2026-01-01T01:00:02%2B01:00", first: 3},
		{name: "seconds", query: fmt.Sprintf("since=%d", streamEpoch.Unix()+3), first: 4},
		{name: "before all", query: "since=520w1d2h", first: 1},
		{name: "long ago", query: fmt.Sprintf("since=%d", streamEpoch.Unix()-9), first: 1},
		{name: "other log", query: "after=" + other.String(), gap: gap(other, streamAt(0), fedmsg.GapOtherLog), first: 1},
		{name: "ahead", query: "after=" + streamAt(9).String(), gap: gap(streamAt(9), streamAt(6), fedmsg.GapAhead), first: 7},
		{name: "trimmed", query: "after=" + streamAt(1).String(), trim: 3, gap: gap(streamAt(2), streamAt(3), fedmsg.GapTrimmed), first: 4},
		{name: "beginning trimmed", query: "after=0", trim: 3, gap: gap(streamAt(1), streamAt(3), fedmsg.GapTrimmed), first: 4},
		{name: "time trimmed", query: fmt.Sprintf("since=%d", streamEpoch.Unix()), trim: 3, gap: gap(streamAt(1), streamAt(3), fedmsg.GapTrimmed), first: 4},
		{name: "time behind trimmed", query: fmt.Sprintf("since=%d", streamEpoch.Unix()+4), trim: 3, first: 5},
	} {
		for _, accept := range []string{"text/event-stream", ndjsonType} {
			t.Run(c.name+" "+accept, func(t *testing.T) {
				n := startStreams(t, DefaultStreamConfig(), nil, 1) // a ring of one entry: the rest comes from the log
				n.publish("a", "a", "a", "a", "a", "a")
				n.log.trimmed = c.trim
				header := []string{"Accept", accept}
				if c.lastID != "" {
					header = append(header, "Last-Event-ID", c.lastID)
				}
				r := n.open(t, c.query+"&limit=1", header...)
				if c.gap != "" {
					if e := r.want("gap", c.first-1); e.data != c.gap {
						t.Errorf("gap %s, want %s", e.data, c.gap)
					}
				}
				if c.first > 6 {
					n.publish("a")
				}
				r.want("message", c.first)
				r.end()
			})
		}
	}
}

// TestStreamLive holds that a reader who asks for nothing old learns at once where it stands.
func TestStreamLive(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	n.publish("a", "a")
	r := n.open(t, "")
	r.want("heartbeat", 2)
	n.publish("a")
	r.want("message", 3)
}

func TestStreamRefused(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	for query, want := range map[string]string{
		"after=-1":                       "400 bad_position",
		"after=garbage":                  "400 bad_position",
		"after=":                         "400 bad_position",
		"after=k3v5q2m7x4ab--1":          "400 bad_position",
		"after=k3v5q2m7x4ab-1&after=0":   "400 bad_request",
		"after=0&since=1h":               "400 bad_request",
		"since=yesterday":                "400 bad_request",
		"since=-5m":                      "400 bad_request",
		"since=":                         "400 bad_request",
		"since=99999999d":                "400 bad_request",
		"since=1e300":                    "400 bad_request",
		"since=NaN":                      "400 bad_request",
		"limit=0":                        "400 bad_request",
		"limit=x":                        "400 bad_request",
		"topics=a":                       "400 bad_request",
		"topic=a.":                       "400 bad_pattern",
		"topic=":                         "400 bad_pattern",
		"topic=%zz":                      "400 bad_request",
		strings.Repeat("prefix=a&", 101): "400 bad_request",
	} {
		resp := n.get(t, query)
		body, _ := io.ReadAll(resp.Body)
		if got := resp.Status[:4] + streamCode(body); got != want {
			t.Errorf("%s: %s (%s), want %s", query, got, body, want)
		}
	}
	if resp := n.get(t, "", "Accept", "application/json"); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("Accept of neither form: %s", resp.Status)
	}
	if resp := n.get(t, "", "Last-Event-ID", "garbage"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("garbage in Last-Event-ID: %s", resp.Status)
	}
	n.waitOpen(t, 0)
}

// streamCode gives the code of an error body.
func streamCode(body []byte) string {
	_, rest, _ := strings.Cut(string(body), `"code":"`)
	code, _, _ := strings.Cut(rest, `"`)
	return code
}

// TestStreamResume holds that a reader who leaves after any event and comes back with its id sees the same sequence.
func TestStreamResume(t *testing.T) {
	cfg := DefaultStreamConfig()
	cfg.PassedOver = 3
	n := startStreams(t, cfg, nil, 1)
	n.publish(strings.Split("a a a b a b b b b b b b a b b b a a b a", " ")...)
	n.log.trimmed = 2
	for _, accept := range []string{"text/event-stream", ndjsonType} {
		whole := n.readEvents(t, accept, "", 1+6) // a gap and six messages
		if len(whole) < 1+6+2 {
			t.Fatalf("no heartbeats in %v", whole)
		}
		for i := range whole[:len(whole)-1] {
			head, tail := withoutHeartbeats(whole[:i+1]), withoutHeartbeats(whole[i+1:])
			rest := withoutHeartbeats(n.readEvents(t, accept, whole[i].id, 1+6-len(head)))
			if !slices.Equal(rest, tail) {
				t.Fatalf("%s: after %v came %v, want %v", accept, whole[i], rest, tail)
			}
		}
	}
}

// readEvents reads a stream on topic a until there have been so many events that are not heartbeats.
func (n *streamNode) readEvents(t *testing.T, accept, lastID string, most int) (events []streamEvent) {
	t.Helper()
	header := []string{"Accept", accept}
	if lastID != "" {
		header = append(header, "Last-Event-ID", lastID)
	}
	r := n.open(t, "topic=a&after=0", header...)
	defer r.resp.Body.Close()
	for len(withoutHeartbeats(events)) < most {
		e, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// withoutHeartbeats leaves out what falls elsewhere when reading begins elsewhere.
func withoutHeartbeats(events []streamEvent) []streamEvent {
	return slices.DeleteFunc(slices.Clone(events), func(e streamEvent) bool { return e.kind == "heartbeat" })
}

// TestStreamRareTopic holds that a reader whose topic is rare is told where it stands, and resumes there without a gap
// although retention has removed all that it was not interested in.
func TestStreamRareTopic(t *testing.T) {
	cfg := DefaultStreamConfig()
	cfg.PassedOver = 1000
	n := startStreams(t, cfg, nil, 0)
	n.publish("rare")
	r := n.open(t, "topic=rare&after=0")
	r.want("message", 1)
	for range 35 {
		n.publish(slices.Repeat([]string{"common"}, 100)...)
	}
	r.want("heartbeat", 1001)
	r.want("heartbeat", 2001)
	last := r.want("heartbeat", 3001)
	n.log.mu.Lock()
	n.log.trimmed = 3001
	n.log.mu.Unlock()
	n.publish("rare")
	again := n.open(t, "topic=rare", "Last-Event-ID", last.id)
	again.want("message", 3502)
}

// TestStreamPassedOver holds that unwanted entries count from the last event on.
func TestStreamPassedOver(t *testing.T) {
	cfg := DefaultStreamConfig()
	cfg.PassedOver = 4
	n := startStreams(t, cfg, nil, 0)
	n.publish(strings.Split("b b b a b b b a b b b b b b b b b b", " ")...)
	r := n.open(t, "topic=a&after=0")
	r.want("message", 4)
	r.want("message", 8)
	r.want("heartbeat", 12)
	r.want("heartbeat", 16)
}

// TestStreamHeartbeat holds that silence is broken by heartbeats, when it is due and not before.
func TestStreamHeartbeat(t *testing.T) {
	n := startStreams(t, byHand(), nil, 0)
	n.publish("a", "b")
	r := n.open(t, "topic=a&after=0", "Accept", ndjsonType)
	r.message(1)
	n.streams.mu.Lock()
	s := n.streams.open[0]
	n.streams.mu.Unlock()
	for range 3 {
		await(t, func() string { return "the stream is not at rest" }, func() bool { return s.writing.Load() == 0 && s.wrote.Load() == n.streams.clock.Load() })
		due := s.wrote.Load() + int64(n.streams.cfg.Heartbeat-n.streams.step())
		if n.streams.at(due - 1); s.due.Load() {
			t.Error("a heartbeat comes early")
		}
		n.streams.at(due)
		r.want("heartbeat", 2)
	}
	n.publish("a")
	r.message(3)
}

func TestStreamLimit(t *testing.T) {
	cfg := DefaultStreamConfig()
	cfg.Max = 2
	cfg.Heartbeat = 20 * time.Millisecond // by which the node notices that a reader has left
	n := startStreams(t, cfg, nil, 0)
	first := n.open(t, "")
	n.open(t, "")
	resp := n.get(t, "")
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("third stream: %s", resp.Status)
	}
	body, _ := io.ReadAll(resp.Body)
	if streamCode(body) != string(fedmsg.CodeBusy) || !strings.Contains(string(body), "http.stream.max") {
		t.Fatalf("third stream: %s %s", resp.Status, body)
	}
	_ = first.resp.Body.Close()
	n.waitOpen(t, 1)
	n.open(t, "")
}

// TestStreamShutdown holds that shutdown ends streams of every form cleanly, and those that do not read.
func TestStreamShutdown(t *testing.T) {
	checkLeaks(t)
	n := startStreams(t, byHand(), nil, 1)
	n.publish("first") // and what follows is for the reader that is stuck
	ended := make(chan error)
	for _, accept := range []string{"text/event-stream", ndjsonType} {
		r := n.open(t, "after=0&topic=first", "Accept", accept)
		r.want("message", 1)
		go func() {
			for {
				if _, err := r.next(); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	n.openStuck(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := n.streams.shutdown(ctx); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-ended; err != io.EOF {
			t.Errorf("a reader's stream ends with %v", err)
		}
	}
	if resp := n.get(t, ""); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after shutdown: %s", resp.Status)
	}
}

// byHand has no time go by for streams but what a test says.
func byHand() StreamConfig {
	cfg := DefaultStreamConfig()
	cfg.Heartbeat, cfg.WriteTimeout = 1000*time.Hour, time.Hour
	return cfg
}

// openStuck opens a stream of a node whose time goes by hand, reads nothing of it, and returns when the node is held up by that.
func (n *streamNode) openStuck(t *testing.T) (net.Conn, *stream) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(256 << 10)
	fmt.Fprint(conn, "GET /v1/stream?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	var s *stream
	await(t, func() string { return "there is no stream" }, func() bool { s = n.streamOf(conn); return s != nil })
	_ = s.conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
	big := []byte(`{"msg":{"pad":"` + strings.Repeat("x", 1<<16) + `"}}`)
	for range 100 { // more than the system takes for who does not read
		n.feed.Publish(n.log.grow(big, "a"))
	}
	await(t, func() string { return "the node is never held up by a reader that does not read" }, func() bool {
		now := n.streams.clock.Load() + 1
		n.streams.at(now)
		began := s.writing.Load()
		return began != 0 && now-began > 50
	})
	return conn, s
}

// streamOf finds the stream of a reader, if it is open.
func (n *streamNode) streamOf(reader net.Conn) *stream {
	n.streams.mu.Lock()
	defer n.streams.mu.Unlock()
	for _, s := range n.streams.open {
		if s.conn.RemoteAddr().String() == reader.LocalAddr().String() {
			return s
		}
	}
	return nil
}

// writing counts the streams that are being written to.
func (n *streamNode) writing() (count int) {
	n.streams.mu.Lock()
	defer n.streams.mu.Unlock()
	for _, s := range n.streams.open {
		if s.writing.Load() != 0 {
			count++
		}
	}
	return count
}

// TestStreamStalledReader holds that a reader which does not read is cut, delays nobody, and can resume where it was.
func TestStreamStalledReader(t *testing.T) {
	checkLeaks(t)
	n := startStreams(t, byHand(), nil, 1<<20)
	good := n.open(t, "", "Accept", ndjsonType)
	good.want("heartbeat", 0)
	var got atomic.Uint64 // number of the last entry
	done := make(chan struct{})
	go func() { // reads all the time
		defer close(done)
		for {
			e, err := good.next()
			if err != nil {
				return
			}
			if e.kind == "message" && e.id != streamAt(got.Add(1)).String() {
				t.Errorf("as number %d came %s", got.Load(), e.id)
			}
		}
	}()
	conn, stuck := n.openStuck(t)
	caughtUp := func() {
		t.Helper()
		total := n.total()
		await(t, func() string { return fmt.Sprintf("the other reader got %d of %d", got.Load(), total) }, func() bool { return got.Load() == total })
	}
	caughtUp()
	await(t, func() string { return "the other reader is not at rest" }, func() bool { return n.writing() == 1 })
	await(t, func() string { return "the reader that does not read is not cut" }, func() bool {
		until := stuck.writing.Load() + int64(n.streams.cfg.WriteTimeout)
		n.streams.at(until - 1)
		if stuck.late.Load() {
			t.Error("a reader is cut too early")
		}
		n.streams.at(until)
		return stuck.late.Load()
	})
	n.waitOpen(t, 1)
	if c := n.streams.told.cut.Load(); c != 1 {
		t.Errorf("%d readers were counted as cut", c)
	}
	n.publish("last")
	total := n.total()

	// It was cut, so what it holds has an end. Were the other one cut instead, this would be read for ever.
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &streamReader{t: t, resp: resp, in: bufio.NewReader(resp.Body)}
	seen := ""
	for e, err := r.nextSSE(); err == nil; e, err = r.nextSSE() {
		seen = e.id
	}
	p, err := fedmsg.ParsePosition(seen)
	if err != nil || p.Seq >= total {
		t.Fatalf("the cut reader got up to %q of %d", seen, total)
	}
	again := n.open(t, "after="+seen)
	for seq := p.Seq + 1; seq <= total; seq++ {
		again.message(seq)
	}
	caughtUp() // shutdown ends streams where they are
	_ = n.streams.shutdown(t.Context())
	<-done
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"1h30m":                now.Add(-90 * time.Minute),
		"2d":                   now.Add(-48 * time.Hour),
		"1w2d3h":               now.Add(-(9*24 + 3) * time.Hour),
		"1.5h":                 now.Add(-90 * time.Minute),
		"0s":                   now,
		"1767225600":           time.Unix(1767225600, 0),
		"1767225600.5":         time.Unix(1767225600, 5e8),
		"2026-01-01T00:00:00Z": streamEpoch,
	} {
		if got, err := parseMoment("since", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
}
