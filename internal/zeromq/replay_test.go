package zeromq

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/feed"
	query "github.com/federated-messaging/fedmsg/internal/replay"
	"github.com/federated-messaging/fedmsg/internal/seqid"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// archive is a log on disk whose clock a test sets, with what a replay socket needs of it.
type archive struct {
	t    testing.TB
	now  time.Time
	log  *commitlog.Log
	feed *feed.Feed
	book *seqid.Book
}

func newArchive(t testing.TB) *archive {
	t.Helper()
	a := &archive{t: t, now: time.Unix(1700000000, 0)}
	dir := t.TempDir()
	var err error
	a.log, err = commitlog.Open(filepath.Join(dir, "log"), commitlog.Options{
		Now: func() time.Time { return a.now }, Committed: func(entries []fedmsg.Entry) { a.feed.Publish(entries) },
	})
	if err != nil {
		t.Fatal(err)
	}
	info := a.log.Info()
	// A ring of few entries: most of what is asked for comes from the files.
	a.feed = feed.New(feed.Config{Log: info.ID, Last: info.Last, RingEntries: 4, Open: func(after uint64) feed.LogReader { return a.log.Reader(after) }})
	t.Cleanup(func() {
		if err := a.log.Close(); err != nil {
			t.Error(err)
		}
		a.feed.Close()
	})
	a.book, err = seqid.Open(seqid.Config{Path: filepath.Join(dir, "seq_id.json"), Log: seqid.Log{
		ID: info.ID, Bounds: func() (uint64, uint64) { i := a.log.Info(); return i.First, i.Last },
		Open: func(after uint64) seqid.Reader { return a.log.Reader(after) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// add stores records, received a second after those before.
func (a *archive) add(records ...fedmsg.Record) {
	a.t.Helper()
	a.now = a.now.Add(time.Second)
	ticket, err := a.log.Submit(a.t.Context(), records...)
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := ticket.Wait(a.t.Context())
	for _, o := range out {
		err = errorOf(err, o.Err)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// message is a record of the node with a number, or without one where that is 0, made at a time.
func message(topic string, n uint64, at time.Time) fedmsg.Record {
	id := fmt.Sprintf("%s-%d-%d", topic, n, at.UnixNano())
	return fedmsg.Record{ID: id, Topic: topic, Made: true, Envelope: wire.AppendEnvelope(nil, &wire.Draft{
		Topic: topic, ID: id, SeqID: n, Time: at.Unix(), Body: []byte(`{}`),
	})}
}

// serving starts a node with a replay socket over the archive.
func (a *archive) serving(change func(*Config, *Deps)) *node {
	return startNode(a.t, 0, func(c *Config, d *Deps) {
		c.Replay = []string{"tcp://127.0.0.1:0"}
		d.Log, d.Feed, d.Numbers = a.log, a.feed, a.book
		if change != nil {
			change(c, d)
		}
	})
}

// TestReplayVectors asks as x08 does, by libzmq, and is answered with the same frames, but that seq_id_range works and that the
// server survives what killed the old one.
func TestReplayVectors(t *testing.T) {
	t.Parallel()
	var file struct {
		Rows  []string `json:"stored_rows"`
		Cases []struct {
			Query  string
			Frames []string `json:"frames_text"`
		}
	}
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/x08_replay.json"))
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil || len(file.Rows) != 5 || len(file.Cases) != 19 {
		t.Fatalf("x08 has %d rows and %d cases (%v)", len(file.Rows), len(file.Cases), err)
	}
	a := newArchive(t)
	for _, row := range file.Rows {
		e, err := (&wire.Decoder{Limits: fedmsg.DefaultLimits()}).Envelope([]byte(row), wire.Old)
		if err != nil {
			t.Fatal(err)
		}
		a.add(fedmsg.Record{ID: e.ID, Topic: e.Topic, Envelope: e.Bytes, Made: true})
	}
	n := a.serving(nil)
	s := startSubmitter(t, n.addr(0))
	for _, c := range file.Cases {
		want := c.Frames
		if c.Query == `{"seq_id_range":[2,4]}` {
			want = file.Rows[1:4]
		}
		if got := s.ask(c.Query); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.Query, got, want)
		}
	}
	for _, request := range [][]string{{"[1]"}, {"not json"}, {""}, {"{}", "{}"}} {
		if got := s.ask(request...); !slices.Equal(got, []string{"error: 'The query is not a JSON object'"}) {
			t.Errorf("%q: %q", request, got)
		}
	}
	if got := s.ask(`{"seq_id":5}`); !slices.Equal(got, file.Rows[4:]) {
		t.Errorf("then: %q", got)
	}
}

// TestReplayFinds asks a log in which this node's numbered messages stand between others.
func TestReplayFinds(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	foreign := message("a.foreign", 3, a.now)
	foreign.Made = false
	var ahead time.Time
	for n := uint64(1); n <= 600; n++ {
		at := a.now.Add(time.Second)
		if n == 300 { // from here on the clock of its publisher is behind
			foreign.ID = "late"
			a.add(foreign)
			ahead = at.Add(50 * time.Second)
			a.add(message("a.one", 0, at.Add(-40*time.Minute)), message("a.one", 0, ahead))
		}
		a.add(message([]string{"a.one", "b.two"}[n%2], n, at))
		if n%3 == 0 {
			a.add(message("a.plain", 0, at.Add(time.Second)))
		}
	}
	n := a.serving(func(c *Config, _ *Deps) {
		c.Replay = []string{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0?topics=a.one,a.foreign"}
		c.ReplayMessages = 50
	})
	all, some := startSubmitter(t, n.addr(0)), startSubmitter(t, n.addr(1))
	numbers := func(s *submitter, query string) string {
		t.Helper()
		var got []string
		for _, frame := range s.ask(query) {
			if number, there := wire.SeqID([]byte(frame)); there {
				got = append(got, fmt.Sprint(number))
			} else if strings.HasPrefix(frame, "error") {
				got = append(got, frame)
			} else {
				got = append(got, "-")
			}
		}
		return strings.Join(got, " ")
	}
	runs := func(from, step, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprint(from+i*step))
		}
		return strings.Join(all, " ")
	}
	const none = "error: 'There was no match for the given query'"
	since := func(n int) int64 { return 1700000000 + int64(n) } // close to when message n was made
	for _, c := range []struct{ query, all, some string }{
		{`{"seq_id_range":[10,20]}`, runs(10, 1, 11), runs(10, 2, 6)},
		{`{"seq_id_range":[1,1000]}`, runs(1, 1, 50), runs(2, 2, 50)},
		{`{"seq_id_range":[590,9007199254740991]}`, runs(590, 1, 11), runs(590, 2, 6)},
		{`{"seq_id_range":[601,700]}`, none, none},
		{`{"seq_id_range":[20,10]}`, none, none},
		{`{"seq_ids":[599,3,300,301]}`, "3 300 301 599", "300"},
		{`{"seq_id":3,"seq_id_range":[500,502]}`, "3 500 501 502", "500 502"},
		{`{"seq_id":3}`, "3", none},
		{`{"msg_id":"late"}`, "3", "3"},
		{`{"msg_ids":["late","gone"],"seq_ids":[3,4]}`, "3 4 3", "4 3"},
		{`{}`, "1 2 3 - 4 5 6 - 7 8 9 - 10 11 12 - 13 14 15 - 16 17 18 - 19 20 21 - 22 23 24 - 25 26 27 - 28 29 30 - 31 32 33 - 34 35 36 - 37 38", runs(2, 2, 50)},
		{fmt.Sprintf(`{"time":[%d,%d]}`, since(1), since(6)), "1 2 3 - 4 5", "2 4"},
		{`{"time":[1699990000,1700000000]}`, "3 -", "3 -"}, // the clock of one was 40 minutes behind
		{fmt.Sprintf(`{"time":[%d,%d]}`, ahead.Unix(), ahead.Unix()), "- 336", "- 336"},
		{fmt.Sprintf(`{"time":[%d,%d]}`, since(10000), since(20000)), none, none},
		{fmt.Sprintf(`{"time":[%d,4294967296]}`, since(797)), "597 - 598 599 600 -", "598 600"},
	} {
		if got := numbers(all, c.query); got != c.all {
			t.Errorf("%s: %s, want %s", c.query, got, c.all)
		}
		if got := numbers(some, c.query); got != c.some {
			t.Errorf("%s in scope: %s, want %s", c.query, got, c.some)
		}
	}
}

// TestReplayFormat holds that a socket of old askers answers with envelopes alone, and one with format=fedmsg2 with the detached
// signatures where there are some, which is what the subscribers of such a socket must have to verify what they missed.
func TestReplayFormat(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	signed, plain := message("a.signed", 1, a.now), message("a.plain", 2, a.now)
	signed.Signatures = wire.AppendSignatures(nil, []wire.Signature{{KeyID: "abcd", Sig: []byte("signature")}})
	a.add(signed, plain)
	n := a.serving(func(c *Config, _ *Deps) {
		c.Replay = []string{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0?format=fedmsg2"}
	})
	for i, want := range [][]string{
		{string(signed.Envelope), string(plain.Envelope)},
		{string(wire.AppendDSSE(nil, wire.EnvelopeType, signed.Envelope, signed.Signatures)), string(plain.Envelope)},
	} {
		if got := startSubmitter(t, n.addr(i)).ask(`{"seq_ids":[1,2]}`); !slices.Equal(got, want) {
			t.Errorf("socket %d answers %q, want %q", i, got, want)
		}
	}
	bad := DefaultConfig()
	bad.Replay = []string{"tcp://127.0.0.1:0?format=fedpub1"}
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), `answers have the format fedmsg1 or fedmsg2, not "fedpub1"`) {
		t.Errorf("fedpub1: %v", err)
	}
}

// TestReplayBounds holds that an answer is cut from the end at so many bytes, that a message that is larger alone is given, and
// that nothing may be read where nobody said what.
func TestReplayBounds(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	large := func(n uint64, size int) fedmsg.Record {
		r := message("a.b", n, a.now)
		r.Envelope = wire.AppendEnvelope(nil, &wire.Draft{Topic: "a.b", ID: r.ID, SeqID: n, Body: []byte(`{"k":"` + strings.Repeat("x", size) + `"}`)})
		return r
	}
	a.add(large(1, maxAnswer+1))
	for n := range uint64(20) {
		a.add(large(n+2, 1<<20))
	}
	n := a.serving(func(c *Config, _ *Deps) {
		c.Replay = []string{"tcp://127.0.0.1:0", "tcp://0.0.0.0:0"}
		c.ReplayMessages = 18
	})
	ask := func(query string, want ...uint64) {
		t.Helper()
		var got []uint64
		for _, frame := range askReplay(t, n.addr(0), query) {
			number, _ := wire.SeqID(frame)
			got = append(got, number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	ask(`{"seq_id_range":[1,21]}`, 1)
	ask(`{"seq_id_range":[2,21]}`, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	ask(`{"seq_id_range":[17,21]}`, 17, 18, 19, 20, 21)
	_, port, _ := strings.Cut(n.addr(1), "0.0.0.0")
	if got := askReplay(t, "tcp://127.0.0.1"+port, `{}`); string(got[0]) != "error: 'There was no match for the given query'" {
		t.Errorf("%.100q", got)
	}
	if !strings.Contains(n.told.String(), "nothing may be read here") {
		t.Error("nobody was told that nothing may be read")
	}
}

// askReplay gives the answer to one question, as this project's own protocol brings it.
func askReplay(t testing.TB, uri, question string) [][]byte {
	t.Helper()
	c, err := zmtp.Dial(t.Context(), uri, zmtp.REQ, zmtp.Options{MaxMessage: 64 << 20, MaxFrames: 30000})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Write(zmtp.AppendMessage(nil, nil, []byte(question))); err != nil {
		t.Fatal(err)
	}
	return receive(t, c)[1:]
}

// TestReplayCurve holds that a client sees what both it and the socket may.
func TestReplayCurve(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	for i, topic := range []string{"a.one", "a.two", "b.one"} {
		a.add(message(topic, uint64(i+1), a.now))
	}
	server, client, stranger := zmtp.NewCurvePair(), zmtp.NewCurvePair(), zmtp.NewCurvePair()
	n := a.serving(func(c *Config, d *Deps) {
		c.Replay = []string{"tcp://127.0.0.1:0?curve=yes", "tcp://127.0.0.1:0?curve=yes&topics=%23.one"}
		d.Curve = func() (zmtp.CurvePair, error) { return server, nil }
		d.Clients = []Client{{Name: "reader", Key: client.Public.String(), Topics: []fedmsg.Pattern{pattern(t, "a.#")}}}
	})
	for i, want := range []string{"1 2", "1"} {
		s := startSubmitter(t, n.addr(i), server.Public.String(), client.Public.String(), client.Secret.Reveal())
		var got []string
		for _, frame := range s.ask(`{"seq_ids":[1,2,3]}`) {
			number, _ := wire.SeqID([]byte(frame))
			got = append(got, fmt.Sprint(number))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("socket %d: %v, want %s", i, got, want)
		}
	}
	_, err := zmtp.Dial(t.Context(), n.addr(0), zmtp.REQ, zmtp.Options{Security: zmtp.CurveClient{ServerKey: server.Public, Keys: stranger}})
	if err == nil {
		t.Error("a stranger was let in")
	}
}

// TestReplayStop holds that a node that stops answers what was asked, and cuts off who does not take its answer.
func TestReplayStop(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	for n := range uint64(15) {
		r := message("a.b", n+1, a.now)
		r.Envelope = wire.AppendEnvelope(nil, &wire.Draft{Topic: "a.b", ID: r.ID, SeqID: n + 1, Body: []byte(`{"k":"` + strings.Repeat("x", 1<<20) + `"}`)})
		a.add(r)
	}
	n := a.serving(nil)
	slow, err := zmtp.Dial(t.Context(), n.addr(0), zmtp.REQ, zmtp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if err := slow.Write(zmtp.AppendMessage(nil, nil, []byte(`{}`))); err != nil {
		t.Fatal(err)
	}
	r := n.server.edges[0].(*replayer)
	for len(r.answers.places) == 0 {
		runtime.Gosched()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := n.server.Shutdown(ctx); fedmsg.CodeOf(err) != fedmsg.CodeTimeout || !strings.Contains(err.Error(), "1 answers were not taken") {
		t.Errorf("stopping gave %v", err)
	}
	if err := <-n.ran; err != nil {
		t.Error(err)
	}
	n.ran = nil
}

// TestReplayTakers has more askers not take their answers than there are places, and holds that another one gets his long before they are cut off for
// taking nothing.
func TestReplayTakers(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	for n := range uint64(15) {
		r := message("a.b", n+1, a.now)
		r.Envelope = wire.AppendEnvelope(nil, &wire.Draft{Topic: "a.b", ID: r.ID, SeqID: n + 1, Body: []byte(`{"k":"` + strings.Repeat("x", 1<<20) + `"}`)})
		a.add(r)
	}
	n := a.serving(func(c *Config, _ *Deps) { c.WriteTimeout = time.Hour })
	r := n.server.edges[0].(*replayer)
	r.answers.grace = 10 * time.Millisecond // of two minutes; nobody asks yet
	for range replayPlaces + 4 {
		c, err := zmtp.Dial(t.Context(), n.addr(0), zmtp.REQ, zmtp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Write(zmtp.AppendMessage(nil, nil, []byte(`{}`))); err != nil {
			t.Fatal(err)
		}
	}
	if got := askReplay(t, n.addr(0), `{"seq_id":3}`); len(got) != 1 || len(got[0]) < 1<<20 {
		t.Errorf("got %d frames", len(got))
	}
}

// TestLookupIsCheap holds that what is far apart is not read over, and that memory is bounded while something is looked up.
func TestLookupIsCheap(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	var records []fedmsg.Record
	for n := range uint64(3000) {
		records = append(records, message("a.b", n+1, a.now))
	}
	a.add(records...)
	records = nil
	for n := range uint64(40) {
		r := message("a.b", n+3001, a.now)
		r.Envelope = append(r.Envelope[:len(r.Envelope)-1], `,"x":"`+strings.Repeat("x", 1<<20)+`"}`...)
		records = append(records, r)
	}
	a.add(records...)
	look := func(q *query.Query) (*lookup, int) {
		t.Helper()
		l := &lookup{ctx: t.Context(), deps: &Deps{Log: a.log, Feed: a.feed, Numbers: a.book}, scope: [][]fedmsg.Pattern{{fedmsg.MatchAll()}}, most: 10000, found: map[uint64][]byte{}}
		all, err := l.all(q)
		if err != nil {
			t.Fatal(err)
		}
		return l, len(all)
	}
	if l, n := look(&query.Query{Seqs: []uint64{1, 2, 1500, 3000}}); n != 4 || l.looked > 10 {
		t.Errorf("%d of 4 messages were found by reading %d entries", n, l.looked)
	}
	for _, q := range []query.Query{{Range: query.Range{From: 3000, To: 4000}}, {Time: query.Span{From: a.now.Add(-time.Hour), To: a.now}}, {All: true}} {
		size := 0
		l, n := look(&q)
		for _, e := range l.found {
			size += len(e)
		}
		if n < 15 || size > maxAnswer+2<<20 {
			t.Errorf("%+v: %d messages were found, and %d bytes held", q, n, size)
		}
	}
}
