package archiver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience only bounds a failing test.
const patience = time.Minute

// site is a log with its feed, and a store that outlives the archivers that are started on it.
type site struct {
	t     *testing.T
	dir   string
	o     commitlog.Options
	log   *commitlog.Log
	live  *feed.Feed
	store *faulty
	deps  Deps
	made  int
}

func newSite(t *testing.T, o commitlog.Options) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), o: o, store: &faulty{Store: archivetest.NewMemory()}}
	s.openLog()
	t.Cleanup(s.closeLog)
	return s
}

func (s *site) openLog() {
	s.t.Helper()
	s.o.Committed = func(entries []fedmsg.Entry) { s.live.Publish(entries) }
	log, err := commitlog.Open(filepath.Join(s.dir, "log"), s.o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = log
	info := log.Info()
	s.live = feed.New(feed.Config{Log: info.ID, Last: info.Last, Open: func(after uint64) feed.LogReader { return log.Reader(after) }})
	s.deps = Deps{
		Log: log, Feed: s.live, Place: filepath.Join(s.dir, "place"), Gaps: filepath.Join(s.dir, "gaps"),
		Open:   func(ctx context.Context) (archive.Store, error) { return s.store, s.store.fault("open") },
		Ledger: &ledgerFake{},
	}
}

func (s *site) closeLog() {
	if err := s.log.Close(); err != nil {
		s.t.Error(err)
	}
	s.live.Close()
}

// start starts an archiver, which the test's end stops if it still runs.
func (s *site) start() *Archiver {
	s.t.Helper()
	a, err := New(s.deps)
	if err != nil {
		s.t.Fatal(err)
	}
	a.retry.Policy.First, a.retry.Policy.Max = time.Millisecond, 4*time.Millisecond
	a.Start()
	s.t.Cleanup(func() { s.stop(a) })
	return a
}

func (s *site) stop(a *Archiver) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		s.t.Error(err)
	}
}

// publish stores so many entries and gives the position of the last.
func (s *site) publish(n int) fedmsg.Position {
	s.t.Helper()
	var records []fedmsg.Record
	for range n {
		s.made++
		topic, id := "org.example.dev.lab.step", fmt.Sprintf("m-%d", s.made)
		records = append(records, fedmsg.Record{
			ID: id, Topic: topic,
			Envelope: fmt.Appendf(nil, `{"topic":%q,"msg_id":%q,"msg":{"n":%d}}`, topic, id, s.made),
		})
	}
	ticket, err := s.log.Submit(s.t.Context(), records...)
	if err != nil {
		s.t.Fatal(err)
	}
	outcomes, err := ticket.Wait(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return outcomes[len(outcomes)-1].Receipt.Position
}

// await waits until the archive has everything up to the position.
func (s *site) await(a *Archiver, p fedmsg.Position) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := a.Await(ctx, p); err != nil {
		s.t.Fatal(err)
	}
}

// rows gives the ids in the store in the order of their keys.
func (s *site) rows() []string {
	s.t.Helper()
	heads, err := s.store.Heads(context.Background(), archive.Window{To: 1 << 62}, 1<<30)
	if err != nil {
		s.t.Fatal(err)
	}
	var ids []string
	for _, h := range heads {
		rows, err := s.store.Rows(context.Background(), []archive.Key{h.Key})
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, rows[0].Entry.ID)
	}
	return ids
}

// equal holds the rows against the entries from one number to the last that was published.
func (s *site) equal(from int) {
	s.t.Helper()
	var want []string
	for n := from; n <= s.made; n++ {
		want = append(want, fmt.Sprintf("m-%d", n))
	}
	if got := s.rows(); strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("the archive has %d rows: %s; want %d from m-%d on", len(got), excerpt(got), len(want), from)
	}
}

func excerpt(ids []string) string {
	if len(ids) > 20 {
		return strings.Join(ids[:10], " ") + " … " + strings.Join(ids[len(ids)-10:], " ")
	}
	return strings.Join(ids, " ")
}

// faulty is a store that fails as it is told to. It is closed and opened without losing anything.
type faulty struct {
	archive.Store

	mu     sync.Mutex
	before func(op string) error // fails what is not done; guarded by mu
	after  func(op string) error // fails what is done; guarded by mu
	sizes  []int                 // of the batches; guarded by mu
}

var errStore = errors.New("the store's disk is on fire")

// set changes how it fails.
func (f *faulty) set(before, after func(op string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

func (f *faulty) fault(op string) error {
	return f.ask(op, func() func(string) error { return f.before })
}

func (f *faulty) late(op string) error {
	return f.ask(op, func() func(string) error { return f.after })
}

func (f *faulty) ask(op string, which func() func(string) error) error {
	f.mu.Lock()
	ask := which()
	f.mu.Unlock()
	if ask == nil {
		return nil
	}
	return ask(op)
}

func (f *faulty) Append(ctx context.Context, drafts []archive.Draft, at fedmsg.Position) (archive.Appended, error) {
	if err := f.fault("append"); err != nil {
		return archive.Appended{}, err
	}
	f.mu.Lock()
	f.sizes = append(f.sizes, len(drafts))
	f.mu.Unlock()
	done, err := f.Store.Append(ctx, drafts, at)
	if err == nil {
		err = f.late("append")
	}
	return done, err
}

func (f *faulty) Redact(ctx context.Context, r archive.Redaction) (bool, error) {
	if err := f.fault("redact"); err != nil {
		return false, err
	}
	done, err := f.Store.Redact(ctx, r)
	return done, errors.Join(err, f.late("redact"))
}

func (f *faulty) Position(ctx context.Context, log fedmsg.LogID) (fedmsg.Position, error) {
	if err := f.fault("position"); err != nil {
		return fedmsg.Position{}, err
	}
	return f.Store.Position(ctx, log)
}

func (f *faulty) Close() error { return nil }

// always fails one operation.
func always(op string, err error) func(string) error {
	return func(is string) error {
		if is == op {
			return err
		}
		return nil
	}
}

// sometimes fails any operation now and then.
func sometimes(rnd *rand.Rand, one int) func(string) error {
	var mu sync.Mutex
	return func(op string) error {
		mu.Lock()
		defer mu.Unlock()
		if rnd.IntN(one) == 0 {
			return errStore
		}
		return nil
	}
}

// awaitState waits until what there is to tell is as wanted.
func (s *site) awaitState(a *Archiver, is func(*state) bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		if st := a.snapshot(); is(&st) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("the archive is not as it should be: %+v", a.Status())
		}
	}
}
