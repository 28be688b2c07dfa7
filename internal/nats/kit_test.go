package nats

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
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
	// In the stream's order: a server that comes back gives its consumer new messages before those that it gives it again.
	slices.SortStableFunc(all, func(a, b taken) int { return cmp.Compare(a.Seq, b.Seq) })
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
