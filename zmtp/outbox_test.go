package zmtp

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fakeWire is a connection of which the test says when it takes something, and how much at once.
type fakeWire struct {
	entered chan struct{} // one for each Write that has begun; nil for nobody
	gate    chan struct{} // Write waits for one; nil does not
	once    int           // what writeSome takes at most; 0 is all

	opened sync.Once

	mu     sync.Mutex
	writes []string
	broken bool
	part   []byte // what writeSome left; of the one that writes
}

func (w *fakeWire) Write(b []byte) error {
	if w.entered != nil {
		w.entered <- struct{}{}
	}
	if w.gate != nil {
		<-w.gate
	}
	b, w.part = slices.Concat(w.part, b), nil
	return w.add(b)
}

func (w *fakeWire) add(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return io.ErrClosedPipe
	}
	w.writes = append(w.writes, string(b))
	return nil
}

func (w *fakeWire) writeSome(b []byte) (bool, error) {
	if w.once == 0 || len(b) <= w.once {
		return true, w.add(b)
	}
	w.part = bytes.Clone(b[w.once:])
	return false, w.add(b[:w.once])
}

// open has it take everything from now on.
func (w *fakeWire) open() {
	w.opened.Do(func() {
		if w.gate != nil {
			close(w.gate)
		}
	})
}

// all gives everything that was written.
func (w *fakeWire) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.writes, "")
}

// testOutbox makes an outbox; start runs it until the test ends.
func testOutbox(t *testing.T, w *fakeWire, o Options, start bool) (b *outbox, moved chan struct{}) {
	t.Helper()
	moved = make(chan struct{}, 100)
	o = o.filled()
	b = newOutbox(w, &o, new(chunks), new(atomic.Uint64), func() { moved <- struct{}{} })
	if start {
		var running sync.WaitGroup
		running.Go(b.run)
		t.Cleanup(func() {
			w.open()
			b.end()
			running.Wait()
		})
	}
	return b, moved
}

// await waits until nobody writes.
func (b *outbox) await() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.writing {
		b.quiet.Wait()
	}
}

func encoded(frames ...string) string {
	var m Message
	for _, f := range frames {
		m = append(m, []byte(f))
	}
	return string(AppendMessage(nil, m...))
}

func frames(text ...string) [][]byte {
	var m [][]byte
	for _, f := range text {
		m = append(m, []byte(f))
	}
	return m
}

func TestOutboxUrgentIsWrittenByTheCaller(t *testing.T) {
	t.Parallel()
	w := new(fakeWire)
	b, _ := testOutbox(t, w, Options{}, false) // nobody else could write
	if v := b.put(true, frames(""), frames("a", "b")); v != taken {
		t.Fatalf("put gave %d", v)
	}
	if got, want := w.all(), encoded("", "a", "b"); got != want {
		t.Fatalf("written is %q instead of %q", got, want)
	}
	if !b.idle() || b.sent.Load() != 1 {
		t.Fatalf("idle is %v and %d messages count as written", b.idle(), b.sent.Load())
	}
}

func TestOutboxBatchesWhileItWrites(t *testing.T) {
	t.Parallel()
	w := &fakeWire{entered: make(chan struct{}, 10), gate: make(chan struct{}, 10)}
	b, _ := testOutbox(t, w, Options{}, true)
	b.put(false, nil, frames("first"))
	<-w.entered
	for range 100 {
		b.put(true, nil, frames("more"))
	}
	if b.idle() {
		t.Fatal("it is idle while it writes")
	}
	w.open()
	b.await()
	if want := []string{encoded("first"), strings.Repeat(encoded("more"), 100)}; !slices.Equal(w.writes, want) {
		t.Fatalf("the writes were %d: %.100q", len(w.writes), w.writes)
	}
}

func TestOutboxFinishesWhatWasWrittenInPart(t *testing.T) {
	t.Parallel()
	w := &fakeWire{entered: make(chan struct{}, 10), gate: make(chan struct{}, 10), once: 3}
	b, moved := testOutbox(t, w, Options{}, true)
	b.put(true, nil, frames("first"))
	<-w.entered
	b.put(true, nil, frames("second"))
	if b.idle() {
		t.Fatal("it is idle before the rest is written")
	}
	w.open()
	<-moved
	b.await()
	if got, want := w.all(), encoded("first")+encoded("second"); got != want {
		t.Fatalf("written is %q instead of %q", got, want)
	}
}

func TestOutboxIsFullAndTells(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"messages": {SendLimit: 3}, "bytes": {SendBytes: 2*len(encoded("more")) + 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &fakeWire{entered: make(chan struct{}, 10), gate: make(chan struct{}, 10)}
			b, moved := testOutbox(t, w, o, true)
			b.put(false, nil, frames("first"))
			<-w.entered
			for i := range 3 {
				if v := b.put(false, nil, frames("more")); v != taken {
					t.Fatalf("put %d gave %d", i, v)
				}
			}
			if v := b.put(false, nil, frames("too many")); v != full {
				t.Fatalf("put into a full outbox gave %d", v)
			}
			w.gate <- struct{}{}
			<-moved
			if v := b.put(false, nil, frames("now")); v != taken {
				t.Fatalf("put after it was told gave %d", v)
			}
		})
	}
}

func TestOutboxGivesBackWhatWasNotBegun(t *testing.T) {
	t.Parallel()
	w := &fakeWire{entered: make(chan struct{}, 10), gate: make(chan struct{}, 10)}
	b, _ := testOutbox(t, w, Options{}, false)
	var running sync.WaitGroup
	running.Go(b.run)
	b.put(false, nil, frames("lost"))
	<-w.entered
	long := strings.Repeat("x", chunkBytes)
	b.put(false, nil, frames("kept"))
	b.put(false, nil, frames(long))
	w.mu.Lock()
	w.broken = true
	w.mu.Unlock()
	w.open()
	left := b.end()
	running.Wait()
	if len(left) != 2 || string(left[0].data) != encoded("kept") || string(left[1].data) != encoded(long) {
		t.Fatalf("%d chunks are left", len(left))
	}
	if v := b.put(false, nil, frames("late")); v != departed {
		t.Fatalf("put after the end gave %d", v)
	}
	other, _ := testOutbox(t, new(fakeWire), Options{}, true)
	for _, k := range left {
		if other.adopt(k) != taken {
			t.Fatal("another did not take what is left")
		}
	}
}

// TestOutboxManySenders has several send at once, in both ways, over a connection that takes little at a time.
func TestOutboxManySenders(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 2000
	w := &fakeWire{once: 7}
	b, _ := testOutbox(t, w, Options{SendLimit: senders * each}, true)
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for i := range each {
				if v := b.put(i%3 > 0, frames(""), frames(fmt.Sprintf("%d %d", s, i))); v != taken {
					t.Errorf("put gave %d", v)
					return
				}
			}
		})
	}
	sending.Wait()
	b.await()
	next, all := make([]int, senders), []byte(w.all())
	for len(all) > 0 {
		var s, i int
		if _, err := fmt.Sscanf(string(all[4:4+all[3]]), "%d %d", &s, &i); err != nil {
			t.Fatalf("%q: %v", all[:min(len(all), 30)], err)
		}
		if next[s] != i {
			t.Fatalf("of sender %d came %d instead of %d", s, i, next[s])
		}
		next[s]++
		all = all[4+all[3]:]
	}
	if b.sent.Load() != senders*each || slices.Min(next) != each {
		t.Fatalf("%d were written, of the senders %v", b.sent.Load(), next)
	}
}
