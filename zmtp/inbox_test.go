package zmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// sent is a connection on which everything has come that ever will: reads of up to four messages, then an error.
type sent struct {
	left []string
	err  error
}

func (s *sent) Receive(batch []Incoming) ([]Incoming, error) {
	if len(s.left) == 0 {
		return batch, s.err
	}
	for range min(4, max(1, cap(batch)-len(batch))) {
		if len(s.left) == 0 {
			break
		}
		batch = append(batch, Incoming{Message: Message{[]byte(s.left[0])}})
		s.left = s.left[1:]
	}
	return batch, nil
}

func numbered(name string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint(name, i)
	}
	return texts
}

func takeText(t *testing.T, b *inbox[string]) string {
	t.Helper()
	m, from, err := b.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := string(m.Message[0])
	if from != text[:1] {
		t.Errorf("%q is said to come from %s", text, from)
	}
	return text
}

// TestInboxTurns: messages of a peer in their order, peers one after the other, what a peer sent before it went is kept.
func TestInboxTurns(t *testing.T) {
	b := newInbox[string](Options{})
	if err := b.lane("a").fill(&sent{numbered("a", 5), io.EOF}, nil, nil); err != io.EOF {
		t.Fatalf("fill ended with %v", err)
	}
	b.lane("b").fill(&sent{numbered("b", 2), io.EOF}, nil, nil)
	b.lane("c").fill(&sent{numbered("c", 1), io.EOF}, nil, nil)
	var got []string
	for range 8 {
		got = append(got, takeText(t, b))
	}
	if want := []string{"a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"}; !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	if b.count() != 8 {
		t.Errorf("counted %d", b.count())
	}
}

// TestInboxMany: many at a time, no more than there is room for, from the next peer on.
func TestInboxMany(t *testing.T) {
	b := newInbox[string](Options{})
	b.lane("a").fill(&sent{numbered("a", 5), io.EOF}, nil, nil)
	b.lane("b").fill(&sent{numbered("b", 5), io.EOF}, nil, nil)
	var got []string
	for _, n := range []int{3, 4, 0, 10} {
		batch, err := b.takeMany(t.Context(), make([]Message, 0, n))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range batch {
			got = append(got, string(m[0]))
		}
		got = append(got, "|")
	}
	want := []string{"a0", "a1", "a2", "|", "b0", "b1", "b2", "b3", "|", "a3", "|", "b4", "a4", "|"}
	if !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
}

// TestInboxHoldsBack: a peer's reader waits at the limit, until half is taken; the other's does not.
func TestInboxHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox[string](Options{ReceiveLimit: 10})
		a, done := &sent{numbered("a", 100), io.EOF}, make(chan struct{})
		ended := make(chan error, 1)
		go func() { ended <- b.lane("a").fill(a, done, nil) }()
		synctest.Wait()
		if len(a.left) != 90 {
			t.Errorf("%d were read, want the limit of 10", 100-len(a.left))
		}
		b.lane("b").fill(&sent{numbered("b", 1), io.EOF}, nil, nil)
		for _, want := range []string{"a0", "b0", "a1", "a2", "a3"} {
			if got := takeText(t, b); got != want {
				t.Errorf("took %s, want %s", got, want)
			}
		}
		synctest.Wait()
		if len(a.left) != 90 {
			t.Errorf("read on for a few places")
		}
		takeText(t, b)
		synctest.Wait()
		if len(a.left) != 85 {
			t.Errorf("%d were read after half was taken, want 15", 100-len(a.left))
		}
		close(done)
		if err := <-ended; err != ErrClosed {
			t.Errorf("a reader that waits ended with %v when its connection was closed", err)
		}
	})
}

// TestInboxBytes: a lane holds no more than its bytes and the last message.
func TestInboxBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox[string](Options{})
		l := b.lane("a")
		l.put([]Incoming{{Message: Message{make([]byte, inboxBytes/2)}}, {Message: Message{make([]byte, inboxBytes/2)}}})
		room := make(chan int)
		go func() { room <- l.room(nil) }()
		synctest.Wait()
		select {
		case <-room:
			t.Fatal("there was room")
		default:
		}
		if _, _, err := b.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := <-room; n != 999 {
			t.Errorf("room for %d, want 999", n)
		}
	})
}

// TestInboxEnds: waiting takers and readers end with the context, the connection or the inbox.
func TestInboxEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox[string](Options{ReceiveLimit: 1})
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { _, _, err := b.take(ctx); errs <- err }()
		go func() { _, err := b.takeMany(ctx, nil); errs <- err }()
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("take ended with %v", err)
			}
		}
		go func() { errs <- b.lane("a").fill(&sent{numbered("a", 3), io.EOF}, nil, nil) }()
		synctest.Wait()
		b.close()
		b.close()
		if err := <-errs; err != ErrClosed {
			t.Errorf("fill ended with %v", err)
		}
		if _, _, err := b.take(t.Context()); err != ErrClosed {
			t.Errorf("take after close ended with %v", err)
		}
	})
}

// TestInboxWakes: one put with two messages wakes two takers.
func TestInboxWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox[string](Options{})
		taken := make(chan string)
		for range 2 {
			go func() { taken <- takeText(t, b) }()
		}
		synctest.Wait()
		b.lane("a").fill(&sent{numbered("a", 2), io.EOF}, nil, nil)
		if one, two := <-taken, <-taken; one == two {
			t.Errorf("both took %s", one)
		}
	})
}

// TestInboxTogether: several readers and takers; each message once, and nobody sleeps while there is something to take.
func TestInboxTogether(t *testing.T) {
	const peers, takers, each = 5, 4, 3000
	b := newInbox[int](Options{ReceiveLimit: 7})
	var readers, all sync.WaitGroup
	for p := range peers {
		readers.Go(func() { b.lane(p).fill(&sent{numbered("", each), io.EOF}, nil, nil) })
	}
	var mu sync.Mutex
	seen, left := make(map[string]int), peers*each
	for n := range takers {
		all.Go(func() {
			for {
				batch := make([]Message, 0, n)
				batch, err := b.takeMany(t.Context(), batch)
				if err != nil {
					return
				}
				mu.Lock()
				for _, m := range batch {
					seen[string(m[0])]++
				}
				left -= len(batch)
				if left == 0 {
					b.close()
				}
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	all.Wait()
	for text, n := range seen {
		if n != peers {
			t.Errorf("%s was taken %d times, want %d", text, n, peers)
		}
	}
	if len(seen) != each {
		t.Errorf("%d different were taken, want %d", len(seen), each)
	}
}
