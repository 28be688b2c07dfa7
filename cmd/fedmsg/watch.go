package main

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// watchEvery is how often a quiet output is looked at.
const watchEvery = 250 * time.Millisecond

// watchReader gives a context that ends when nobody reads from out any more, as behind `tail | head -1`: without it that is
// noticed at the next message, which may never come. stop ends the watching and waits for it.
func watchReader(parent context.Context, out io.Writer) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	f, ok := out.(*os.File)
	if !ok {
		return ctx, cancel
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for !readerGone(f) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		cancel()
	})
	return ctx, func() { cancel(); wg.Wait() }
}

// readerGone reports whether f is a pipe or socket whose other side is closed. Of files and terminals it never is true.
func readerGone(f *os.File) (gone bool) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
	})
	return gone
}
