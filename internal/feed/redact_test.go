package feed

import (
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestRedact holds that cursors are given what is left of an entry from the moment it was redacted, in every form, while the feed goes
// on and whether the entry is held in memory or not; and that the ring's account of its bytes stays right.
func TestRedact(t *testing.T) {
	t.Parallel()
	log := &fakeLog{}
	f := New(Config{Log: logID, Open: log.reader, RingEntries: 8})
	defer f.Close()
	f.Publish(log.grow(8))
	c := f.Cursor(2)
	defer c.Close() //nolint:errcheck // nothing was written
	if it, err := c.Next(); err != nil || !strings.Contains(string(it.AppendEvent(nil)), `{"n":3}`) {
		t.Fatal(it, err)
	}
	for seq := uint64(3); seq <= 4; seq++ {
		f.Redact(&fedmsg.Entry{Position: at(seq), ID: "x", Topic: "a.b", Redacted: true})
	}
	again := f.Cursor(2)
	defer again.Close() //nolint:errcheck // nothing was written
	for _, c := range []*Cursor{again, c, again} {
		it, err := c.Next()
		for _, text := range []string{string(it.AppendEvent(nil)), string(it.AppendJSON(nil)), string(it.AppendLine(nil))} {
			if err != nil || !it.Entry.Redacted || !strings.Contains(text, `"redacted":true`) || strings.Contains(text, `"n":`) {
				t.Errorf("%v %s %v", it.Entry.Position, text, err)
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for seq := uint64(1); seq <= 200; seq++ { // many of them are held no more, or not yet
			f.Redact(&fedmsg.Entry{Position: at(seq), Redacted: true})
		}
	})
	for range 50 {
		f.Publish(log.grow(3))
	}
	wg.Wait()
	held := 0
	for i := range f.ring.slots {
		s := f.ring.slots[i].Load()
		held += s.cost
		if e := s.entry; e.Position.Seq < 151 || e.Position.Seq > 158 {
			t.Errorf("the ring has entry %d", e.Position.Seq)
		}
	}
	if held != f.ring.bytes {
		t.Errorf("the ring has %d bytes and believes %d", held, f.ring.bytes)
	}
}
