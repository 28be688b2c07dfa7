package deliver

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestMoreRemarksThanAreKept holds that of each entry that was remarked upon something is told, also when that was too much to be kept,
// now and after a restart.
func TestMoreRemarksThanAreKept(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		sink := &fakeSink{remark: func(seq uint64) string {
			if seq > 2000 {
				return ""
			}
			return fmt.Sprintf("nobody is bound to its topic, number %d", seq)
		}}
		log.add("org.test.a", 2001)
		s := startSet(t, log, dir, config(t, "one"), sink)
		settleDown(10 * time.Second)
		check := func() {
			t.Helper()
			for _, seq := range []uint64{1, 2, 127, 128, 129, 130, 500, 1999, 2000, 2001} {
				d := s.Deliveries(log.entry(seq))[0]
				exact := strings.HasSuffix(d.Reason, fmt.Sprint("number ", seq))
				if d.State != fedmsg.DeliveryDelivered || (d.Reason != "") != (seq <= 2000) || exact != (seq <= maxNotes) {
					t.Fatalf("entry %d: %+v", seq, d)
				}
			}
		}
		check()
		stop(t, s)
		s = startSet(t, log, dir, config(t, "one"), sink)
		check()
	})
}

// TestForgottenIsUnknown holds that an entry is not said to be delivered when it is no longer known that it was skipped, and that those
// which were not skipped are.
func TestForgottenIsUnknown(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 30)
		s := startSet(t, log, dir, config(t, "one"), sink)
		settleDown(time.Minute)
		r := s.runners[0]
		for i := range uint64(20) { // as the past would have it
			l := line{Kind: lineSkip, Log: testLog, From: 10 + i, To: 10 + i, Reason: strings.Repeat("long ", 400)}
			for range 20 {
				if err := r.records.journal.add(l); err != nil {
					t.Fatal(err)
				}
			}
		}
		check := func(want map[uint64]fedmsg.DeliveryState) {
			t.Helper()
			for seq, state := range want {
				if d := s.Deliveries(log.entry(seq))[0]; d.State != state || (d.Reason == "") != (state == "delivered") {
					t.Errorf("entry %d: %.200v", seq, d)
				}
			}
		}
		check(map[uint64]fedmsg.DeliveryState{5: "delivered", 10: "unknown", 11: "unknown", 29: "skipped", 30: "delivered"})
		stop(t, s)
		s = startSet(t, log, dir, config(t, "one"), sink)
		check(map[uint64]fedmsg.DeliveryState{5: "delivered", 10: "unknown", 29: "skipped", 30: "delivered"})
		if err := s.Rewind("one", at(9)); err != nil {
			t.Fatal(err)
		}
		settleDown(time.Minute)
		check(map[uint64]fedmsg.DeliveryState{5: "delivered", 10: "delivered", 29: "delivered", 30: "delivered"})
	})
}

// TestNotesOutliveTheDisk holds that what was skipped is told while it cannot be written down, and written when it can, in short where
// it was much.
func TestNotesOutliveTheDisk(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 9000)
		s := newSet(t, log, dir, config(t, "one"), sink)
		r := s.runners[0]
		path := r.records.journal.path
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		s.Start()
		settleDown(time.Minute)
		skip := func(from uint64, n int) {
			r.mu.Lock()
			r.taken = 9000 // so that each is a line
			for i := range uint64(n) {
				r.noteSkip(from+2*i, from+2*i, reasonOld)
			}
			r.notify()
			r.mu.Unlock()
			settleDown(2 * time.Second)
		}
		skip(5, 1)
		if d := s.Deliveries(log.entry(5))[0]; d.State != fedmsg.DeliverySkipped {
			t.Errorf("%+v", d)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		settleDown(2 * time.Second)
		if a := openJournal(path, testLogs()).about(at(5)); a.skip.Kind == "" {
			t.Error("it is not written")
		}
		if err := os.Rename(path, path+".old"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		skip(100, maxUnwritten)
		skip(100+2*maxUnwritten, 100)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		settleDown(2 * time.Second)
		for seq, want := range map[uint64]fedmsg.DeliveryState{5: "skipped", 6: "delivered", 100: "unknown", 2200: "unknown", 8000: "delivered"} {
			if d := s.Deliveries(log.entry(seq))[0]; d.State != want {
				t.Errorf("entry %d: %+v", seq, d)
			}
		}
		stop(t, s)
	})
}

// TestToldWhileWriting holds that what was skipped is told at every moment of its being written down.
func TestToldWhileWriting(t *testing.T) {
	s := newSet(t, newMemLog(), t.TempDir(), config(t, "one"), &fakeSink{})
	defer stop(t, s)
	r := s.runners[0]
	r.through.Log = testLog
	var noted, asked atomic.Uint64
	const rounds = 1500
	go func() {
		for seq := uint64(1); seq <= rounds; seq++ {
			if seq%8 == 0 { // so that it stays short
				r.records.mu.Lock()
				os.Remove(r.records.journal.path)
				r.records.journal.load()
				r.records.mu.Unlock()
			}
			r.mu.Lock()
			r.noteSkip(seq, seq, reasonOld)
			r.taken = seq + 1 // so that the next is another line
			r.mu.Unlock()
			noted.Store(seq)
			for range seq % 50 { // another moment each time
				noted.Load()
			}
			r.writeNotes()
			for asked.Load() < seq {
				runtime.Gosched()
			}
		}
	}()
	for seq := uint64(1); seq <= rounds; seq++ {
		for noted.Load() < seq {
			runtime.Gosched()
		}
		if a := r.told(at(seq)); a.skip.Kind == "" {
			t.Fatalf("entry %d is said not to be skipped", seq)
		}
		asked.Store(seq)
	}
}

// TestNotesAreInOnePlace holds that notes are taken to be written, and looked at, under the lock of the records only: else one who asks
// in between would find them in neither place.
func TestNotesAreInOnePlace(t *testing.T) {
	s := newSet(t, newMemLog(), t.TempDir(), config(t, "one"), &fakeSink{})
	defer stop(t, s)
	r := s.runners[0]
	r.through.Log = testLog
	soon := func(is func() bool) bool {
		for range 100_000 {
			if is() {
				return true
			}
			runtime.Gosched()
		}
		return false
	}
	r.noteSkip(1, 1, reasonOld)
	var done sync.WaitGroup
	r.records.mu.Lock()
	done.Go(r.writeNotes)
	if soon(func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.notes) == 0 }) {
		t.Error("the notes are taken before they can be written")
	}
	r.records.mu.Unlock()
	done.Wait()
	r.mu.Lock()
	done.Go(func() { r.told(at(1)) })
	if !soon(func() bool {
		free := r.records.mu.TryLock()
		if free {
			r.records.mu.Unlock()
		}
		return !free
	}) {
		t.Error("the notes are looked at while they may be written")
	}
	r.mu.Unlock()
	done.Wait()
}
