package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
)

// eachLog runs a test over a log in memory and over the real one.
func eachLog(t *testing.T, f func(t *testing.T, log Log, all func() []fedmsg.Entry)) {
	t.Run("memory", func(t *testing.T) {
		log := newMemLog()
		f(t, log, log.all)
	})
	t.Run("commitlog", func(t *testing.T) {
		log := openLog(t)
		f(t, log, func() []fedmsg.Entry { return readAll(t, log) })
	})
}

func openLog(t testing.TB) *commitlog.Log {
	t.Helper()
	log, err := commitlog.Open(filepath.Join(t.TempDir(), "log"), commitlog.Options{Same: Same})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

func readAll(t *testing.T, log *commitlog.Log) []fedmsg.Entry {
	t.Helper()
	r := log.Reader(0)
	defer r.Close()
	var all []fedmsg.Entry
	for range log.Info().Last {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *e)
	}
	return all
}

// envelope is the members of an envelope that tests look at.
type envelope struct {
	Topic    string          `json:"topic"`
	ID       string          `json:"msg_id"`
	Username *string         `json:"username"`
	Time     int64           `json:"timestamp"`
	I        uint64          `json:"i"`
	N        uint64          `json:"n"`
	Stream   string          `json:"stream"`
	Headers  json.RawMessage `json:"headers"`
	Body     json.RawMessage `json:"msg"`
}

func parse(t *testing.T, e fedmsg.Entry) envelope {
	t.Helper()
	var v envelope
	if err := json.Unmarshal(e.Envelope, &v); err != nil {
		t.Fatalf("%v: %s", err, e.Envelope)
	}
	return v
}

func TestAcceptSubmission(t *testing.T) {
	eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
		d := newDoor(log, nil)
		out := accept(t, d, `{ "topic": "org.example.dev.a.b", "msg": {"x": [1, 2.50] }, "headers": {"k":"v"} }`,
			`{"topic":"org.example.dev.a.b","msg":{},"id":"my-id/1","username":"zoe"}`)
		if w := words(out); !slices.Equal(w, []string{"new", "new"}) {
			t.Fatal(out)
		}
		entries := all()
		first, second := parse(t, entries[0]), parse(t, entries[1])
		if !strings.HasPrefix(first.ID, "2026-") || len(first.ID) != 41 || first.ID != out[0].Receipt.ID || first.ID != entries[0].ID {
			t.Errorf("fresh id is %q, receipt has %q", first.ID, out[0].Receipt.ID)
		}
		if first.Stream == "" || first.Time != start.Unix() || *first.Username != "root" || string(first.Headers) != `{"k":"v"}` || string(first.Body) != `{"x":[1,2.50]}` {
			t.Errorf("envelope is %s", entries[0].Envelope)
		}
		if second.ID != "my-id/1" || *second.Username != "zoe" || second.N != 2 || second.I != 2 || first.N != 1 || second.Stream != first.Stream {
			t.Errorf("envelope is %s", entries[1].Envelope)
		}
		if entries[0].Sender != "uid:0" || !entries[0].Made || out[0].Receipt.Seq != 1 || out[1].Receipt.Position != entries[1].Position {
			t.Errorf("entry is %+v, receipt %+v", entries[0], out[0].Receipt)
		}
	})
}

// TestEnvelopeBytes holds that an envelope's bytes pass as they are, also after the caller has used its memory again.
func TestEnvelopeBytes(t *testing.T) {
	eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
		d := newDoor(log, nil)
		lines := []string{
			`{"msg_id":"2026-a", "topic" : "org.example.dev.a","timestamp":1.0e3,"msg":{"z":1,"a":"\u00e9"},"extra":[ 1 ],"i":7}`,
			`{"topic":"org.example.dev.a","msg":{},"i":1,"timestamp":5,"username":null}`, // old, without an id
			`{"topic":"org.example.dev.a","msg":{},"msg_id":"2026-b","timestamp":1795262400,"signature":"AAAA","certificate":"BBBB"}`,
		}
		raw := make([][]byte, len(lines))
		for i := range lines {
			raw[i] = []byte(lines[i])
		}
		ticket := d.Submit(t.Context(), root, raw...)
		for i := range raw {
			clear(raw[i])
		}
		out, err := ticket.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range all() {
			if out[i].Err != nil || string(e.Envelope) != lines[i] || e.ID != out[i].Receipt.ID || e.Made {
				t.Errorf("line %d: in  %s\nout %s, %+v", i, lines[i], e.Envelope, out[i])
			}
		}
		if id := out[1].Receipt.ID; !strings.HasPrefix(id, "sha256-") || len(id) != 71 {
			t.Errorf("id of an envelope without one is %s", id)
		}
	})
}

const (
	submissionOne = `{"topic":"org.example.dev.a","msg":{"a":1},"id":"one"}`
	envelopeOne   = `{"topic":"org.example.dev.a","msg":{"a":1},"msg_id":"one","timestamp":1795262400}`
	mailOne       = `{"topic":"org.example.dev.a","msg":{"a":1,"mail":{"subject":"s"}},"id":"mail-1"}`
	mailEnvelope  = `{"topic":"org.example.dev.a","msg":{"a":1,"mail":{"dkim":[],"subject":"s"}},"msg_id":"mail-1","timestamp":1795262400}`
	lastLine      = `{"topic":"org.example.dev.z","msg":{},"id":"last"}`
)

// repetition is two messages of one id, and what becomes of the second.
type repetition struct{ name, first, second, want string }

var repetitions = []repetition{
	{"submissions", submissionOne, submissionOne, "duplicate"},
	{"submissions, other layout", submissionOne, `{"id":"one", "msg": {"a": 1}, "topic":"org.example.dev.a", "username":"zoe"}`, "duplicate"},
	{"submissions, other body", submissionOne, `{"topic":"org.example.dev.a","msg":{"a":2},"id":"one"}`, "id_conflict"},
	{"submissions, other topic", submissionOne, `{"topic":"org.example.dev.b","msg":{"a":1},"id":"one"}`, "id_conflict"},
	{"submissions, other headers", submissionOne, `{"topic":"org.example.dev.a","msg":{"a":1},"id":"one","headers":{"h":"1"}}`, "id_conflict"},
	{"envelopes", envelopeOne, envelopeOne, "duplicate"},
	{"envelopes, signed since", envelopeOne, strings.Replace(envelopeOne, `"timestamp"`, `"signature":"AA","timestamp"`, 1), "duplicate"},
	{"envelopes, other time", envelopeOne, `{"topic":"org.example.dev.a","msg":{"a":1},"msg_id":"one","timestamp":2}`, "id_conflict"},
	{"envelopes, other body", envelopeOne, `{"topic":"org.example.dev.a","msg":{"a":2},"msg_id":"one","timestamp":1}`, "id_conflict"},
	{"envelope, then submission", envelopeOne, submissionOne, "duplicate"},
	{"envelope, then other submission", envelopeOne, `{"topic":"org.example.dev.a","msg":{"a":2},"id":"one"}`, "id_conflict"},
	{"submission, then envelope", submissionOne, envelopeOne, "id_conflict"}, // it says another time than the node said
	{"a mail, then another node's envelope of it", mailOne, mailEnvelope, "duplicate"},
	{"a mail, then another envelope of its id", mailOne, strings.Replace(mailEnvelope, `"a":1`, `"a":2`, 1), "id_conflict"},
	{"envelopes of two nodes of a mail", mailEnvelope, strings.Replace(mailEnvelope, "1795262400", "1795262401", 1), "duplicate"},
}

// check looks at the outcomes of first, second and lastLine, and at what is stored.
func (c *repetition) check(t *testing.T, out []fedmsg.Outcome, entries []fedmsg.Entry) {
	t.Helper()
	if w := words(out); !slices.Equal(w, []string{"new", c.want, "new"}) {
		t.Fatalf("outcomes are %v: %v", w, out)
	}
	if c.want == "duplicate" && !(out[1].Receipt.Seq == out[0].Receipt.Seq && out[1].Receipt.ID == out[0].Receipt.ID && out[1].Receipt.Received.Equal(out[0].Receipt.Received)) {
		t.Errorf("receipts are %+v and %+v", out[0].Receipt, out[1].Receipt)
	}
	made := uint64(1)
	if c.first == submissionOne || c.first == mailOne {
		made = 2
	}
	if len(entries) != 2 || parse(t, entries[1]).N != made {
		t.Errorf("%d entries, and the last is %s; want n %d", len(entries), entries[len(entries)-1].Envelope, made)
	}
}

// TestRepetition sends two messages of one id in every combination of forms and contents: one after the other, in one batch,
// and the second while the first is in flight. No number may be lost to a repetition.
func TestRepetition(t *testing.T) {
	for _, c := range repetitions {
		t.Run(c.name, func(t *testing.T) {
			eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
				d := newDoor(log, nil)
				out := accept(t, d, c.first)
				out = append(out, accept(t, d, c.second)...)
				c.check(t, append(out, accept(t, d, lastLine)...), all())
			})
		})
		t.Run(c.name+", one batch", func(t *testing.T) {
			eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
				c.check(t, accept(t, newDoor(log, nil), c.first, c.second, lastLine), all())
			})
		})
		t.Run(c.name+", in flight", func(t *testing.T) {
			log := newMemLog()
			c.check(t, acceptInFlight(t, log, c.first, c.second, lastLine), log.all())
		})
	}
}

// acceptInFlight submits each line while the ones in front of it are in flight, unless the door itself waits for them.
func acceptInFlight(t *testing.T, log *memLog, lines ...string) []fedmsg.Outcome {
	t.Helper()
	d := newDoor(log, nil)
	log.hold()
	var tickets []fedmsg.Ticket
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, line := range lines {
			tickets = append(tickets, d.Submit(t.Context(), root, []byte(line)))
		}
	}()
	select {
	case <-log.waited: // a submission waits for the first one
	case <-done: // an envelope does not
	}
	log.release()
	<-done
	var out []fedmsg.Outcome
	for _, ticket := range tickets {
		o, err := ticket.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o...)
	}
	return out
}

// TestMixedBatch holds that each line has its outcome at its place.
func TestMixedBatch(t *testing.T) {
	eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
		d := newDoor(log, func(c *Config) {
			c.Publishers = []Publisher{{UID: "cat", Topics: patterns("org.example.#")}}
		})
		cat := fedmsg.Sender{Kind: fedmsg.SenderUID, Name: "1002"}
		lines := []struct{ line, want string }{
			{`{"topic":"org.example.a","msg":{},"id":"x"}`, "new"},
			{`not json`, "bad_json"},
			{`{"topic":"org.example.a","msg":{},"id":"x"}`, "duplicate"},
			{`{"topic":"org.other.a","msg":{},"id":"y"}`, "forbidden"},
			{`{"topic":"org.example.a","msg":{},"id":"x","headers":{"a":"b"}}`, "id_conflict"},
			{`{"topic":"org.example.a","msg":{}}`, "new"},
			{`{"topic":"org.example.a","msg":{},"msg_id":"z"}`, "new"},
			{`{"topic":"org.example.a","msg":{},"msg_id":"z","i":1}`, "id_conflict"},
			{`{"topic":"org.example..a","msg":{}}`, "bad_topic"},
			{`{"topic":"org.example.a","msg":[]}`, "bad_body"},
			{`{"topic":"org.example.a","msg":{},"tpoic":1}`, "bad_envelope"},
			{`{"topic":"org.example.a","msg":{"a":1,"a":2}}`, "duplicate_key"},
			{`{"topic":"org.example.a","msg":{},"id":"a b"}`, "bad_id"},
			{`{"topic":"org.example.a","msg":{},"msg_id":"z"}`, "duplicate"},
			{`{"topic":"org.example.a","msg":{}}`, "new"},
			{`{"topic":"org.other.a","msg":{},"msg_id":"w"}`, "forbidden"},
		}
		var in, want []string
		for _, l := range lines {
			in, want = append(in, l.line), append(want, l.want)
		}
		out := acceptFrom(t, d, cat, in...)
		if diff := cmp.Diff(want, words(out)); diff != "" {
			t.Fatalf("outcomes (-want +got):\n%s%v", diff, out)
		}
		var ns []uint64
		for _, e := range all() {
			ns = append(ns, parse(t, e).N)
		}
		if !slices.Equal(ns, []uint64{1, 2, 0, 3}) {
			t.Errorf("n of the entries are %v", ns)
		}
		if out := acceptFrom(t, d, cat, in[1:2]...); word(out[0]) != "bad_json" {
			t.Errorf("nothing but a refusal: %v", out)
		}
		if out := acceptFrom(t, d, cat); len(out) != 0 {
			t.Errorf("nothing at all: %v", out)
		}
	})
}

// TestLogRefuses holds that what the log does not take costs no number, and reaches the sender as the log said it.
func TestLogRefuses(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, nil)
	log.fail(fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk is full"))
	out := accept(t, d, `{"topic":"a.b","msg":{}}`, `nonsense`, `{"topic":"a.b","msg":{},"id":"x"}`)
	if w := words(out); !slices.Equal(w, []string{"storage_full", "bad_json", "storage_full"}) {
		t.Error(out)
	}
	log.fail(nil)
	if out := accept(t, d, `{"topic":"a.b","msg":{},"id":"x"}`); word(out[0]) != "new" {
		t.Error(out)
	}
	if e := parse(t, log.all()[0]); e.N != 1 || e.I != 1 {
		t.Errorf("the first stored envelope has n %d", e.N)
	}
	full := newDoor(log, func(c *Config) { c.Limits = fedmsg.DefaultLimits(); c.Limits.Envelope = 300 })
	out = accept(t, full, `{"topic":"a.b","msg":{"a":"`+strings.Repeat("x", 200)+`"}}`, `{"topic":"a.b","msg":{}}`)
	if w := words(out); !slices.Equal(w, []string{"too_large", "new"}) || !strings.Contains(out[0].Err.Error(), "limits.envelope") {
		t.Error(out)
	}
	if e := parse(t, log.all()[1]); e.N != 1 {
		t.Errorf("n behind an envelope that was too large is %d", e.N)
	}
}

// TestContextEnds holds what becomes of a sender whose time ends: while it waits for its turn nothing is stored, while it
// waits for the log the outcome is unknown.
func TestContextEnds(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, nil)
	ctx, cancel := context.WithCancel(t.Context())
	log.hold()
	first := d.Submit(ctx, root, []byte(`{"topic":"a.b","msg":{},"id":"x"}`))
	second := make(chan fedmsg.Ticket)
	go func() { second <- d.Submit(ctx, root, []byte(`{"topic":"a.b","msg":{},"id":"x"}`)) }() // waits for the first one
	<-log.waited
	cancel()
	out, err := (<-second).Wait(t.Context())
	if err != nil || word(out[0]) != "unavailable" || !errors.Is(out[0].Err, context.Canceled) {
		t.Errorf("second: %v, %v", out, err)
	}
	if _, err := first.Wait(ctx); fedmsg.CodeOf(err) != fedmsg.CodeTimeout {
		t.Errorf("first: %v", err)
	}
	log.release()
	if out, err := first.Wait(t.Context()); err != nil || word(out[0]) != "new" {
		t.Errorf("first, asked again: %v, %v", out, err)
	}
	d.turn <- struct{}{}
	out, err = d.Accept(ctx, root, []byte(`{"topic":"a.b","msg":{},"msg_id":"y"}`))
	if err == nil && word(out[0]) != "unavailable" {
		t.Errorf("no turn: %v", out)
	}
	<-d.turn
	if n := len(log.all()); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestRefusalsLogged holds that refusals are counted all and logged once in a while, and a conflict with both senders.
func TestRefusalsLogged(t *testing.T) {
	var buf bytes.Buffer
	now, log, reg := start, newMemLog(), prometheus.NewRegistry()
	d := newDoor(log, func(c *Config) {
		c.Logger, c.Now, c.Metrics = slog.New(slog.NewTextHandler(&buf, nil)), func() time.Time { return now }, NewMetrics(reg)
	})
	ben := fedmsg.Sender{Kind: fedmsg.SenderUID, Name: "1001"}
	for range 5 {
		accept(t, d, `x`, `{"topic":"a.b","msg":{}}`)
	}
	acceptFrom(t, d, ben, `x`)
	now = now.Add(refusalEvery)
	accept(t, d, `x`)
	accept(t, d, `{"topic":"a.b","msg":{},"msg_id":"one"}`, `{"topic":"a.b","msg":{},"id":"two"}`)
	acceptFrom(t, d, ben, `{"topic":"a.c","msg":{},"msg_id":"one"}`, `{"topic":"a.b","msg":{},"msg_id":"one"}`)
	now = now.Add(refusalEvery)
	acceptFrom(t, d, ben, `{"topic":"a.c","msg":{},"id":"two"}`, `{"topic":"a.b","msg":{},"id":"two"}`)
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines:\n%s", len(lines), buf.String())
	}
	for i, want := range [][]string{
		{"code=bad_json", "sender=uid:0", "refused a message"}, {"code=bad_json", "sender=uid:1001"}, {"sender=uid:0", "more_since_last=4"},
		{"code=id_conflict", "sender=uid:1001", "first_sender=uid:0", "id=one", "topic=a.c"},
		{"code=id_conflict", "sender=uid:1001", "first_sender=uid:0", "id=two"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d lacks %s: %s", i, w, lines[i])
			}
		}
	}
	want := map[string]float64{"accepted": 7, "duplicate": 2, "bad_json": 7, "id_conflict": 2, "seq_id_holes": 0}
	if got := gather(t, reg); !cmp.Equal(got, want) {
		t.Errorf("metrics are %v, want %v", got, want)
	}
}

// gather gives the values of the package's metrics, by name or code.
func gather(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimSuffix(strings.TrimPrefix(f.GetName(), "fedmsg_ingest_"), "_total")
			if len(m.GetLabel()) > 0 {
				name = m.GetLabel()[0].GetValue()
			}
			got[name] = m.GetCounter().GetValue()
		}
	}
	return got
}

// TestLint holds that an unusual topic is a remark for those who look closely, not a refusal.
func TestLint(t *testing.T) {
	for level, want := range map[slog.Level]int{slog.LevelDebug: 1, slog.LevelInfo: 0} {
		var buf bytes.Buffer
		d := newDoor(newMemLog(), func(c *Config) {
			c.Logger = slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: level}))
		})
		out := accept(t, d, `{"topic":"short","msg":{}}`, `{"topic":"org.example.dev.bts.bug.close","msg":{}}`)
		if n := strings.Count(buf.String(), "hint="); n != want || word(out[0]) != "new" {
			t.Errorf("at %v: %d remarks: %s, %v", level, n, buf.String(), out)
		}
	}
}
