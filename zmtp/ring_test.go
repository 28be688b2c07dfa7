package zmtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// wanting makes a cursor for the prefixes.
func wanting(r *ring, prefixes ...string) *cursor {
	c := r.join()
	for _, p := range prefixes {
		c.prefixes.Add([]byte(p))
	}
	return c
}

// toSend is a message of a topic and a number.
func toSend(topic string, n int) [][]byte {
	return [][]byte{[]byte(topic), binary.BigEndian.AppendUint32(nil, uint32(n))}
}

func mustSend(t *testing.T, r *ring, topic string, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := r.send(t.Context(), toSend(topic, n)); err != nil {
			t.Fatal(err)
		}
	}
}

// from gives the numbers a to b.
func from(a, b int) (numbers []int) {
	for n := a; n <= b; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// written gives the numbers of the messages that stand in pieces, each of two frames.
func written(t *testing.T, pieces [][]byte) (numbers []int) {
	t.Helper()
	b := bytes.Join(pieces, nil)
	for len(b) > 0 {
		_, head, size := frameHead(b)
		b = b[head+int(size):]
		flags, head, size := frameHead(b)
		if flags&flagMore != 0 || size < 4 {
			t.Fatalf("%x is no second frame", b)
		}
		numbers = append(numbers, int(binary.BigEndian.Uint32(b[head:])))
		b = b[head+int(size):]
	}
	return numbers
}

// waits tells whether there is something to write.
func (c *cursor) waits() bool {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	return c.page != nil && c.page.number(c.at) < c.r.next
}

// begin takes what is there as walk does before it writes; what is written is in c.pieces, and end is to be called.
func (c *cursor) begin(t *testing.T) []int {
	t.Helper()
	if !c.waits() {
		c.pieces = nil
		return nil
	}
	data, starts, ok := c.take()
	if !ok {
		t.Fatal("the cursor has left")
	}
	c.pick(data, starts)
	return written(t, c.pieces)
}

func (c *cursor) end() { c.writing.Store(false) }

// TestRingShares: messages are encoded once, and none for which nobody waits.
func TestRingShares(t *testing.T) {
	r := newRing(Options{})
	a, b, some := wanting(r, ""), wanting(r, "b", ""), wanting(r, "c", "d")
	mustSend(t, r, "b", 1, 2)
	mustSend(t, r, "c", 3, 4)
	mustSend(t, r, "e", 5)
	for _, c := range []*cursor{a, b} {
		if got := c.begin(t); !slices.Equal(got, from(1, 5)) {
			t.Errorf("it got %v", got)
		}
	}
	if &a.pieces[0][0] != &b.pieces[0][0] {
		t.Error("two cursors do not share memory")
	}
	if got := some.begin(t); !slices.Equal(got, from(3, 4)) || len(some.pieces) != 1 {
		t.Errorf("with filters it got %v in %d pieces", got, len(some.pieces))
	}
	a.leave()
	b.leave()
	some.leave()
	before := r.next
	wanting(r, "c")
	mustSend(t, r, "d", 6)
	if r.next != before || len(r.pages) > 0 {
		t.Errorf("what nobody wants was encoded, into %d pages", len(r.pages))
	}
}

// TestRingModel: whatever cursors do, each gets all that it wants, in order, but for the oldest that it was too late for, which
// are counted; and what it writes does not change while it does.
func TestRingModel(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		o := Options{SendLimit: 1 + random.IntN(300), SendBytes: 1000 + random.IntN(200_000)}
		m := ringModel{t: t, random: random, r: newRing(o), o: o}
		for range 3000 {
			m.step()
		}
		for _, c := range m.readers {
			for c.cursor.waits() {
				m.read(c)
			}
		}
		m.compare()
	}
}

type ringModel struct {
	t       *testing.T
	random  *rand.Rand
	r       *ring
	o       Options
	n       int
	readers []*modelReader
	missed  uint64
}

type modelReader struct {
	cursor  *cursor
	prefix  string
	want    []int  // what was sent for it and not got
	writing []byte // a copy of what it writes
}

func (m *ringModel) step() {
	switch m.random.IntN(20) {
	case 0:
		if len(m.readers) < 5 {
			prefix := []string{"", "a", "b"}[m.random.IntN(3)]
			m.readers = append(m.readers, &modelReader{cursor: wanting(m.r, prefix), prefix: prefix})
		}
	case 1, 2, 3, 4, 5:
		if len(m.readers) > 0 {
			m.read(m.readers[m.random.IntN(len(m.readers))])
		}
	default:
		m.send()
	}
}

// send sends, unless that would wait for somebody who is not writing.
func (m *ringModel) send() {
	for _, c := range m.readers {
		if !c.cursor.writing.Load() && c.cursor.waits() {
			m.read(c)
		}
	}
	topic := []string{"a", "b"}[m.random.IntN(2)]
	frames := toSend(topic, m.n)
	if m.random.IntN(10) == 0 {
		size := []int{1000, 40_000, 70_000}[m.random.IntN(3)]
		frames[1] = append(frames[1], make([]byte, size)...)
	}
	if err := m.r.send(m.t.Context(), frames); err != nil {
		m.t.Fatal(err)
	}
	for _, c := range m.readers {
		if c.prefix == "" || c.prefix == topic {
			c.want = append(c.want, m.n)
		}
	}
	m.n++
}

// read ends what a reader writes, and has it begin with what comes next.
func (m *ringModel) read(c *modelReader) {
	if !bytes.Equal(bytes.Join(c.cursor.pieces, nil), c.writing) {
		m.t.Fatal("what was being written changed")
	}
	c.cursor.end()
	got := c.cursor.begin(m.t)
	c.writing = bytes.Join(c.cursor.pieces, nil)
	if got == nil {
		return
	}
	i := slices.Index(c.want, got[0])
	if i < 0 || len(c.want) < i+len(got) || !slices.Equal(c.want[i:i+len(got)], got) {
		m.t.Fatalf("got %v, want some of %v", got, c.want)
	}
	if late := len(c.want) - i; i > 0 && late < min(m.o.SendLimit*7/8-1, m.o.SendBytes*7/8/70_100) {
		m.t.Fatalf("it missed %d messages while there were only %d behind them", i, late)
	}
	m.missed += uint64(i)
	c.want = c.want[i+len(got):]
}

// compare looks at the sums when all is read.
func (m *ringModel) compare() {
	var sent, dropped uint64
	for _, c := range m.readers {
		m.missed += uint64(len(c.want))
		c.cursor.end()
		c.cursor.leave()
		c.cursor.take()
	}
	sent, dropped = m.r.counts()
	if dropped != m.missed {
		m.t.Errorf("%d were dropped, counted were %d", m.missed, dropped)
	}
	if sent == 0 || len(m.r.pages) > 0 || len(m.r.busy) > 0 || len(m.r.idle) > 0 {
		m.t.Errorf("sent %d; %d pages and %d cursors are left", sent, len(m.r.pages), len(m.r.busy)+len(m.r.idle))
	}
}

// TestRingSkips: who writes slowly misses the oldest, of which those that it wants are counted; who has not come to it yet is
// waited for.
func TestRingSkips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(Options{SendLimit: 16})
		slow, some, fast := wanting(r, ""), wanting(r, "a"), wanting(r, "")
		mustSend(t, r, "a", 0)
		slow.begin(t)
		some.begin(t)
		for n := 1; n <= 40; n++ {
			mustSend(t, r, []string{"b", "a"}[n%2], n)
			if got := fast.begin(t); len(got) == 0 || got[len(got)-1] != n {
				t.Fatalf("the fast one got %v of %d", got, n)
			}
			fast.end()
		}
		slow.end()
		some.end()
		// They were moved on by two more than needed when they were 16 behind.
		all, odd := slow.begin(t), some.begin(t)
		if !slices.Equal(all, from(all[0], 40)) || len(all) < 13 || len(all) > 16 {
			t.Errorf("the slow one got %v", all)
		}
		if odd[0]%2 != 1 || odd[0] < all[0] || odd[0] > all[0]+1 || len(odd) != (41-odd[0]+1)/2 {
			t.Errorf("the slow one with a filter got %v", odd)
		}
		if _, dropped := r.counts(); int(dropped) != 40-len(all)+20-len(odd) {
			t.Errorf("%d were counted as dropped; missed are %d and %d", dropped, 40-len(all), 20-len(odd))
		}

		some.end()
		fast.leave()
		mustSend(t, r, "a", from(41, 56)...)
		sent := make(chan struct{})
		go func() { mustSend(t, r, "a", 57); close(sent) }()
		synctest.Wait()
		select {
		case <-sent:
			t.Error("a message was dropped that nobody was too slow for")
		default:
		}
		if got := some.begin(t); !slices.Equal(got, from(41, 56)) {
			t.Errorf("got %v", got)
		}
		<-sent
	})
}

// TestRingBlocks: with blocking, a sender waits for the slowest; for nobody who has left; and no longer
// than its context.
func TestRingBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(Options{SendLimit: 10})
		r.blocking = true
		slow, fast := wanting(r, ""), wanting(r, "")
		mustSend(t, r, "a", 0)
		slow.begin(t)
		fast.begin(t)
		mustSend(t, r, "a", from(1, 10)...)
		fast.end()
		fast.begin(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.send(ctx, toSend("a", 11)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("to send one more than the limit gives %v", err)
		}
		sent := make(chan int, 1)
		go func() { mustSend(t, r, "a", 11); sent <- 11 }()
		synctest.Wait()
		if len(sent) > 0 {
			t.Fatal("it did not wait")
		}
		slow.end()
		if got := slow.begin(t); !slices.Equal(got, from(1, 10)) {
			t.Errorf("the slow one got %v", got)
		}
		<-sent
		mustSend(t, r, "a", from(12, 20)...)
		go func() { mustSend(t, r, "a", 21); sent <- 21 }()
		synctest.Wait()
		if len(sent) > 0 {
			t.Fatal("it did not wait the second time")
		}
		slow.leave()
		fast.end()
		fast.begin(t)
		<-sent
		if _, dropped := r.counts(); dropped > 0 {
			t.Errorf("%d were dropped", dropped)
		}
		mustSend(t, r, "a", from(22, 30)...)
		failed := make(chan error, 1)
		go func() { failed <- r.send(t.Context(), toSend("a", 0)) }()
		synctest.Wait()
		r.close()
		if err := <-failed; err != ErrClosed {
			t.Errorf("closing it gives who waits %v", err)
		}
	})
}

// TestRingMemory: what many stalled cursors hold is bounded by the ring, not by their number, and is used again.
func TestRingMemory(t *testing.T) {
	r := newRing(Options{SendLimit: 1 << 20, SendBytes: 1 << 20})
	var cursors []*cursor
	mustSend(t, r, "a", 0)
	for i := range 100 {
		cursors = append(cursors, wanting(r, ""))
		mustSend(t, r, "a", i)
		for _, c := range cursors[:i] {
			c.writing.Store(true)
		}
		cursors[i].begin(t)
	}
	body := make([]byte, 1000)
	for range 20_000 {
		if err := r.send(t.Context(), [][]byte{[]byte("a"), body}); err != nil {
			t.Fatal(err)
		}
	}
	if n, most := len(r.pages), 1<<20/pageBytes+2; n > most {
		t.Errorf("the ring has %d pages, want at most %d", n, most)
	}
	for _, c := range cursors[1:] {
		c.leave()
		c.abandon()
	}
	m := [][]byte{[]byte("a"), body}
	pages := testing.AllocsPerRun(10, func() {
		for range 2000 {
			if err := r.send(t.Context(), m); err != nil {
				t.Error(err)
			}
			cursors[0].take()
		}
	})
	// Each page of new memory is three; that the race detector is at work costs every fourth.
	if pages > 3*2000/60/2 {
		t.Errorf("2000 messages take %.0f pieces of memory", pages)
	}
}

// TestRingDrains: drained waits for what is not written, and for no longer than it may.
func TestRingDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(Options{})
		r.drained(t.Context())
		c := wanting(r, "")
		mustSend(t, r, "a", 1)
		c.begin(t)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.drained(ctx)
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("waited for %v", waited)
		}
		drained := make(chan struct{})
		go func() { r.drained(t.Context()); close(drained) }()
		synctest.Wait()
		go c.take()
		<-drained
		c.leave()
	})
}

// BenchmarkRingSend tells what one message costs its sender: for a cursor that is behind, and for idle ones that do not want it.
func BenchmarkRingSend(b *testing.B) {
	m := [][]byte{bytes.Repeat([]byte("t"), 60), make([]byte, 1024)}
	b.Run("behind", func(b *testing.B) {
		r := newRing(Options{})
		c := wanting(r, "")
		c.writing.Store(true)
		for b.Loop() {
			_ = r.send(b.Context(), m)
		}
	})
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint("unwanted by ", n), func(b *testing.B) {
			r := newRing(Options{})
			for range n {
				wanting(r, "x")
			}
			for b.Loop() {
				_ = r.send(b.Context(), m)
			}
		})
	}
}
