package zmtp

import "sync"

// bell wakes everybody who waits for something to change. Who waits asks heard first, then looks, and then waits, so that no
// ring in between is missed.
type bell struct {
	mu sync.Mutex
	ch chan struct{} // nil if nobody has asked since the last ring
}

// heard gives a channel that the next ring closes.
func (b *bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
