package stomp

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"
)

// The buffers of an outbox: beyond fullBytes Append waits, from writeBytes on it has it written.
const (
	fullBytes  = 256 << 10
	writeBytes = 32 << 10
)

// outbox writes to a connection in a goroutine of its own, so that nobody but it waits for the network. Finish waits for it.
type outbox struct {
	w      io.Writer
	beat   time.Duration // without anything else to write for twice that long at most a heart-beat is written; 0 writes none
	failed func(error)   // told once why the writing ended, unless by Finish
	wake   chan struct{} // has one element when there is something to write
	room   chan struct{} // has one element when there may be room again
	ended  chan struct{} // closed when the goroutine has ended

	mu   sync.Mutex
	buf  []byte // guarded by mu
	last bool   // guarded by mu: nothing more is taken, the goroutine ends when buf is written
}

func newOutbox(w io.Writer, beat time.Duration, failed func(error)) *outbox {
	o := &outbox{
		w: w, beat: beat, failed: failed,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	go o.run()
	return o
}

// Append has add append frames to the buffer, when there is room. One goroutine at a time uses it.
func (o *outbox) Append(ctx context.Context, add func([]byte) []byte) error {
	for {
		o.mu.Lock()
		if o.last || len(o.buf) < fullBytes {
			break
		}
		o.mu.Unlock()
		o.Flush()
		select {
		case <-o.room:
		case <-o.ended:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer o.mu.Unlock()
	if o.last {
		return errClosed
	}
	o.buf = add(o.buf)
	if len(o.buf) >= writeBytes {
		o.Flush()
	}
	return nil
}

// Put appends without waiting for room, for what is bounded by others. Any goroutine may call it; behind Finish it does nothing.
func (o *outbox) Put(add func([]byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.last {
		o.buf = add(o.buf)
		o.Flush()
	}
}

// Flush has the buffer written.
func (o *outbox) Flush() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Finish takes a last frame and returns when all is written or cannot be; whoever sets a deadline at the connection bounds it.
func (o *outbox) Finish(add func([]byte) []byte) {
	o.mu.Lock()
	if !o.last {
		o.buf, o.last = add(o.buf), true
	}
	o.mu.Unlock()
	o.Flush()
	<-o.ended
}

// idleTick is how often memory is given back where there are no heart-beats.
const idleTick = 10 * time.Second

func (o *outbox) run() {
	defer close(o.ended)
	tick := time.NewTicker(cmp.Or(o.beat, idleTick))
	defer tick.Stop()
	var spare []byte
	for wrote := true; ; { // since the last tick
		var out []byte
		select {
		case <-o.wake:
			out = o.take(spare)
			spare = nil
		case <-tick.C:
			if !wrote {
				spare = nil
				out = o.idle()
			}
			wrote = false
		}
		if len(out) > 0 {
			if _, err := o.w.Write(out); err != nil {
				o.end()
				o.failed(err)
				return
			}
			wrote = true
		}
		if o.finished() {
			return
		}
		if len(out) > 1 && cap(out) <= 2*fullBytes {
			spare = out[:0]
		}
	}
}

// idle gives the memory of an empty buffer back, and what there is to write all the same.
func (o *outbox) idle() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.buf) == 0 {
		o.buf = nil
	}
	if o.beat == 0 {
		return nil
	}
	return []byte{'\n'}
}

// take gives what is to be written and leaves the other buffer in its place.
func (o *outbox) take(spare []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.buf
	o.buf = spare
	select {
	case o.room <- struct{}{}:
	default:
	}
	return out
}

func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.buf = true, nil
}

func (o *outbox) finished() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last && len(o.buf) == 0
}
