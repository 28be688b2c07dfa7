package redact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// node is a log with its feed, and what carries out its redactions.
type node struct {
	t      *testing.T
	dir    string
	log    *commitlog.Log
	feed   *feed.Feed
	ledger *Ledger
	*Applier
	before  func(id string) error // called when the log is to erase
	letters []Letters
	stopped bool // the applier is, before the rest
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir()}
	t.Cleanup(n.stop)
	n.open()
	return n
}

// open opens everything and starts it.
func (n *node) open() {
	n.t.Helper()
	var err error
	if n.ledger, err = OpenLedger(filepath.Join(n.dir, "redacted.jsonl")); err != nil {
		n.t.Fatal(err)
	}
	n.log, err = commitlog.Open(filepath.Join(n.dir, "log"), commitlog.Options{Redacted: n.ledger.Has, Committed: func(e []fedmsg.Entry) { n.feed.Publish(e) }})
	if err != nil {
		n.t.Fatal(err)
	}
	info := n.log.Info()
	n.feed = feed.New(feed.Config{Log: info.ID, Last: info.Last, Open: func(after uint64) feed.LogReader { return n.log.Reader(after) }})
	n.Applier, err = New(Deps{
		Log: slowLog{n.log, n}, Feed: n.feed, Ledger: n.ledger, Rules: &Rules{Own: "node", From: []string{"wiki", "deb/one"}},
		Place: filepath.Join(n.dir, "place"), Letters: n.letters,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.Start()
}

// stop stops everything.
func (n *node) stop() {
	if n.log == nil {
		return
	}
	var err error
	if !n.stopped {
		err = n.Stop(context.Background())
	}
	n.stopped = false
	err = errors.Join(err, n.log.Close(), n.ledger.Close())
	n.feed.Close()
	n.log = nil
	if err != nil {
		n.t.Error(err)
	}
}

// slowLog is a log to which something happens when it is to erase.
type slowLog struct {
	*commitlog.Log
	n *node
}

func (l slowLog) Redact(ctx context.Context, id string, sum [sha256.Size]byte) (fedmsg.Entry, bool, error) {
	if l.n.before != nil {
		if err := l.n.before(id); err != nil {
			return fedmsg.Entry{}, false, err
		}
	}
	return l.Log.Redact(ctx, id, sum)
}

// put stores a record and gives its number.
func (n *node) put(r fedmsg.Record) (uint64, error) {
	n.t.Helper()
	ticket, err := n.log.Submit(n.t.Context(), r)
	if err != nil {
		n.t.Fatal(err)
	}
	out, err := ticket.Wait(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return out[0].Receipt.Seq, out[0].Err
}

func message(id string) fedmsg.Record {
	return fedmsg.Record{ID: id, Topic: "a.b", Envelope: fmt.Appendf(nil, `{"topic":"a.b","msg":{"secret":%q},"msg_id":%q}`, id, id), Verdict: fedmsg.VerdictOK, Signer: "node"}
}

// redaction is the message that says that another one is redacted.
func redaction(signer string, r archive.Redaction) fedmsg.Record {
	body, _ := Body(&r)
	id := "of-" + r.ID + signer
	envelope, _ := json.Marshal(map[string]any{"topic": "x.prod.fedmsg.redact", "msg_id": id, "msg": body, "timestamp": at.Unix()})
	return fedmsg.Record{ID: id, Topic: "x.prod.fedmsg.redact", Envelope: envelope, Verdict: fedmsg.VerdictOK, Signer: signer}
}

func of(id string) archive.Redaction {
	return archive.Redaction{ID: id, SHA256: Sum(message(id).Envelope), Reason: "private", By: "uid:0", At: at}
}

// tell stores a redaction and waits until it is carried out.
func (n *node) tell(r fedmsg.Record) {
	n.t.Helper()
	seq, err := n.put(r)
	if err == nil {
		err = n.Await(n.t.Context(), seq)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) erased(id string) bool {
	n.t.Helper()
	e, found, err := n.log.Find(id)
	if err != nil || !found {
		n.t.Fatalf("%s: %t %v", id, found, err)
	}
	return e.Redacted
}

// TestWhoseWord holds whose redactions are carried out, and of what: of the very envelope that is meant, and never of a redaction.
func TestWhoseWord(t *testing.T) {
	t.Parallel()
	other := of("x")
	other.SHA256 = Sum([]byte("another"))
	short := of("x")
	short.SHA256 = "00ff"
	silent := of("x")
	silent.Reason = " "
	long, timeless := of("x"), of("x")
	long.By, timeless.At = strings.Repeat("x", 256), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	capital := of("x")
	capital.SHA256 = strings.ToUpper(capital.SHA256)
	uncovered, elsewhere := redaction("wiki", of("x")), redaction("wiki", of("x"))
	uncovered.Verdict, elsewhere.Topic = fedmsg.VerdictTopicNotCovered, "x.prod.fedmsg.redacted"
	for name, c := range map[string]struct {
		record fedmsg.Record
		want   bool
	}{
		"the node":           {redaction("node", of("x")), true},
		"a root":             {redaction("wiki", of("x")), true},
		"one of a root":      {redaction("wiki/deep/er", of("x")), true},
		"a signer":           {redaction("deb/one", of("x")), true},
		"another of it":      {redaction("deb/two", of("x")), false},
		"a longer name":      {redaction("wikipedia", of("x")), false},
		"one below the node": {redaction("node/x", of("x")), false},
		"nobody":             {redaction("", of("x")), false},
		"topic not covered":  {uncovered, false},
		"other topic":        {elsewhere, false},
		"other envelope":     {redaction("node", other), false},
		"no hash":            {redaction("node", short), false},
		"no reason":          {redaction("node", silent), false},
		"by a long name":     {redaction("node", long), false},
		"no such time":       {redaction("node", timeless), false},
		"in capitals":        {redaction("node", capital), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			if _, err := n.put(message("x")); err != nil {
				t.Fatal(err)
			}
			n.tell(c.record)
			if n.erased("x") != c.want || n.ledger.Has("x") != c.want {
				t.Errorf("erased: %t, known: %t, want %t", n.erased("x"), n.ledger.Has("x"), c.want)
			}
			if r, _ := n.ledger.Get("x"); c.want && c.record.Signer != "node" && r.By != c.record.Signer {
				t.Errorf("%q is said to have done it, and not %q", r.By, c.record.Signer)
			}
			itself := archive.Redaction{ID: c.record.ID, SHA256: Sum(c.record.Envelope), Reason: "x", By: "x", At: at}
			if IsTopic(c.record.Topic) {
				n.tell(redaction("node", itself))
				if n.erased(c.record.ID) {
					t.Error("a redaction was redacted")
				}
			}
		})
	}
}

// TestCarriedOut holds what a redaction does: cursors are given what is left, the dead letters of the message go and no others, and the
// original is refused when it comes behind its redaction, also after another start.
func TestCarriedOut(t *testing.T) {
	t.Parallel()
	letters := &fakeLetters{all: map[string][]deadletter.Letter{
		"one": {{Of: "one", Number: 1, ID: "x"}, {Of: "one", Number: 2, ID: "y"}},
		"two": {{Of: "two", Number: 1, Envelope: message("x").Envelope}, {Of: "two", Number: 2, Envelope: message("y").Envelope}},
	}}
	for i := range uint64(2 * piece) {
		letters.all["one"] = append(letters.all["one"], deadletter.Letter{Of: "one", Number: i + 3, ID: "y"})
	}
	letters.all["one"][2*piece+1].ID = "x"
	n := &node{t: t, dir: t.TempDir(), letters: []Letters{letters}}
	t.Cleanup(n.stop)
	n.open()
	for _, id := range []string{"x", "y"} {
		if _, err := n.put(message(id)); err != nil {
			t.Fatal(err)
		}
	}
	n.tell(redaction("node", of("x")))
	n.tell(redaction("node", of("later")))
	c := n.feed.Cursor(0)
	defer c.Close() //nolint:errcheck // it only reads
	if it, err := c.Next(); err != nil || !it.Entry.Redacted || strings.Contains(string(it.AppendLine(nil)), "secret") {
		t.Errorf("a cursor gives %s, %v", it.AppendLine(nil), err)
	}
	if got := strings.Join(letters.dropped, " "); got != fmt.Sprintf("one/1 one/%d two/1", 2*piece+2) {
		t.Errorf("dropped letters: %s", got)
	}
	for range 2 {
		for _, id := range []string{"x", "later"} {
			if _, err := n.put(message(id)); fedmsg.CodeOf(err) != fedmsg.CodeRedacted {
				t.Errorf("%s is taken again: %v", id, err)
			}
			if r, ok := n.ledger.Get(id); !ok || r != of(id) {
				t.Errorf("%+v is known of %s", r, id)
			}
		}
		n.stop()
		n.open()
	}
	if n.ledger.Len() != 2 {
		t.Errorf("%d are known", n.ledger.Len())
	}
}

// TestTriedAgain holds that a redaction that fails is told of and tried until it succeeds, also by the next start; and that one who
// waits for it is told that it is still to come.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	if _, err := n.put(message("x")); err != nil {
		t.Fatal(err)
	}
	failing, tried := errors.New("no room"), make(chan struct{}, 1)
	n.before = func(string) error {
		select {
		case tried <- struct{}{}:
		default:
		}
		return failing
	}
	seq, err := n.put(redaction("node", of("x")))
	if err != nil {
		t.Fatal(err)
	}
	<-tried
	<-tried // what came of the first is noted
	if err := n.Err(); !errors.Is(err, failing) {
		t.Errorf("the trouble is %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Await(ended, seq); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("who waits is told %v", err)
	}
	n.stop()
	n.before = nil
	n.open()
	if err := n.Await(t.Context(), seq); err != nil || !n.erased("x") || n.Err() != nil {
		t.Errorf("after another start: %v, erased %t, trouble %v", err, n.erased("x"), n.Err())
	}
}

// TestLedgerFile holds that what was cut off by a crash is passed over, that damage elsewhere is not, and that writing goes on behind.
func TestLedgerFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	l, err := OpenLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "a"} {
		if err := l.Add(of(id)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		want int // -1 is damage
	}{
		{string(whole), 2},
		{string(whole[:len(whole)-1]), 1}, // its end was not written
		{string(whole) + `{"id":"c`, 2},
		{string(whole) + strings.Repeat("\x00", 4096), 2},
		{"x" + string(whole), -1},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := OpenLedger(path)
		if c.want < 0 {
			if fedmsg.CodeOf(err) != fedmsg.CodeDamaged {
				t.Errorf("%q: %v", c.text, err)
			}
			continue
		}
		if err != nil || l.Len() != c.want {
			t.Fatalf("%q: %v", c.text, err)
		}
		if err := errors.Join(l.Add(of("new")), l.Close()); err != nil {
			t.Fatal(err)
		}
		if l, err = OpenLedger(path); err != nil || l.Len() != c.want+1 || !l.Has("new") {
			t.Errorf("%q: behind it %v", c.text, err)
		}
	}
}

// TestLedgerOfTwoEnvelopes holds that a redaction of one envelope does not hide that of another one under the same id.
func TestLedgerOfTwoEnvelopes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	l, err := OpenLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	first, second := of("x"), of("x")
	first.SHA256, first.Reason = Sum([]byte("wrong")), "wrong"
	for _, r := range []archive.Redaction{first, second, first} {
		if err := l.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = OpenLedger(path); err != nil {
		t.Fatal(err)
	}
	if got, _ := l.Get("x"); l.Len() != 2 || got != first || !slices.Equal(l.All(), []archive.Redaction{first, second}) {
		t.Errorf("%+v are known", l.All())
	}
	if got, ok := l.Find("x", second.SHA256); !ok || got != second {
		t.Errorf("%+v is known of the second", got)
	}
	if _, ok := l.Find("x", Sum(nil)); ok {
		t.Error("a third is known")
	}
}

// TestLedgerDisk holds that a redaction which could not be written is not known, and that one which is written behind it stands alone.
func TestLedgerDisk(t *testing.T) {
	t.Parallel()
	disk := durabletest.NewDisk()
	l, err := openLedger(disk, "/d/l")
	if err != nil {
		t.Fatal(err)
	}
	long := of("long")
	long.Reason = strings.Repeat("long ", 100)
	disk.SetHooks(func(_ int, op durabletest.Op, _ string) error {
		if op == durabletest.OpSync {
			return errors.New("it cannot be synced")
		}
		return nil
	}, nil)
	if err := l.Add(long); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull || l.Has("long") {
		t.Errorf("%v, known: %t", err, l.Has("long"))
	}
	disk.SetHooks(nil, nil)
	if err := errors.Join(l.Add(of("x")), l.Close()); err != nil {
		t.Fatal(err)
	}
	if l, err = openLedger(disk.Crash(durabletest.LoseAll, nil), "/d/l"); err != nil || l.Len() != 1 || !l.Has("x") {
		t.Errorf("%v", err)
	}
}

// TestOneThatFails holds that a redaction which fails holds up no other one, and that the dead letters are gone through once for all
// that came together.
func TestOneThatFails(t *testing.T) {
	t.Parallel()
	letters := &fakeLetters{}
	n := &node{t: t, dir: t.TempDir(), letters: []Letters{letters}}
	t.Cleanup(n.stop)
	n.open()
	const others = 20
	ids := []string{"x"}
	for i := range others {
		ids = append(ids, fmt.Sprintf("y-%d", i))
	}
	for _, id := range ids {
		if _, err := n.put(message(id)); err != nil {
			t.Fatal(err)
		}
	}
	var mended atomic.Bool
	come := make(chan struct{})
	n.before = func(id string) error {
		<-come // all of them
		if id == "x" && !mended.Load() {
			return errors.New("it cannot be read")
		}
		return nil
	}
	var first, last uint64
	for _, id := range ids {
		seq, err := n.put(redaction("node", of(id)))
		if err != nil {
			t.Fatal(err)
		}
		if last = seq; first == 0 {
			first = seq
		}
	}
	close(come)
	if err := n.Await(t.Context(), last); err != nil || !n.erased("y-0") || n.erased("x") || n.Err() == nil {
		t.Errorf("behind one that fails: %v, trouble %v", err, n.Err())
	}
	if seen := letters.looks(); seen > others/2 {
		t.Errorf("the dead letters were gone through %d times", seen)
	}
	mended.Store(true)
	if err := n.Await(t.Context(), first); err != nil || !n.erased("x") || n.Err() != nil {
		t.Errorf("at last: %v, trouble %v", err, n.Err())
	}
}

// TestRestoredLog holds that what was redacted is erased from a log that is put back and from its dead letters, though the redaction is
// not in it.
func TestRestoredLog(t *testing.T) {
	t.Parallel()
	letters := &fakeLetters{all: map[string][]deadletter.Letter{}}
	n := &node{t: t, dir: t.TempDir(), letters: []Letters{letters}}
	t.Cleanup(n.stop)
	n.open()
	if _, err := n.put(message("x")); err != nil {
		t.Fatal(err)
	}
	n.stop()
	old := filepath.Join(t.TempDir(), "log")
	if err := os.CopyFS(old, os.DirFS(filepath.Join(n.dir, "log"))); err != nil {
		t.Fatal(err)
	}
	n.open()
	n.tell(redaction("node", of("x")))
	n.stop()
	letters.all["one"] = []deadletter.Letter{{Of: "one", Number: 1, ID: "x"}}
	if err := errors.Join(os.RemoveAll(filepath.Join(n.dir, "log")), os.Rename(old, filepath.Join(n.dir, "log"))); err != nil {
		t.Fatal(err)
	}
	n.open()
	if seq, err := n.put(message("y")); err != nil || n.Await(t.Context(), seq) != nil || !n.erased("x") || n.erased("y") {
		t.Errorf("%v, erased: %t", err, n.erased("x"))
	}
	if got := strings.Join(letters.dropped, " "); got != "one/1" {
		t.Errorf("dropped letters: %q", got)
	}
}

// TestFirstStart holds that what a log has on the topic of redactions before anything heeds them is not carried out, and that what comes
// then is.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	n := &node{t: t, dir: t.TempDir()}
	t.Cleanup(n.stop)
	n.open()
	if err := n.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range []fedmsg.Record{message("x"), message("y"), redaction("node", of("x"))} {
		if _, err := n.put(r); err != nil {
			t.Fatal(err)
		}
	}
	n.stopped = true
	n.stop()
	if err := os.RemoveAll(filepath.Join(n.dir, "place")); err != nil {
		t.Fatal(err)
	}
	n.open()
	n.stop() // its place is written down
	n.open()
	n.tell(redaction("node", of("y")))
	if n.erased("x") || !n.erased("y") {
		t.Errorf("erased are x: %t, y: %t", n.erased("x"), n.erased("y"))
	}
}

// fakeLetters are dead letters in memory.
type fakeLetters struct {
	mu      sync.Mutex
	all     map[string][]deadletter.Letter
	dropped []string
	listed  int // how often all were asked for
}

func (f *fakeLetters) looks() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listed
}

func (f *fakeLetters) DeadList(name string, after uint64, limit int) (list []deadletter.Letter, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "" {
		f.listed++
	}
	for _, of := range []string{"one", "two"} {
		n := 0
		for _, l := range f.all[of] {
			if (name == "" || name == of) && l.Number > after && n < limit {
				l.Envelope = nil
				list = append(list, l)
				n++
			}
		}
	}
	return list, nil
}

func (f *fakeLetters) DeadGet(name string, number uint64) (deadletter.Letter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.all[name] {
		if l.Number == number {
			l.Envelope = bytes.Clone(l.Envelope)
			return l, nil
		}
	}
	return deadletter.Letter{}, fedmsg.Errorf(fedmsg.CodeNotFound, "there is none")
}

func (f *fakeLetters) DeadDrop(name string, number uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = append(f.dropped, fmt.Sprintf("%s/%d", name, number))
	return nil
}
