package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// liveReaders is how many readers follow while messages are published.
const liveReaders = 1000

// idleReaders is how many readers wait for something that does not come.
const idleReaders = 10_000

// openSSE opens a live stream over TCP and waits for the head of the answer.
func openSSE(n *node, buf []byte) (net.Conn, error) {
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(conn, "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
	have, err := conn.Read(buf)
	if err == nil && (have < 13 || string(buf[9:12]) != "200") {
		err = fmt.Errorf("the answer is %q", buf[:have])
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// liveSSE publishes as fast as it can to a thousand live readers and counts what reaches them: mostly many messages at a time.
func liveSSE(ctx context.Context, b *bench) (sample, error) {
	chunks := 8 // on each of two connections
	if b.o.quick {
		chunks = 1
	}
	return b.deliveries(ctx, 2*chunks*linesInChunk, func(n *node) error {
		_, err := streamAll(n.socket, 2, func(_ time.Duration, sent int) bool { return sent < chunks })
		return err
	})
}

// pacedRate is how many messages a second pacedSSE publishes, each alone.
const pacedRate = 250

// pacedSSE publishes one message after the other at an even pace, so that each is a write of its own to each of a thousand
// readers. A node that keeps up delivers as many as are offered.
func pacedSSE(ctx context.Context, b *bench) (sample, error) {
	count := int(b.o.span.Seconds() * pacedRate)
	return b.deliveries(ctx, count, func(n *node) error {
		conn, err := net.Dial("unix", n.socket)
		if err != nil {
			return err
		}
		defer conn.Close()
		request, buf := plainRequest(), make([]byte, 4096)
		tick := time.NewTicker(time.Second / pacedRate)
		defer tick.Stop()
		for range count {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := roundTrip(conn, request, buf); err != nil {
				return err
			}
		}
		return nil
	})
}

// deliveries opens a thousand live readers, publishes, and waits until each of them has read want messages.
func (b *bench) deliveries(ctx context.Context, want int, publish func(*node) error) (sample, error) {
	n, err := b.theNode(ctx, plain)
	if err != nil {
		return sample{}, err
	}
	var wg sync.WaitGroup
	errs := make([]error, liveReaders)
	for i := range errs {
		conn, err := openSSE(n, make([]byte, 1024))
		if err != nil {
			return sample{}, fmt.Errorf("reader %d: %w", i, err)
		}
		defer conn.Close()
		wg.Go(func() { errs[i] = countEvents(conn, want) })
	}
	before, err := n.cpu()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	if err := publish(n); err != nil {
		return sample{}, err
	}
	wg.Wait()
	took := time.Since(start)
	after, err := n.cpu()
	all := want * liveReaders
	return sample{rate: float64(all) / took.Seconds(), cpu: (after - before) / time.Duration(all)}, errors.Join(append(errs, err)...)
}

// countEvents reads until so many messages have come.
func countEvents(conn net.Conn, want int) error {
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	events := newCounter("\nevent: message\n")
	buf := make([]byte, 64<<10)
	for events.n < want {
		n, err := conn.Read(buf)
		if err != nil {
			return fmt.Errorf("after %d of %d events: %w", events.n, want, err)
		}
		events.add(buf[:n])
	}
	return nil
}

// idleSSE opens ten thousand readers on a new node and looks at its memory before and after.
func idleSSE(ctx context.Context, b *bench) (sample, error) {
	b.stopServers()
	n, err := b.theNode(ctx, plain)
	if err != nil {
		return sample{}, err
	}
	defer b.stopServers()
	before, err := n.rss()
	if err != nil {
		return sample{}, err
	}
	count := idleReaders
	if b.o.quick {
		count /= 10
	}
	buf := make([]byte, 1024)
	for i := range count {
		conn, err := openSSE(n, buf)
		if err != nil {
			return sample{}, fmt.Errorf("reader %d: %w", i, err)
		}
		defer conn.Close()
	}
	// Past one heartbeat, so that every reader has been written to.
	select {
	case <-time.After(20 * time.Second):
	case <-ctx.Done():
	}
	after, err := n.rss()
	return sample{size: after, each: (after - before) / int64(count)}, err
}
