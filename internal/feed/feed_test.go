package feed

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/federated-messaging/fedmsg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// follower checks that a cursor gives every number once and in order, or a gap over what has been trimmed.
type follower struct {
	cursor *Cursor
	seen   uint64
}

// drain reads everything there is.
func (f *follower) drain(t interface{ Fatalf(string, ...any) }, l *fakeLog) {
	for {
		it, err := f.cursor.Next()
		if err == io.EOF {
			return
		}
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			if gap.From.Seq != f.seen+1 || gap.To.Seq > l.trimmed {
				t.Fatalf("behind %d came %v; the log is trimmed to %d", f.seen, gap, l.trimmed)
			}
			f.seen = gap.To.Seq
			continue
		}
		if err != nil {
			t.Fatalf("behind %d: %v", f.seen, err)
		}
		if it.Entry.Position != at(f.seen+1) || f.cursor.Position() != at(f.seen+1) {
			t.Fatalf("behind %d came %v; the cursor says %v", f.seen, it.Entry.Position, f.cursor.Position())
		}
		f.seen++
	}
}

// TestCursorSequence holds that cursors lose, repeat and reorder nothing, whatever ring, trimming and timing are.
func TestCursorSequence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log := &fakeLog{}
		log.grow(rapid.IntRange(0, 20).Draw(rt, "before"))
		f := New(Config{
			Log: logID, Last: uint64(len(log.entries)), Open: log.reader,
			RingBytes: rapid.IntRange(1, 10000).Draw(rt, "ringBytes"), RingEntries: rapid.IntRange(1, 20).Draw(rt, "ringEntries"),
		})
		defer f.Close()
		var all []*follower
		rt.Repeat(map[string]func(*rapid.T){
			"publish": func(rt *rapid.T) { f.Publish(log.grow(rapid.IntRange(0, 30).Draw(rt, "n"))) },
			"skip": func(rt *rapid.T) { // durable, and not published: the ring starts anew behind it
				log.grow(rapid.IntRange(1, 3).Draw(rt, "n"))
				f.Publish(log.grow(1))
			},
			"trim": func(rt *rapid.T) { log.trim(rapid.Uint64Range(0, uint64(len(log.entries))).Draw(rt, "to")) },
			"open": func(rt *rapid.T) {
				after := rapid.Uint64Range(0, uint64(len(log.entries))).Draw(rt, "after")
				all = append(all, &follower{cursor: f.Cursor(after), seen: after})
			},
			"step": func(rt *rapid.T) {
				if len(all) == 0 {
					return
				}
				c := all[rapid.IntRange(0, len(all)-1).Draw(rt, "who")]
				if it, err := c.cursor.Next(); err == nil {
					if it.Entry.Position != at(c.seen+1) {
						rt.Fatalf("behind %d came %v", c.seen, it.Entry.Position)
					}
					c.seen++
				} else if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
					c.seen = gap.To.Seq
				}
			},
			"recent": func(rt *rapid.T) {
				if len(all) == 0 {
					return
				}
				c := all[rapid.IntRange(0, len(all)-1).Draw(rt, "who")]
				opened := log.opened
				if it, ok := c.cursor.Recent(); ok {
					if c.seen++; it.Entry.Position != at(c.seen) {
						rt.Fatalf("behind %d came %v", c.seen-1, it.Entry.Position)
					}
				}
				if log.opened != opened {
					rt.Fatal("what is in memory was looked for in the log")
				}
			},
			"over": func(rt *rapid.T) {
				if len(all) == 0 {
					return
				}
				c := all[rapid.IntRange(0, len(all)-1).Draw(rt, "who")]
				to := rapid.Uint64Range(0, f.Last().Seq).Draw(rt, "to")
				c.cursor.Skip(to)
				c.seen = max(c.seen, to)
			},
			"": func(rt *rapid.T) {},
		})
		for _, c := range all {
			c.drain(rt, log)
			if c.seen != uint64(len(log.entries)) {
				rt.Fatalf("cursor ends at %d of %d", c.seen, len(log.entries))
			}
			_ = c.cursor.Close()
		}
		if log.open != 0 {
			rt.Fatalf("%d readers of the log are still open", log.open)
		}
	})
}

// TestCursorRace holds the same while the publisher and the cursors race over a ring of a few entries.
func TestCursorRace(t *testing.T) {
	const total = 20000
	log := &fakeLog{}
	f := newFeed(t, log, 2000, 4)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := &follower{cursor: f.Cursor(0)}
			defer c.cursor.Close()
			for c.seen < total {
				c.drain(t, log)
				if c.seen < total {
					c.cursor.Wait()
				}
			}
		})
	}
	for n := 0; n < total; n += 10 {
		f.Publish(log.grow(10))
	}
	wg.Wait()
}

func TestWaitReturnsForEveryEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &fakeLog{}
		f := New(Config{Log: logID, Open: log.reader})
		c := f.Cursor(0)
		for n := range uint64(3) {
			done := make(chan struct{})
			go func() { c.Wait(); close(done) }()
			synctest.Wait()
			select {
			case <-done:
				t.Fatalf("Wait returned with nothing to read behind %d", n)
			default:
			}
			f.Publish(log.grow(1))
			<-done
			if it, err := c.Next(); err != nil || it.Entry.Position.Seq != n+1 {
				t.Fatalf("got %v, %v behind %d", it.Entry, err, n)
			}
		}
		f.Publish(log.grow(1))
		synctest.Wait() // the waker has been and has met nobody
		c.Wait()
		c.Wake()
		c.Wait() // the wake-up that came early counts
		f.Close()
		c.Wait()
		if _, err := c.Next(); err != nil {
			t.Fatalf("what was published before Close is not given after it: %v", err)
		}
		if _, err := c.Next(); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
			t.Fatalf("after Close: %v", err)
		}
	})
}

// TestWakePause holds that the first entry wakes its readers at once and the next ones wait for it to be paid for, and that
// Close does not wait.
func TestWakePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 1000
		log := &fakeLog{}
		f := New(Config{Log: logID, Open: log.reader})
		woken := make(chan time.Time, readers)
		round := func() {
			for range readers {
				c := f.Cursor(f.Last().Seq)
				go func() { c.Wait(); woken <- time.Now() }()
			}
			synctest.Wait()
		}
		start := time.Now()
		for i := range 3 {
			round()
			f.Publish(log.grow(1))
			for range readers {
				if got, want := (<-woken).Sub(start), time.Duration(i)*readers*wakePause; got != want {
					t.Fatalf("round %d: woken after %v, want %v", i, got, want)
				}
			}
		}
		round()
		f.Close()
		for range readers {
			if got, want := (<-woken).Sub(start), 2*readers*wakePause; got != want {
				t.Fatalf("Close: woken after %v, want %v", got, want)
			}
		}
	})
}

func TestWaitContext(t *testing.T) {
	f := newFeed(t, &fakeLog{}, 0, 0)
	c := f.Cursor(0)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if err := c.WaitContext(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_ = c.Close()
	if len(f.waiting) != 0 {
		t.Fatal("a closed cursor still waits")
	}
}

// TestSharedEncoding holds that what comes from the ring has the same bytes as what comes from the log.
func TestSharedEncoding(t *testing.T) {
	log := &fakeLog{}
	f := newFeed(t, log, 0, 0)
	f.Publish(log.grow(1))
	e := log.entries[0]
	e.NotIJSON = true
	for _, entry := range []*fedmsg.Entry{&log.entries[0], &e} {
		ring, plain := Item{Entry: entry, shared: &shared{entry: entry}}, Item{Entry: entry}
		for name, form := range map[string]func(Item, []byte) []byte{"json": Item.AppendJSON, "line": Item.AppendLine, "event": Item.AppendEvent} {
			if a, b := string(form(ring, nil)), string(form(plain, nil)); a != b {
				t.Errorf("%s: ring %q, log %q", name, a, b)
			}
		}
		if text, _ := ring.shared.encoded(); len(text) > encodedSize(entry) {
			t.Errorf("encoding has %d bytes, estimated %d", len(text), encodedSize(entry))
		}
	}
}

// TestRingBounds holds that the ring keeps within its bytes and that a cursor at its end needs no log.
func TestRingBounds(t *testing.T) {
	log := &fakeLog{}
	f := newFeed(t, log, 10000, 1024)
	for range 100 {
		f.Publish(log.grow(7))
		if f.ring.bytes > 10000 || f.ring.bytes <= 0 {
			t.Fatalf("ring holds %d bytes", f.ring.bytes)
		}
	}
	held := f.ring.next - f.ring.first.Load()
	if want := uint64(10000 / cost(&log.entries[0])); held < want-2 || held > want+2 {
		t.Fatalf("ring holds %d entries, about %d fit", held, want)
	}
	c := &follower{cursor: f.Cursor(700 - held), seen: 700 - held}
	c.drain(t, log)
	if log.opened != 0 || c.seen != 700 {
		t.Fatalf("opened the log %d times for entries of the ring; saw %d", log.opened, c.seen)
	}
}

// TestEdgeOfRing holds that a cursor which is always at the ring's edge does not open the log again and again.
func TestEdgeOfRing(t *testing.T) {
	log := &fakeLog{}
	f := newFeed(t, log, 1<<20, 64)
	f.Publish(log.grow(1000))
	c := f.Cursor(1000 - 64)
	for i := range 100 {
		f.Publish(log.grow(3))  // puts the cursor behind the ring's edge
		for range 4 - 2*(i%2) { // goes over the edge, or not
			want := c.Position().Seq + 1
			if it, err := c.Next(); err != nil || it.Entry.Position.Seq != want {
				t.Fatal(it, err)
			}
		}
	}
	if log.opened != 1 {
		t.Fatalf("opened the log %d times", log.opened)
	}
	_ = c.Close()
	if log.open != 0 {
		t.Fatal("a closed cursor holds the log open")
	}
}

// TestIdleCursorHoldsNoLog holds that a cursor which came to the end by a gap lets go of the log.
func TestIdleCursorHoldsNoLog(t *testing.T) {
	log := &fakeLog{}
	log.grow(10)
	log.trim(10)
	f := newFeed(t, log, 0, 0)
	c := &follower{cursor: f.Cursor(3), seen: 3}
	c.drain(t, log)
	if c.seen != 10 || log.open != 0 {
		t.Fatalf("at %d with %d readers of the log open", c.seen, log.open)
	}
}

// TestRingRestart holds that a hole between two batches leaves the ring of use behind it.
func TestRingRestart(t *testing.T) {
	log := &fakeLog{}
	f := newFeed(t, log, 0, 0)
	f.Publish(log.grow(3))
	log.grow(3)
	f.Publish(log.grow(3))
	for _, after := range []uint64{0, 6} {
		c := &follower{cursor: f.Cursor(after), seen: after}
		opened := log.opened
		c.drain(t, log)
		if c.seen != 9 || (after == 6) != (log.opened == opened) {
			t.Errorf("behind %d the cursor came to %d, opening the log %d times", after, c.seen, log.opened-opened)
		}
	}
}

func TestLogShorterThanFeed(t *testing.T) {
	log := &fakeLog{}
	f := New(Config{Log: logID, Last: 5, Open: log.reader})
	defer f.Close()
	if _, err := f.Cursor(0).Next(); fedmsg.CodeOf(err) != fedmsg.CodeInternal {
		t.Fatal(err)
	}
}

func BenchmarkCursorRing(b *testing.B) {
	log := &fakeLog{}
	f := newFeed(b, log, 64<<20, 16<<10)
	f.Publish(log.grow(10000))
	c := f.Cursor(0)
	for b.Loop() {
		if _, err := c.Next(); err == io.EOF {
			c = f.Cursor(0)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	log := &fakeLog{}
	f := newFeed(b, log, 0, 0)
	entries := log.grow(100)
	for b.Loop() {
		for i := range entries {
			entries[i].Position.Seq += 100
		}
		f.Publish(entries)
	}
}
