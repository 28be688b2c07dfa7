package seqid_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/seqid"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// site is a log and the file of a book beside it.
type site struct {
	dir string
	log *commitlog.Log
	now time.Time
	o   commitlog.Options
}

// newSite opens a log in a new directory.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	s.open(t)
	t.Cleanup(func() { s.close(t) })
	return s
}

func (s *site) open(t testing.TB) {
	t.Helper()
	s.o.Now = func() time.Time { return s.now }
	log, err := commitlog.Open(filepath.Join(s.dir, "log"), s.o)
	if err != nil {
		t.Fatal(err)
	}
	s.log = log
}

func (s *site) close(t testing.TB) {
	t.Helper()
	if err := s.log.Close(); err != nil {
		t.Error(err)
	}
}

// config is that of a book of this site.
func (s *site) config() seqid.Config {
	log := s.log
	return seqid.Config{Path: filepath.Join(s.dir, "numbered.json"), Log: seqid.Log{
		ID: log.Info().ID,
		Bounds: func() (uint64, uint64) {
			i := log.Info()
			return i.First, i.Last
		},
		Open: func(after uint64) seqid.Reader { return log.Reader(after) },
	}}
}

func (s *site) book(t testing.TB) *seqid.Book {
	t.Helper()
	b, err := seqid.Open(s.config())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// numbered is a record that the node made; 0 has no number.
func numbered(n uint64) fedmsg.Record {
	id := fmt.Sprintf("made-%d-%d", n, rand.Uint64())
	return fedmsg.Record{ID: id, Topic: "a.b", Made: true, FreshID: true, Envelope: wire.AppendEnvelope(nil, &wire.Draft{Topic: "a.b", ID: id, SeqID: n, Body: []byte(`{"seq_id":7}`)})}
}

// foreign is a record that somebody else made and numbered.
func foreign(n uint64) fedmsg.Record {
	r := numbered(n)
	r.Made = false
	return r
}

func (s *site) add(t testing.TB, records ...fedmsg.Record) {
	t.Helper()
	for len(records) > 0 {
		n := min(len(records), 10000)
		ticket, err := s.log.Submit(t.Context(), records[:n]...)
		if err != nil {
			t.Fatal(err)
		}
		out, err := ticket.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
		records = records[n:]
	}
}

// foreigners are so many records without a number of this node's.
func foreigners(n int) (all []fedmsg.Record) {
	for range n {
		all = append(all, foreign(4711))
	}
	return all
}

func TestNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	want := func(n uint64) {
		t.Helper()
		if got := s.book(t).Next(); got != n {
			t.Errorf("next is %d, want %d", got, n)
		}
	}
	want(1)
	s.add(t, foreign(99), numbered(0))
	want(1)
	s.add(t, numbered(1), foreign(99), numbered(2))
	want(3)
	s.add(t, numbered(3), numbered(4))
	copied := numbered(77)
	copied.Origin = fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 1} // another node made it
	s.add(t, copied)
	s.add(t, foreigners(10000)...)
	if err := os.Remove(s.config().Path); err != nil {
		t.Fatal(err)
	}
	want(5)
	s.add(t, numbered(0)) // numbers are switched off for a while, and on again
	want(5)
	s.close(t)
	s.open(t)
	want(5)
}

// TestNextRedacted holds that the number of a message that was redacted is not given again.
func TestNextRedacted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	last := numbered(3)
	s.add(t, numbered(1), numbered(2), last, foreign(99))
	if _, found, err := s.log.Redact(t.Context(), last.ID, sha256.Sum256(last.Envelope)); err != nil || !found {
		t.Fatal(found, err)
	}
	if n := s.book(t).Next(); n != 4 {
		t.Errorf("next is %d, want 4", n)
	}
}

// TestNextTrimmed holds that no number is given twice where retention removed the entries that had the last ones, whether the
// file knew of them or not.
func TestNextTrimmed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		saved bool
		want  uint64
	}{{"the file knew", true, 61}, {"the file did not", false, 20 + 40 + 1}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.close(t)
			s.o.MaxAge = 24 * time.Hour
			s.open(t)
			b := s.book(t)
			for n := range uint64(20) {
				s.add(t, numbered(n+1))
			}
			if err := b.Save(); err != nil {
				t.Fatal(err)
			}
			for n := range uint64(40) {
				s.add(t, numbered(n+21))
			}
			if test.saved {
				if err := b.Save(); err != nil {
					t.Fatal(err)
				}
			}
			s.trimAll(t)
			if got := s.book(t).Next(); got != test.want {
				t.Errorf("next is %d, want %d", got, test.want)
			}
		})
	}
}

// trimAll has retention remove everything.
func (s *site) trimAll(t testing.TB) {
	t.Helper()
	s.now = s.now.Add(48 * time.Hour)
	s.close(t)
	s.open(t)
	for i := s.log.Info(); i.First <= i.Last; i = s.log.Info() {
		select {
		case <-t.Context().Done():
			t.Fatal("retention removed nothing")
		case <-time.After(time.Millisecond):
		}
	}
}

// TestNextOtherLog holds that numbers go on, with room for what cannot be known, where the log is another one or an older copy.
func TestNextOtherLog(t *testing.T) {
	t.Parallel()
	prepare := func(t *testing.T) *site {
		s := newSite(t)
		s.add(t, numbered(1), numbered(2))
		s.book(t)
		s.close(t)
		return s
	}
	var said strings.Builder
	want := func(t *testing.T, s *site, n uint64) {
		t.Helper()
		c := s.config()
		c.Logger = slog.New(slog.NewTextHandler(&said, nil))
		b, err := seqid.Open(c)
		if err != nil || b.Next() != n {
			t.Fatalf("next is %d (%v), want %d", b.Next(), err, n)
		}
		s.add(t, numbered(b.Next()))
		if b = s.book(t); b.Next() != n+1 {
			t.Errorf("then next is %d, want %d", b.Next(), n+1)
		}
	}
	remove := func(t *testing.T, s *site) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(s.dir, "log")); err != nil {
			t.Fatal(err)
		}
	}
	s := prepare(t)
	remove(t, s)
	s.open(t)
	want(t, s, 100_000_003)
	if !strings.Contains(said.String(), "numbers are passed over") {
		t.Errorf("said %q", said.String())
	}

	s = prepare(t)
	if _, err := commitlog.Adopt(filepath.Join(s.dir, "log"), s.o); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	want(t, s, 100_000_003)

	s = prepare(t)
	older := t.TempDir()
	if err := os.CopyFS(older, os.DirFS(filepath.Join(s.dir, "log"))); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	s.add(t, numbered(3))
	s.book(t)
	s.close(t)
	remove(t, s)
	if err := os.CopyFS(filepath.Join(s.dir, "log"), os.DirFS(older)); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	want(t, s, 100_000_004)
}

func TestBadFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(t, numbered(1))
	s.book(t)
	path := s.config().Path
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{}", strings.Replace(string(good), `"last":1`, `"last":2`, 1), string(good[:len(good)/2])} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seqid.Open(s.config()); fedmsg.CodeOf(err) != fedmsg.CodeDamaged || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestRun holds that the file follows the log, and is up to date at the end.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		b := s.book(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		says := func(last int) {
			t.Helper()
			synctest.Wait()
			text, err := os.ReadFile(s.config().Path)
			if err != nil || !strings.Contains(string(text), fmt.Sprintf(`"last":%d,`, last)) {
				t.Errorf("the file says %s (%v), want %d", text, err, last)
			}
		}
		s.add(t, numbered(1))
		time.Sleep(10 * time.Second)
		says(1)
		s.add(t, numbered(2))
		says(1)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		says(2)
	})
}

// TestFind looks for numbers in logs of every shape: many and few entries with numbers, holes, and a part that is trimmed.
func TestFind(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, rarity := range []int{1, 2, 50, 3000} {
		t.Run(fmt.Sprintf("one in %d", rarity), func(t *testing.T) {
			s := newSite(t)
			var records []fedmsg.Record
			places := map[uint64]uint64{} // of each number
			var numbers []uint64
			next := uint64(1)
			for range 12000 {
				if random.IntN(rarity) > 0 {
					records = append(records, foreign(uint64(random.IntN(1000))))
					continue
				}
				if random.IntN(100) == 0 {
					next += uint64(random.IntN(1000))
				}
				records = append(records, numbered(next))
				places[next] = uint64(len(records))
				numbers = append(numbers, next)
				next++
			}
			s.add(t, records...)
			b := s.book(t)
			for range 500 {
				n := uint64(random.IntN(int(next) + 2))
				want := uint64(0)
				for _, m := range numbers {
					if m >= max(n, 1) {
						want = places[m]
						break
					}
				}
				at, ok, err := b.Find(n)
				if err != nil || ok != (want != 0) || at != want {
					t.Fatalf("%d is at %d, %v (%v), want %d", n, at, ok, err, want)
				}
			}
		})
	}
}

// TestFindIsCheap holds that looking for a number reads little of the log, and that where few entries have one nothing is read
// again and again.
func TestFindIsCheap(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	records := append(foreigners(30000), numbered(1), numbered(2))
	records = append(append(records, foreigners(30000)...), numbered(3))
	for n := range uint64(20000) {
		records = append(records, numbered(n+4))
	}
	s.add(t, records...)
	c, read := s.counted()
	b, err := seqid.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if *read > 100 {
		t.Errorf("opening read %d entries", *read)
	}
	for _, n := range []uint64{2, 3, 10000, 20003, 30000} {
		for _, most := range []int{70000, 1000} {
			*read = 0
			if _, _, err := b.Find(n); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d: %d read", n, *read)
			if *read > most {
				t.Errorf("%d: %d entries were read, at most %d are", n, *read, most)
			}
		}
	}
}

// counting counts what is read.
type counting struct {
	seqid.Reader
	read *int
}

func (c *counting) Next() (*fedmsg.Entry, error) {
	*c.read++
	return c.Reader.Next()
}

// counted is the config of a book of this site that counts what is read.
func (s *site) counted() (seqid.Config, *int) {
	read := 0
	c := s.config()
	open := c.Log.Open
	c.Log.Open = func(after uint64) seqid.Reader { return &counting{open(after), &read} }
	return c, &read
}

// TestOpenLargeLog holds that a node starts whatever its log has, also without the file, and fast with it.
func TestOpenLargeLog(t *testing.T) {
	if !fedmsgtest.Long() {
		t.Log("with a tenth of the entries; run with --long for 10^6")
	}
	n := fedmsgtest.Count(100_000, 1_000_000)
	s := newSite(t)
	s.add(t, numbered(1))
	s.add(t, foreigners(n)...)
	began := time.Now()
	if got := s.book(t).Next(); got != 2 {
		t.Errorf("next is %d, want 2", got)
	}
	t.Logf("measured: %d entries without a number at the end: %v without the file", n, time.Since(began))
	c, read := s.counted()
	if _, err := seqid.Open(c); err != nil {
		t.Fatal(err)
	}
	if *read > 100 {
		t.Errorf("opening with the file read %d entries", *read)
	}
}
