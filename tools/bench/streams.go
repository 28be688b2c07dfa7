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

// liveSSE publishes to a thousand live readers and counts what reaches them.
func liveSSE(ctx context.Context, b *bench) (sample, error) {
	n, err := b.theNode(ctx)
	if err != nil {
		return sample{}, err
	}
	chunks := 8 // on each of two connections
	if b.o.quick {
		chunks = 1
	}
	want := 2 * chunks * linesInChunk
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
	if _, err := streamAll(n.socket, 2, func(_ time.Duration, sent int) bool { return sent < chunks }); err != nil {
		return sample{}, err
	}
	wg.Wait()
	took := time.Since(start)
	after, err := n.cpu()
	deliveries := want * liveReaders
	return sample{rate: float64(deliveries) / took.Seconds(), cpu: (after - before) / time.Duration(deliveries)}, errors.Join(append(errs, err)...)
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
	n, err := b.theNode(ctx)
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
