package zeromq

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"os"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// storing is a log on disk with its feed and its door.
type storing struct {
	log  *commitlog.Log
	feed *feed.Feed
	door *ingest.Door
}

// startStoring opens a log in a directory of the test.
func startStoring(t testing.TB, publishers ...ingest.Publisher) *storing {
	t.Helper()
	s := &storing{}
	var err error
	s.log, err = commitlog.Open(filepath.Join(t.TempDir(), "log"), commitlog.Options{
		Same: ingest.Same, Committed: func(entries []fedmsg.Entry) { s.feed.Publish(entries) },
	})
	if err != nil {
		t.Fatal(err)
	}
	info := s.log.Info()
	s.feed = feed.New(feed.Config{Log: info.ID, Last: info.Last, Open: func(after uint64) feed.LogReader { return s.log.Reader(after) }})
	s.door = ingest.New(ingest.Config{Publishers: publishers, UID: os.Getuid(), Log: s.log, Verify: fedmsg.VerifyInsecureOff})
	t.Cleanup(func() {
		if err := s.log.Close(); err != nil {
			t.Error(err)
		}
		s.feed.Close()
	})
	return s
}

// startSubmitting starts a node that stores what is submitted at an ipc socket, and publishes it.
func startSubmitting(t testing.TB, change func(*Config, *Deps)) (*node, *storing) {
	t.Helper()
	s := startStoring(t, ingest.Publisher{Curve: "builder", Topics: []fedmsg.Pattern{pattern(t, "org.example.build.#")}})
	n := startNode(t, 0, func(c *Config, d *Deps) {
		c.Publish = []string{"tcp://127.0.0.1:0"}
		c.Submit = []string{"ipc://" + filepath.Join(t.TempDir(), "s.sock")}
		d.Feed, d.Door = s.feed, func(fedmsg.VerifyMode, bool) Door { return s.door }
		change(c, d)
	})
	return n, s
}

func pattern(t testing.TB, text string) fedmsg.Pattern {
	t.Helper()
	p, err := fedmsg.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// submitter is one by libzmq in a process of its own.
type submitter struct {
	*fedmsgtest.Script
	t testing.TB
}

func startSubmitter(t testing.TB, args ...string) *submitter {
	t.Helper()
	return &submitter{fedmsgtest.StartScript(t, "testdata/submit.py", args...), t}
}

// ask gives the reply to a request of these frames.
func (s *submitter) ask(frames ...string) []string {
	s.t.Helper()
	words := make([]string, len(frames))
	for i, f := range frames {
		if words[i] = hex.EncodeToString([]byte(f)); f == "" {
			words[i] = "-"
		}
	}
	s.Do("%s", strings.Join(words, " "))
	if !s.Out.Scan() {
		s.t.Fatal("the submitter has ended")
	}
	var reply []string
	for word := range strings.SplitSeq(s.Out.Text(), " ") {
		b, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			s.t.Fatal(err)
		}
		reply = append(reply, string(b))
	}
	return reply
}

// result is what a reply says.
type result struct {
	Publisher string  `json:"publisher"`
	Result    string  `json:"result"`
	Reason    *string `json:"reason"`
	Code      string  `json:"code"`
	ID        string  `json:"fedmsg-id"`
	Position  string  `json:"position"`
}

// parseReply reads a reply strictly.
func parseReply(t testing.TB, reply []string) result {
	t.Helper()
	var all []result
	d := json.NewDecoder(strings.NewReader(strings.Join(reply[1:], "")))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil || len(reply) != 2 || reply[0] != "FSUBMIT1" || len(all) != 1 || all[0].Publisher != "node.test" {
		t.Fatalf("reply %q: %v", reply, err)
	}
	return all[0]
}

// TestSubmission: a submitter by libzmq is answered when its message is stored, which a subscriber then gets; the same id again
// is the same message.
func TestSubmission(t *testing.T) {
	t.Parallel()
	n, log := startSubmitting(t, func(*Config, *Deps) {})
	sub := startSub(t, n.addr(0), "0", "-")
	n.subscriptions(0, 1)
	s := startSubmitter(t, n.addr(1))
	first := parseReply(t, s.ask("FSUBMIT1", "org.example.dev.a.b", `{"fedmsg-id":"2026-mine","x":"y"}`, `{"k":1}`))
	if first.Result != "success" || first.Reason != nil || first.ID != "2026-mine" || first.Position == "" {
		t.Fatalf("%+v", first)
	}
	e, found, err := log.log.Find("2026-mine")
	if err != nil || !found || e.Sender != "uid:"+strconv.Itoa(os.Getuid()) || e.Position.String() != first.Position {
		t.Fatalf("stored %+v %v %v", e, found, err)
	}
	if got := sub.next(); string(got[0]) != "org.example.dev.a.b" || string(got[2]) != string(e.Envelope) {
		t.Errorf("the subscriber has %q", got)
	}
	again := parseReply(t, s.ask("FSUBMIT1", "org.example.dev.a.b", `{"x":"y","fedmsg-id":"2026-mine"}`, `{"k":1}`))
	if again.Position != first.Position || again.Result != "success" {
		t.Errorf("again: %+v", again)
	}
	other := parseReply(t, s.ask("FSUBMIT1", "org.example.dev.a.b", `{"fedmsg-id":"2026-mine"}`, `{"k":2}`))
	if other.Result != "failure" || other.Code != "id_conflict" || other.Reason == nil {
		t.Errorf("other content: %+v", other)
	}
	given := parseReply(t, s.ask("FSUBMIT1", "org.example.dev.a.b", "", ""))
	if given.Result != "success" || len(given.ID) != 41 {
		t.Errorf("without an id: %+v", given)
	}
}

// TestSubmissionRefusals: whatever cannot be a submission is answered, and the next good one is taken.
func TestSubmissionRefusals(t *testing.T) {
	t.Parallel()
	n, log := startSubmitting(t, func(*Config, *Deps) {})
	s := startSubmitter(t, n.addr(1))
	for _, frames := range [][]string{
		{"FSUBMIT1"}, {"FSUBMIT1", "a.b", "{}"}, {"FSUBMIT1", "a.b", "{}", "{}", "{}"}, {"FSUBMIT2", "a.b", "{}", "{}"}, {""}, {"", "a.b", "{}", "{}"},
	} {
		if got := s.ask(frames...); len(got) != 2 || got[0] != "FSUBMIT1" || got[1] != "ERROR_MALFORMED" {
			t.Errorf("%q: %q", frames, got)
		}
	}
	for _, c := range []struct{ topic, headers, body, code string }{
		{"", "{}", "{}", "bad_topic"},
		{"a b", "{}", "{}", "bad_topic"},
		{"a.\xff", "{}", "{}", "bad_topic"},
		{"a.b", "{", "{}", "bad_json"},
		{"a.b", "[]", "{}", "bad_envelope"},
		{"a.b", `{"x":1}`, "{}", "bad_envelope"},
		{"a.b", `{"fedmsg-id":"a b"}`, "{}", "bad_id"},
		{"a.b", "{}", "[]", "bad_body"},
		{"a.b", "{}", "not json", "bad_json"},
		{"a.b", "{}", `{"a":"` + "\xff" + `"}`, "bad_json"},
		{"a.b", "{}", `{"a":1,"a":2}`, "duplicate_key"},
	} {
		r := parseReply(t, s.ask("FSUBMIT1", c.topic, c.headers, c.body))
		if r.Result != "failure" || r.Code != c.code || r.Reason == nil || *r.Reason == "" {
			t.Errorf("%q: %+v", c, r)
		}
	}
	if r := parseReply(t, s.ask("FSUBMIT1", "a.b", "{}", "{}")); r.Result != "success" {
		t.Errorf("the good one: %+v", r)
	}
	if last := log.log.Info().Last; last != 1 {
		t.Errorf("%d messages are stored", last)
	}
}

// TestSubmitters64: many submitters share the commits, none waits for another's, and a subscriber gets all.
func TestSubmitters64(t *testing.T) {
	const submitters, each = 64, 50
	n, _ := startSubmitting(t, func(*Config, *Deps) {})
	sub := dialSub(t, n.addr(0), zmtp.Options{}, "")
	n.subscriptions(0, 1)
	var wg sync.WaitGroup
	began := time.Now()
	for k := range submitters {
		wg.Go(func() {
			c, err := zmtp.Dial(context.Background(), n.addr(1), zmtp.REQ, zmtp.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			in := make([]zmtp.Incoming, 0, 1)
			for i := range each {
				id := fmt.Sprintf(`{"fedmsg-id":"%d-%d"}`, k, i)
				err := c.Write(zmtp.AppendMessage(nil, nil, []byte("FSUBMIT1"), []byte("org.example.a"), []byte(id), []byte("{}")))
				if err == nil {
					in, err = c.Receive(in[:0])
				}
				if err != nil || !strings.Contains(string(in[0].Message[2]), `"success"`) {
					t.Errorf("%v %v", err, in)
					return
				}
			}
		})
	}
	seen := map[string]bool{}
	batch := make([]zmtp.Incoming, 0, 256)
	for len(seen) < submitters*each {
		var err error
		if batch, err = sub.Receive(batch[:0]); err != nil {
			t.Fatal(err)
		}
		for i := range batch {
			var e struct {
				ID string `json:"msg_id"`
			}
			if err := json.Unmarshal(batch[i].Message[2], &e); err != nil || seen[e.ID] {
				t.Fatalf("%v, or twice: %q", err, batch[i].Message)
			}
			seen[e.ID] = true
		}
	}
	wg.Wait()
	t.Logf("%.0f/s", submitters*each/time.Since(began).Seconds())
}

// TestSubmitters: who a submitter is depends on how he came.
func TestSubmitters(t *testing.T) {
	t.Parallel()
	server, client, stranger := zmtp.NewCurvePair(), zmtp.NewCurvePair(), zmtp.NewCurvePair()
	n, log := startSubmitting(t, func(c *Config, d *Deps) {
		c.Submit = []string{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0?curve=yes"}
		d.Curve = func() (zmtp.CurvePair, error) { return server, nil }
		d.Clients = []Client{{Name: "builder", Key: client.Public.String()}}
	})
	open, closed := n.addr(1), n.addr(2)
	if r := parseReply(t, startSubmitter(t, open).ask("FSUBMIT1", "org.example.build.done", "", "")); r.Code != "unauthenticated" {
		t.Errorf("over loopback where environment is not dev: %+v", r)
	}
	s := startSubmitter(t, closed, server.Public.String(), client.Public.String(), client.Secret.Reveal())
	if r := parseReply(t, s.ask("FSUBMIT1", "org.example.build.done", "", "")); r.Result != "success" {
		t.Errorf("the client: %+v", r)
	} else if e, found, err := log.log.Find(r.ID); err != nil || !found || e.Sender != "curve:builder" {
		t.Errorf("stored %+v %v %v", e, found, err)
	}
	if r := parseReply(t, s.ask("FSUBMIT1", "org.example.other", "", "")); r.Code != "forbidden" {
		t.Errorf("the client on a topic that is not his: %+v", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for name, security := range map[string]zmtp.Security{
		"a stranger": zmtp.CurveClient{Keys: stranger, ServerKey: server.Public}, "one without a key": nil,
	} {
		if c, err := zmtp.Dial(ctx, closed, zmtp.REQ, zmtp.Options{Security: security}); err == nil {
			if _, err = c.Receive(nil); err == nil || ctx.Err() != nil {
				t.Errorf("%s was let in", name)
			}
		}
	}
	stats := n.server.edges[2].(*submission).listener.Stats
	for end := time.Now().Add(10 * time.Second); stats().Refused != 1 || stats().Failures != 1; time.Sleep(time.Millisecond) { // it counts behind the answer
		if time.Now().After(end) {
			t.Fatalf("counted %+v", stats())
		}
	}
}

// TestDealer: requests of one peer are answered in their order, whatever is among them, also beyond the bound on those that
// wait; what has no envelope has no answer.
func TestDealer(t *testing.T) {
	t.Parallel()
	n, log := startSubmitting(t, func(c *Config, _ *Deps) { c.MaxRequests = 3 })
	c, err := zmtp.Dial(t.Context(), n.addr(1), zmtp.DEALER, zmtp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const total = 200
	var out []byte
	for i := range total {
		topic := fmt.Sprintf("org.example.n%d", i)
		way := []byte(strconv.Itoa(i))
		switch i % 10 {
		case 3:
			out = zmtp.AppendMessage(out, []byte("FSUBMIT1"), []byte(topic), []byte("{}"), []byte("{}")) // no envelope
		case 5:
			out = zmtp.AppendMessage(out, way, nil, []byte("FSUBMIT1"), []byte("bad topic"), nil, nil)
		case 7:
			out = zmtp.AppendMessage(out, way, nil, []byte("hello"))
		default:
			out = zmtp.AppendMessage(out, way, nil, []byte("FSUBMIT1"), []byte(topic), nil, nil)
		}
	}
	if err := c.Write(out); err != nil {
		t.Fatal(err)
	}
	var last uint64
	for i := range total {
		if i%10 == 3 {
			continue
		}
		m := receive(t, c)
		if string(m[0]) != strconv.Itoa(i) || len(m) != 4 {
			t.Fatalf("the answer to %q came where that to %d should", m[0], i)
		}
		switch i % 10 {
		case 5:
			if !strings.Contains(string(m[3]), `"code":"bad_topic"`) {
				t.Errorf("%d: %s", i, m[3])
			}
		case 7:
			if string(m[3]) != "ERROR_MALFORMED" {
				t.Errorf("%d: %s", i, m[3])
			}
		default:
			r := parseReply(t, []string{string(m[2]), string(m[3])})
			p, err := fedmsg.ParsePosition(r.Position)
			if err != nil || p.Seq != last+1 {
				t.Fatalf("%d: %+v stands behind %d", i, r, last)
			}
			last = p.Seq
		}
	}
	if info := log.log.Info(); info.Last != last || last != total/10*7 {
		t.Errorf("%d are stored", info.Last)
	}
	refused := n.server.edges[1].(*submission).counts.refusals
	if a, b := valueOf(t, refused.WithLabelValues("bad_request")), valueOf(t, refused.WithLabelValues("bad_topic")); a != total/10*2 || b != total/10 {
		t.Errorf("%v and %v were counted as refused", a, b)
	}
}

// waiting is a door whose messages become durable when it is told so.
type waiting struct {
	Door
	came  chan [][]byte
	ready chan struct{}
}

func (w *waiting) SubmitParts(_ context.Context, _ fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket {
	for _, m := range messages {
		w.came <- m
	}
	return w
}

func (w *waiting) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	select {
	case <-w.ready:
		return []fedmsg.Outcome{{Receipt: fedmsg.Receipt{ID: "x", Position: at(1)}}}, nil
	case <-ctx.Done():
		return nil, fedmsg.Errorf(fedmsg.CodeTimeout, "waited too long")
	}
}

// startWaiting starts a node whose door is w, with a REQ that has asked.
func startWaiting(t *testing.T, accept time.Duration, headers string) (*node, *waiting, *zmtp.Conn) {
	t.Helper()
	w := &waiting{came: make(chan [][]byte, 1), ready: make(chan struct{})}
	n := startNode(t, 0, func(c *Config, d *Deps) {
		c.Submit, c.AcceptTimeout = []string{"tcp://127.0.0.1:0"}, accept
		d.Door = func(fedmsg.VerifyMode, bool) Door { return w }
	})
	c, err := zmtp.Dial(t.Context(), n.addr(0), zmtp.REQ, zmtp.Options{})
	if err == nil {
		err = c.Write(zmtp.AppendMessage(nil, nil, []byte("FSUBMIT1"), []byte("a.b"), []byte(headers), []byte("{}")))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return n, w, c
}

// TestAcceptTimeout: whoever cannot be told in time what became of his message is told that, and what to do.
func TestAcceptTimeout(t *testing.T) {
	t.Parallel()
	for headers, want := range map[string]string{`{"fedmsg-id":"x"}`: "send it again with the same fedmsg-id", "": "with the header fedmsg-id it could be sent again"} {
		_, w, c := startWaiting(t, 50*time.Millisecond, headers)
		m := receive(t, c)
		<-w.came
		r := parseReply(t, []string{string(m[1]), string(m[2])})
		if r.Result != "failure" || r.Code != "timeout" || !strings.Contains(*r.Reason, want) || strings.Contains(*r.Reason, "too long") {
			t.Errorf("%s: %+v", headers, r)
		}
	}
}

// TestStopAnswers: a submission that has begun is answered before the node stops; one that takes too long is told that its fate
// is not known, and the node stops in time.
func TestStopAnswers(t *testing.T) {
	t.Parallel()
	for _, quick := range []bool{true, false} {
		n, w, c := startWaiting(t, time.Hour, "")
		<-w.came
		idle, err := zmtp.Dial(t.Context(), n.addr(0), zmtp.REQ, zmtp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if !quick {
			cancel()
		}
		stopped := make(chan error, 1)
		go func() { stopped <- n.server.Shutdown(ctx) }()
		if _, err := idle.Receive(nil); err == nil {
			t.Error("one who waits for no answer is still connected")
		}
		if quick {
			close(w.ready)
		}
		err = <-stopped
		cancel()
		if <-n.ran; quick != (err == nil) {
			t.Errorf("quick %v: %v", quick, err)
		}
		n.ran = nil
		got, err := c.Receive(make([]zmtp.Incoming, 0, 1))
		if quick && (err != nil || !strings.Contains(string(got[0].Message[2]), `"success"`)) {
			t.Errorf("%v %v", got, err)
		}
	}
}
