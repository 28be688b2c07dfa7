package main

import (
	"io"
	"sync"
)

// liveBuffer bounds what waits to be printed; beyond it the reader waits.
const liveBuffer = 256 << 10

// live writes what it is given at once when the output is idle, and in large pieces when entries come faster than the
// output takes them, as the history does. Its goroutine ends with Close.
type live struct {
	out  io.Writer
	done chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	ready  sync.Cond // something changed below
	buf    []byte
	err    error // the first error of out
	closed bool
}

func newLive(out io.Writer) *live {
	l := &live{out: out, done: make(chan struct{})}
	l.ready.L = &l.mu
	go l.run()
	return l
}

// Write takes b, or returns the error of an earlier write.
func (l *live) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buf) > liveBuffer && l.err == nil {
		l.ready.Wait()
	}
	l.buf = append(l.buf, b...)
	l.ready.Signal()
	return len(b), l.err
}

// Close writes the rest and returns the first error.
func (l *live) Close() error {
	l.mu.Lock()
	l.closed = true
	l.ready.Broadcast()
	l.mu.Unlock()
	<-l.done
	return l.err
}

func (l *live) run() {
	defer close(l.done)
	var spare []byte
	for {
		l.mu.Lock()
		for len(l.buf) == 0 && !l.closed {
			l.ready.Wait()
		}
		full := l.buf
		l.buf = spare[:0]
		end := l.closed && len(full) == 0 || l.err != nil
		l.ready.Broadcast()
		l.mu.Unlock()
		if end {
			return
		}
		_, err := l.out.Write(full)
		spare = full
		if err != nil {
			l.mu.Lock()
			l.err = err
			l.ready.Broadcast()
			l.mu.Unlock()
		}
	}
}
