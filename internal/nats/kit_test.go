package nats

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// patience only bounds a failing test.
const patience = time.Minute

// await polls what no event tells of.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// names are unique in a run of the tests.
var names atomic.Int64

func unique() string { return fmt.Sprintf("t%d", names.Add(1)) }

// admin is the library's own connection to a server, beside what is tested.
func admin(t *testing.T, addr string, options ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	c, err := nats.Connect("nats://"+addr, append(options, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, js
}

// makeStream makes a stream of all subjects below its own name.
func makeStream(t *testing.T, js jetstream.JetStream, c jetstream.StreamConfig) {
	t.Helper()
	if _, err := js.CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// consumer is a process of another make that writes down what comes.
type consumer struct{ file string }

// consume starts one of that kind, core or stream, and returns when it receives.
func consume(t *testing.T, addr, kind, name string) *consumer {
	t.Helper()
	c := &consumer{filepath.Join(t.TempDir(), "taken")}
	fedmsgtest.StartScript(t, "testdata/consumer.py", addr, kind, name, c.file).Expect("ready")
	return c
}

// taken is a message as the consumer wrote it down.
type taken struct {
	Subject string
	Headers [][2]string
	Body    []byte
	Seq     uint64 // in the stream; 0 of core NATS
}

func (m *taken) header(name string) string {
	for _, h := range m.Headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// taken gives what came. What a stream brought twice, since its consumer's acknowledgement was lost, counts once: the stream has it
// once.
func (c *consumer) taken(t *testing.T) []taken {
	t.Helper()
	text, err := os.ReadFile(c.file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []taken
	seen := map[uint64]bool{}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is writing
		}
		var m taken
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.Seq == 0 || !seen[m.Seq] {
			all = append(all, m)
		}
		seen[m.Seq] = true
	}
	return all
}

// publisher is a process of another make that publishes what it is told, one after the other.
type publisher struct{ s *fedmsgtest.Script }

func publish(t *testing.T, addr, kind string) *publisher {
	t.Helper()
	return &publisher{fedmsgtest.StartScript(t, "testdata/publisher.py", addr, kind)}
}

func (p *publisher) send(t *testing.T, subject string, body []byte, headers ...[2]string) {
	t.Helper()
	if headers == nil {
		headers = [][2]string{}
	}
	line, err := json.Marshal(map[string]any{"subject": subject, "headers": headers, "body": base64.StdEncoding.EncodeToString(body)})
	if err != nil {
		t.Fatal(err)
	}
	p.s.Do("%s", line)
	p.s.Expect("ok")
}

const testLog = fedmsg.LogID("k3v5q2m7x4ab")

// entryOf makes an entry of the log.
func entryOf(seq uint64, topic, headers, body string) *fedmsg.Entry {
	id := fmt.Sprintf("2026-00000000-0000-4000-8000-%012d", seq)
	envelope := wire.AppendEnvelope(nil, &wire.Draft{Topic: topic, ID: id, Time: 1700000000, I: seq, Headers: []byte(headers), Body: []byte(body)})
	return &fedmsg.Entry{
		Position: fedmsg.Position{Log: testLog, Seq: seq}, Received: time.Unix(1700000001, 5).UTC(), ID: id, Topic: topic,
		Envelope: envelope, Verdict: fedmsg.VerdictUnsigned,
	}
}

// memLog is a log in memory. Any goroutine may use it.
type memLog struct {
	mu      sync.Mutex
	changed sync.Cond
	entries []*fedmsg.Entry
}

func newMemLog() *memLog {
	l := &memLog{}
	l.changed.L = &l.mu
	return l
}

// add appends an entry with the next number.
func (l *memLog) add(topic, headers, body string) *fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := entryOf(uint64(len(l.entries)+1), topic, headers, body)
	l.entries = append(l.entries, e)
	l.changed.Broadcast()
	return e
}

func (l *memLog) End() fedmsg.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fedmsg.Position{Log: testLog, Seq: uint64(len(l.entries))}
}

func (l *memLog) Cursor(after fedmsg.Position) (deliver.Cursor, *fedmsg.Gap) {
	return &memCursor{log: l, next: int(after.Seq)}, nil
}

// memCursor reads a memLog.
type memCursor struct {
	log   *memLog
	next  int
	woken bool // guarded by log.mu
}

func (c *memCursor) Next() (*fedmsg.Entry, error) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if c.next >= len(c.log.entries) {
		return nil, io.EOF
	}
	c.next++
	return c.log.entries[c.next-1], nil
}

func (c *memCursor) Wait() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	for c.next >= len(c.log.entries) && !c.woken {
		c.log.changed.Wait()
	}
	c.woken = false
}

func (c *memCursor) Wake() {
	c.log.mu.Lock()
	c.woken = true
	c.log.changed.Broadcast()
	c.log.mu.Unlock()
}

func (c *memCursor) Close() error { return nil }

// running is a sink at work on a log in memory.
type running struct {
	log *memLog
	set *deliver.Set
}

// run starts a sink with the address. Its waits are short.
func run(t *testing.T, c deliver.Config) *running {
	t.Helper()
	c.Name, c.Start, c.Topics = "it", "beginning", []fedmsg.Pattern{fedmsg.MatchAll()}
	c.RetryFirst, c.RetryMax = 5*time.Millisecond, 50*time.Millisecond
	sink, err := NewSink(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{log: newMemLog()}
	dir := t.TempDir()
	places := filepath.Join(dir, "places")
	if err := os.Mkdir(places, 0o700); err != nil {
		t.Fatal(err)
	}
	r.set, err = deliver.New([]deliver.Configured{{Config: c, Sink: sink, InFlight: SinkInFlight}}, deliver.Deps{Log: r.log, Places: places, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r.set.Start()
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *running) stop(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.set.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func (r *running) status() deliver.Status { return r.set.List()[0] }

// done waits until everything in the log is behind the sink.
func (r *running) done(t *testing.T) {
	t.Helper()
	await(t, "the sink to be through with the log", func() bool { return r.status().Position == r.log.End() })
}

// fates gives the state of each entry and its reason.
func (r *running) fates() string {
	var b strings.Builder
	for _, e := range r.log.entries {
		for _, d := range r.set.Deliveries(e) {
			fmt.Fprintf(&b, "%d %s %s\n", e.Position.Seq, d.State, d.Reason)
		}
	}
	return b.String()
}
