package amqp

import (
	"fmt"
	"sync"
)

// pending is one entry on its way.
type pending struct {
	seq      uint64
	id       string // the message's id at the server
	remark   string // what is unusual about what was sent
	returned string // why the server gave it back; empty when it did not
	answer   answer // nil until it is published
}

// answer is how the server answered what was published. It is whole when the confirm comes.
type answer interface {
	Acked() bool
}

// window is what was published and is not confirmed, in order. Any goroutine may use it, but one alone publishes.
type window struct {
	mu    sync.Mutex
	out   sync.Cond // with mu: the newest item is published
	items []pending // guarded by mu: from head on
	head  int       // guarded by mu
	tag   uint64    // guarded by mu: the delivery tag of the item before the head
	after int       // guarded by mu: where the search for the next one that comes back begins, in items
	busy  bool      // guarded by mu: the newest item is being published
}

// push appends what is about to be published; published follows.
func (w *window) push(p pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.head >= 1024 && 2*w.head >= len(w.items) { // under load it is never empty
		n := copy(w.items, w.items[w.head:])
		clear(w.items[n:])
		w.items, w.after, w.head = w.items[:n], max(0, w.after-w.head), 0
	}
	w.items = append(w.items, p)
	if w.busy = true; w.out.L == nil {
		w.out.L = &w.mu
	}
}

// published tells where the answer to the newest one is found, or nil where it could not be published.
func (w *window) published(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.items[len(w.items)-1].answer, w.busy = a, false
	w.out.Broadcast()
}

// returned marks the one with the id. The server gives back in the order in which it was published, so that the search is short.
func (w *window) returned(id, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := max(w.after, w.head); i < len(w.items); i++ {
		if w.items[i].id == id {
			w.items[i].returned, w.after = why, i+1
			return
		}
	}
}

// pop takes the one that the tag confirms, which must be the oldest: the library gives confirms in order, unless it had to drop one.
// A confirm may come before who published has heard that all is written.
func (w *window) pop(tag uint64) (pending, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy && w.head == len(w.items)-1 {
		w.out.Wait()
	}
	if w.head == len(w.items) || tag != w.tag+1 || w.items[w.head].answer == nil {
		return pending{}, fmt.Errorf("the confirm %d came where %d was due", tag, w.tag+1)
	}
	p := w.items[w.head]
	w.items[w.head] = pending{}
	w.head, w.tag = w.head+1, tag
	if w.head == len(w.items) {
		w.items, w.head, w.after = w.items[:0], 0, 0
		if cap(w.items) > 64 {
			w.items = nil // an idle sink keeps little
		}
	}
	return p, nil
}
