package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
)

// recallNode is a streamNode whose log forgets what its archive has.
type recallNode struct {
	*streamNode
	store archive.Store

	mu     sync.Mutex
	asked  func(q *archive.Query) error // called before each page; guarded by mu
	lacks  []fedmsg.Gap                 // guarded by mu
	broken error                        // why the archive cannot be used; guarded by mu
}

func startRecall(t *testing.T, scope ...fedmsg.Pattern) *recallNode {
	n := &recallNode{streamNode: startStreams(t, DefaultStreamConfig(), scope, 1), store: archivetest.NewMemory()}
	search := archive.NewSearcher(n.store)
	n.streams.deps.first = func() uint64 {
		n.log.mu.Lock()
		defer n.log.mu.Unlock()
		if n.log.trimmed == uint64(len(n.log.entries)) {
			return 0
		}
		return n.log.trimmed + 1
	}
	n.streams.deps.seeker = recallSeeker{n.log}
	n.streams.deps.history = &history{
		ask: func(ctx context.Context, q *archive.Query, _ fedmsg.Position) (archive.Page, error) {
			n.mu.Lock()
			asked := n.asked
			n.mu.Unlock()
			if asked != nil {
				if err := asked(q); err != nil {
					return archive.Page{}, err
				}
			}
			return search.Search(ctx, q)
		},
		usable: func() error { n.mu.Lock(); defer n.mu.Unlock(); return n.broken },
		gaps:   func() []fedmsg.Gap { n.mu.Lock(); defer n.mu.Unlock(); return n.lacks },
		oldest: func() time.Time {
			n.log.mu.Lock()
			defer n.log.mu.Unlock()
			if n.log.trimmed == uint64(len(n.log.entries)) {
				return time.Time{}
			}
			return n.log.entries[n.log.trimmed].Received
		},
	}
	return n
}

// recallSeeker tells of what retention has removed, as a real log does.
type recallSeeker struct{ *fakeStreamLog }

func (l recallSeeker) Resolve(p fedmsg.Position) (uint64, *fedmsg.Gap) {
	after, gap := l.fakeStreamLog.Resolve(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if gap == nil && after < l.trimmed {
		return l.trimmed, &fedmsg.Gap{From: streamAt(after + 1), To: streamAt(l.trimmed), Reason: fedmsg.GapTrimmed}
	}
	return after, gap
}

// grow publishes and archives so many entries, each tenth on topic rare.
func (n *recallNode) grow(t testing.TB, count int) {
	t.Helper()
	n.log.mu.Lock()
	from := len(n.log.entries)
	n.log.mu.Unlock()
	topics := make([]string, count)
	for i := range topics {
		topics[i] = "common.event"
		if (from+i+1)%10 == 0 {
			topics[i] = "rare.event"
		}
	}
	entries := n.log.grow([]byte(`{"msg":{}}`), topics...)
	n.put(t, entries...)
	n.feed.Publish(entries)
}

// put archives entries.
func (n *recallNode) put(t testing.TB, entries ...fedmsg.Entry) {
	t.Helper()
	var drafts []archive.Draft
	for i := range entries {
		drafts = append(drafts, archive.DraftOf(&entries[i]))
	}
	if _, err := n.store.Append(context.Background(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
}

// trim takes the oldest entries out of the log.
func (n *recallNode) trim(to uint64) {
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	n.log.trimmed = max(n.log.trimmed, min(to, uint64(len(n.log.entries))))
}

func (n *recallNode) onAsk(f func(q *archive.Query) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = f
}

func (n *recallNode) breaks(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = why
}

func sinceEpoch() string { return fmt.Sprintf("since=%d", streamEpoch.Unix()-3600) }

// TestRecallSince follows from a time that only the archive knows, in each form, into the log and live.
func TestRecallSince(t *testing.T) {
	for _, accept := range []string{"text/event-stream", ndjsonType} {
		n := startRecall(t)
		n.grow(t, 1000)
		n.trim(700)
		r := n.open(t, sinceEpoch(), "Accept", accept)
		for seq := range uint64(1000) {
			r.want("message", seq+1)
		}
		n.grow(t, 1)
		r.want("message", 1001)

		r = n.open(t, fmt.Sprintf("since=%d&topic=rare.%%23&limit=92", streamEpoch.Unix()+100), "Accept", accept)
		for seq := uint64(110); seq <= 1000; seq += 10 {
			r.message(seq)
		}
		n.grow(t, 30)
		r.message(1010)
		r.message(1020)
		r.end()
	}
}

// TestRecallAfter comes back to a position that the log has no more.
func TestRecallAfter(t *testing.T) {
	n := startRecall(t)
	n.grow(t, 1000)
	n.trim(900)
	for _, after := range []uint64{0, 1, 17, 512, 898, 899, 900, 999} {
		r := n.open(t, "limit=10&after="+streamAt(after).String())
		for seq := after + 1; seq <= min(after+10, 1000); seq++ {
			r.want("message", seq)
		}
	}
	r := n.open(t, "after=0") // asks for what the log has
	r.want("gap", 900)
	r.want("message", 901)
}

// TestRecallEmptyLog follows where retention has left nothing.
func TestRecallEmptyLog(t *testing.T) {
	n := startRecall(t)
	n.grow(t, 5)
	n.trim(5)
	r := n.open(t, sinceEpoch())
	for seq := range uint64(5) {
		r.want("message", seq+1)
	}
	n.grow(t, 1)
	r.want("message", 6)
}

// TestRecallNeverEnds holds the order and the whole of what a reader is given while entries come, retention removes them under it, the
// archive fails now and then, and the reader loses its connection and comes back: each entry once.
func TestRecallNeverEnds(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	n := startRecall(t)
	n.grow(t, 2000)
	n.trim(uint64(rnd.IntN(2000)))
	asks := rand.New(rand.NewPCG(seed, 1)) // used under the lock of the log
	n.onAsk(func(q *archive.Query) error {
		n.log.mu.Lock()
		defer n.log.mu.Unlock()
		if q.Limit > 1 {
			q.Limit = 1 + asks.IntN(q.Limit)
		}
		if asks.IntN(3) == 0 {
			n.log.trimmed += uint64(asks.IntN(len(n.log.entries) - int(n.log.trimmed) + 1))
		}
		return nil
	})
	query, step := sinceEpoch(), uint64(1)
	if rnd.IntN(2) == 0 {
		query, step = query+"&topic=rare.%23", 10
	}
	next, lives := step, 0
	for ; next <= 3000; lives++ {
		header := []string{}
		if next > step {
			header = []string{"Last-Event-ID", streamAt(next - step).String()}
		}
		r := n.open(t, query, header...)
		for range 1 + rnd.IntN(400) {
			for n.behind() < next {
				n.grow(t, 1+rnd.IntN(50))
			}
			r.message(next)
			next += step
		}
		_ = r.resp.Body.Close()
	}
	t.Logf("%d connections", lives)
}

// behind is the number of the newest entry.
func (n *recallNode) behind() uint64 {
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	return uint64(len(n.log.entries))
}

// TestRecallGaps tells of what the archive lacks in its place, also to a reader of a rare topic, and not to who asked for later.
func TestRecallGaps(t *testing.T) {
	n := startRecall(t)
	missing := func(seq uint64) bool { return seq <= 5 || seq > 40 && seq <= 60 || seq > 90 && seq <= 95 }
	topics := make([]string, 120)
	for i := range topics {
		topics[i] = "common.event"
		if (i+1)%10 == 0 {
			topics[i] = "rare.event"
		}
	}
	for _, e := range n.log.grow([]byte(`{"msg":{}}`), topics...) {
		if !missing(e.Position.Seq) {
			n.put(t, e)
		}
	}
	n.feed.Publish(n.log.entries)
	n.trim(95)
	gap := func(from, to uint64) fedmsg.Gap {
		return fedmsg.Gap{From: streamAt(from), To: streamAt(to), Reason: fedmsg.GapTrimmed}
	}
	n.lacks = []fedmsg.Gap{gap(1, 5), gap(41, 60), gap(91, 95)}
	for query, want := range map[string]string{
		sinceEpoch() + "&topic=rare.%23&limit=10":                                           "gap5 10 20 30 40 gap60 70 80 90 gap95 100 110 120",
		fmt.Sprintf("since=%d&topic=rare.%%23&limit=6", streamEpoch.Unix()+65):              "70 80 90 gap95 100 110 120",
		"topic=rare.%23&limit=7&after=" + streamAt(33).String():                             "40 gap60 70 80 90 gap95 100 110 120",
		"topic=rare.%23&limit=6&after=" + streamAt(50).String():                             "gap60 70 80 90 gap95 100 110 120",
		"topic=rare.%23&limit=3&after=" + streamAt(92).String():                             "gap95 100 110 120",
		"topic=other&topic=rare.%23&limit=3&after=" + streamAt(60).String() + "&sender=uid": "70 80 90",
	} {
		r := n.open(t, query)
		for text := range strings.FieldsSeq(want) {
			kind := "message"
			if rest, ok := strings.CutPrefix(text, "gap"); ok {
				kind, text = "gap", rest
			}
			seq, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			r.want(kind, seq)
		}
		if _, err := r.next(); err != io.EOF && !strings.HasSuffix(query, "sender=uid") {
			t.Errorf("%s: there is more, %v", query, err)
		}
	}
}

// TestRecallImported gives what was imported to who asked for a time, without a position to come back to, and not to who stands at one.
func TestRecallImported(t *testing.T) {
	n := startRecall(t)
	n.grow(t, 20)
	n.trim(10)
	for i, at := range []time.Duration{-time.Minute, 4500 * time.Millisecond} {
		n.put(t, fedmsg.Entry{
			ID: fmt.Sprintf("old-%d", i), Topic: "common.event", Received: streamEpoch.Add(at), Envelope: []byte(`{"msg":{}}`),
		})
	}
	n.put(t, fedmsg.Entry{ // of another log that writes into the same archive
		ID: "other", Topic: "common.event", Received: streamEpoch.Add(5500 * time.Millisecond), Envelope: []byte(`{"msg":{}}`),
		Position: fedmsg.Position{Log: "aaaaaaaaaaaa", Seq: 3},
	})
	r := n.open(t, sinceEpoch()+"&limit=22")
	for seq := range uint64(20) {
		if seq == 0 || seq == 5 {
			e, err := r.next()
			if err != nil || e.id != "" || !strings.Contains(e.data, `"id":"old-`) {
				t.Fatalf("got %+v, %v; want what was imported, without an id", e, err)
			}
		}
		r.want("message", seq+1)
	}
	r.end()
	r = n.open(t, "limit=19&after="+streamAt(1).String())
	for seq := uint64(2); seq <= 20; seq++ {
		r.want("message", seq)
	}
	r.end()
	r = n.open(t, sinceEpoch()+"&limit=20", "Last-Event-ID", streamAt(4).String())
	for seq := uint64(5); seq <= 20; seq++ {
		if seq == 6 {
			if e, err := r.next(); err != nil || !strings.Contains(e.data, `"id":"old-1"`) {
				t.Fatalf("got %+v, %v; want what was imported", e, err)
			}
		}
		r.want("message", seq)
	}
}

// TestRecallLocates finds the time at which a position was received, also where nothing is left of the log; not where rows of others
// hide those of this log: then it begins with the oldest, and nothing is missing either.
func TestRecallLocates(t *testing.T) {
	for _, trim := range []uint64{900, 1000} {
		n := startRecall(t)
		n.grow(t, 1000)
		n.trim(trim)
		for _, above := range []uint64{0, 1, 17, 500, 898} {
			want := streamEpoch.Add(time.Duration(above) * time.Second)
			got, err := n.streams.timeOf(above, n.streams.seam())
			if err != nil || got.After(want) || got.Before(want.Add(-2*time.Second)) {
				t.Errorf("what is behind %d was received at %s, %v; want shortly before %s", above, got, err, want)
			}
		}
	}
	n := startRecall(t)
	n.grow(t, 20)
	n.trim(17)
	for i := range 200 {
		n.put(t, fedmsg.Entry{
			ID: fmt.Sprintf("old-%d", i), Topic: "common.event", Envelope: []byte(`{"msg":{}}`),
			Received: streamEpoch.Add(8200*time.Millisecond + time.Duration(i)*5*time.Millisecond),
		})
	}
	r := n.open(t, "limit=16&after="+streamAt(4).String())
	for seq := uint64(5); seq <= 20; seq++ {
		r.want("message", seq)
	}
}

// TestRecallScope holds that the archive gives a reader nothing else than the log.
func TestRecallScope(t *testing.T) {
	scope, err := fedmsg.ParsePattern("rare.#")
	if err != nil {
		t.Fatal(err)
	}
	n := startRecall(t, scope)
	n.grow(t, 50)
	n.trim(30)
	r := n.open(t, sinceEpoch()+"&limit=5&topic=%23")
	for seq := uint64(10); seq <= 50; seq += 10 {
		r.message(seq)
	}
	r.end()
}

// TestRecallArchiveDown refuses a reader who wants what only the archive has while that cannot be used, and goes on where it fails
// on the way. Who wants what the log has is not held up.
func TestRecallArchiveDown(t *testing.T) {
	n := startRecall(t)
	n.grow(t, 600)
	n.trim(500)
	n.breaks(fedmsg.Errorf(fedmsg.CodeUnavailable, "the archive is away"))
	for _, query := range []string{sinceEpoch(), "after=" + streamAt(3).String()} {
		if resp := n.get(t, query); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s without the archive: %s, want 503", query, resp.Status)
		}
	}
	r := n.open(t, fmt.Sprintf("since=%d", streamEpoch.Unix()+550))
	r.want("message", 551)
	n.breaks(nil)
	pages := 0
	n.onAsk(func(*archive.Query) error {
		if pages++; pages == 3 {
			return fedmsg.Errorf(fedmsg.CodeUnavailable, "the archive is away")
		}
		return nil
	})
	r = n.open(t, sinceEpoch())
	for seq := range uint64(600) {
		r.message(seq + 1)
	}
	n.onAsk(func(*archive.Query) error { return errors.New("a fault of the store") })
	r = n.open(t, sinceEpoch())
	if e, err := r.next(); err == nil || err == io.EOF {
		t.Errorf("a stream that cannot go on gave %+v, %v; want one that is not complete", e, err)
	}
}
