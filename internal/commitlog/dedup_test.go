package commitlog

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// TestSameID submits equal and unequal content under one id wherever the first may be: in the same submission, in the same
// batch, in flight, in the active segment, in a full one with its index in memory and on disk, after a restart.
func TestSameID(t *testing.T) {
	same, other := record(1, 100), record(1, 101)
	check := func(t *testing.T, out []fedmsg.Outcome, seq uint64) {
		t.Helper()
		if out[0].Err != nil || !out[0].Receipt.Duplicate || out[0].Receipt.Seq != seq || out[0].Receipt.ID != same.ID {
			t.Errorf("equal content: %+v", out[0])
		}
		if fedmsg.CodeOf(out[1].Err) != fedmsg.CodeIDConflict {
			t.Errorf("unequal content: %+v", out[1])
		}
	}
	dir := t.TempDir()
	o := Options{SegmentBytes: 4000}
	l := openLog(t, dir, o)
	t.Run("submission", func(t *testing.T) {
		out := submit(t, l, same, same, other)
		if out[0].Err != nil || out[0].Receipt.Duplicate || out[0].Receipt.Seq != 1 {
			t.Fatalf("%+v", out[0])
		}
		check(t, out[1:], 1)
	})
	t.Run("active", func(t *testing.T) { check(t, submit(t, l, same, other), 1) })
	t.Run("single", func(t *testing.T) { check(t, append(submit(t, l, same), submit(t, l, other)...), 1) })
	t.Run("full", func(t *testing.T) {
		for i := 0; l.Info().Segments == 1; i++ {
			mustSubmit(t, l, record(100+i, 300))
		}
		check(t, submit(t, l, same, other), 1)
	})
	t.Run("index", func(t *testing.T) {
		l.writeIndexes()
		check(t, submit(t, l, same, other), 1)
	})
	t.Run("restart", func(t *testing.T) {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openLog(t, dir, o)
		check(t, submit(t, l, same, other), 1)
	})
	if stats := l.Stats(); stats.Duplicates != 1 || stats.Refused != 1 {
		t.Errorf("%+v", stats)
	}
}

// TestSameIDInFlight submits while the first one's fsync is underway.
func TestSameIDInFlight(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk})
	inSync, goOn := make(chan struct{}, 10), make(chan struct{})
	disk.SetHooks(func(_ int, op durabletest.Op, _ string) error {
		if op == durabletest.OpSync {
			inSync <- struct{}{}
			<-goOn
		}
		return nil
	}, nil)
	var tickets []fedmsg.Ticket
	for i, r := range []fedmsg.Record{record(1, 100), record(1, 100), record(1, 101), record(2, 100), record(2, 100)} {
		ticket, err := l.Submit(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket)
		if i == 0 {
			<-inSync
		}
	}
	if _, ok, err := l.Find(record(1, 100).ID); ok || err != nil {
		t.Errorf("an entry that is not durable is shown: %v %v", ok, err)
	}
	close(goOn)
	want := []struct {
		seq       uint64
		duplicate bool
		code      fedmsg.Code
	}{{1, false, ""}, {1, true, ""}, {0, false, fedmsg.CodeIDConflict}, {2, false, ""}, {2, true, ""}}
	for i, ticket := range tickets {
		out, err := ticket.Wait(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if o, w := out[0], want[i]; o.Receipt.Seq != w.seq || o.Receipt.Duplicate != w.duplicate || fedmsg.CodeOf(o.Err) != w.code {
			t.Errorf("%d: %+v", i, o)
		}
	}
}

// TestSameFunction shows that content is what Same says.
func TestSameFunction(t *testing.T) {
	var asked int
	o := Options{FS: durabletest.NewDisk(), Same: func(stored *fedmsg.Entry, r *fedmsg.Record) bool {
		asked++
		return stored.Topic == r.Topic && stored.Made == r.Made
	}}
	l := openLog(t, testDir, o)
	mustSubmit(t, l, record(1, 10))
	if r := mustSubmit(t, l, record(1, 20)); !r[0].Duplicate || asked != 1 {
		t.Errorf("%+v, asked %d times", r, asked)
	}
}

// TestFreshID shows that an id made just now is not looked for, but is found by those who come later.
func TestFreshID(t *testing.T) {
	l := openLog(t, testDir, Options{FS: durabletest.NewDisk()})
	r := record(1, 10)
	r.FreshID = true
	mustSubmit(t, l, r)
	r.FreshID = false
	if got := mustSubmit(t, l, r); !got[0].Duplicate {
		t.Errorf("%+v", got)
	}
}

// TestRecordLimits refuses what the format cannot hold, and only that.
func TestRecordLimits(t *testing.T) {
	l := openLog(t, testDir, Options{FS: durabletest.NewDisk()})
	noID, longID, longTopic, good := record(1, 10), record(2, 10), record(3, 10), record(4, 10)
	noID.ID = ""
	longID.ID = fmt.Sprintf("%05000d", 1)
	longTopic.Topic = fmt.Sprintf("%05000d", 1)
	huge := record(5, maxPayload)
	out := submit(t, l, noID, longID, longTopic, huge, good)
	for i, code := range []fedmsg.Code{fedmsg.CodeBadID, fedmsg.CodeBadID, fedmsg.CodeTooLarge, fedmsg.CodeTooLarge, ""} {
		if fedmsg.CodeOf(out[i].Err) != code {
			t.Errorf("record %d: %v", i, out[i].Err)
		}
	}
	if out[4].Receipt.Seq != 1 {
		t.Errorf("%+v", out[4])
	}
}

// TestSubmissionLimit refuses a submission whose offsets would not fit.
func TestSubmissionLimit(t *testing.T) {
	l := openLog(t, testDir, Options{FS: durabletest.NewDisk()})
	rs := records(0, maxSubmission>>20, 0)
	envelope := make([]byte, 1<<20) // shared by all, so that this costs no memory
	for i := range rs {
		rs[i].Envelope = envelope
	}
	if _, err := l.Submit(context.Background(), rs...); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge {
		t.Errorf("%v", err)
	}
}

// TestConcurrent has writers, each with an order of its own, some with ids that others use too, and readers from the
// beginning, over many segments.
func TestConcurrent(t *testing.T) {
	const writers, each = 8, 150
	l := openLog(t, t.TempDir(), Options{SegmentBytes: 20_000, QueueBytes: 50_000})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var tickets []fedmsg.Ticket
			for i := range each {
				n := w*each + i
				if i%10 == 0 {
					n = 1_000_000 + i // everybody sends this one
				}
				ticket, err := l.Submit(context.Background(), record(n, 100))
				if err != nil {
					t.Error(err)
					return
				}
				tickets = append(tickets, ticket)
			}
			last := uint64(0)
			for i, ticket := range tickets {
				out, err := ticket.Wait(context.Background())
				if err != nil || out[0].Err != nil {
					t.Error(err, out)
					return
				}
				if i%10 != 0 && (out[0].Receipt.Duplicate || out[0].Receipt.Seq <= last) {
					t.Errorf("order: %+v after %d", out[0].Receipt, last)
				}
				if i%10 != 0 {
					last = out[0].Receipt.Seq
				}
			}
		})
	}
	const want = writers*each - (writers-1)*each/10
	for range 4 {
		wg.Go(func() {
			r := l.Reader(0)
			defer r.Close() //nolint:errcheck // nothing was written
			for next := uint64(1); next <= want; {
				e, err := r.Next()
				if isEOF(err) {
					runtime.Gosched()
					continue
				}
				if err != nil || e.Position.Seq != next {
					t.Errorf("at %d: %+v %v", next, e, err)
					return
				}
				if found, ok, err := l.Find(e.ID); next%50 == 0 && (err != nil || !ok || found.Position != e.Position) {
					t.Errorf("Find at %d: %+v %v %v", next, found, ok, err)
				}
				next++
			}
		})
	}
	wg.Wait()
	if info := l.Info(); info.Last != want || info.Segments < 10 {
		t.Errorf("%+v", info)
	}
}

// TestIndexMemory measures what full segments keep in memory: at most 4 bytes a message.
func TestIndexMemory(t *testing.T) {
	dir, o := t.TempDir(), Options{SegmentBytes: 4 << 20}
	l := openLog(t, dir, o)
	const count = 100_000
	for i := 0; i < count; i += 1000 {
		mustSubmit(t, l, records(i, 1000, 10)...)
	}
	mustSubmit(t, l, record(count, 4<<20)) // so that all the others are in full segments
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := heap()
	l = openLog(t, dir, o)
	grown := float64(heap()) - float64(before)
	if segments := l.Info().Segments; segments < 5 {
		t.Fatalf("%d segments", segments)
	}
	t.Logf("%.2f bytes a message", grown/count)
	if grown/count > 4 {
		t.Errorf("%.2f bytes a message, 4 are allowed", grown/count)
	}
	if r := mustSubmit(t, l, record(77, 10)); !r[0].Duplicate {
		t.Errorf("%+v", r)
	}
}

// heap is what lives on the heap.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestFilterRate measures how many unknown ids a filter lets through: each costs reads.
func TestFilterRate(t *testing.T) {
	f := newBloom(50_000)
	for i := range 50_000 {
		f.add(idHash(fmt.Sprint("in", i)))
	}
	through := 0
	for i := range 200_000 {
		if f.has(idHash(fmt.Sprint("out", i))) {
			through++
		}
	}
	for i := range 50_000 {
		if !f.has(idHash(fmt.Sprint("in", i))) {
			t.Fatalf("id %d is not found", i)
		}
	}
	t.Logf("1 in %d", 200_000/max(1, through))
	if through > 200_000/400 {
		t.Errorf("%d of 200000 unknown ids pass", through)
	}
}
