package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg/client"
)

// filledMessages is how many messages are read back, and with how many a node is started.
const filledMessages = 1_000_000

// theFilledNode gives the node of the stage, started on a log with many messages, which is written at first use.
func (b *bench) theFilledNode(ctx context.Context) (*node, error) {
	if n := b.nodes[plain]; n != nil {
		return n, nil
	}
	if b.filled == "" {
		if err := b.fill(ctx); err != nil {
			return nil, err
		}
	}
	n, err := b.startNode(ctx, plain, b.filled)
	if err == nil {
		b.nodes[plain] = n
	}
	return n, err
}

// fillCount is the number of messages of the filled log: whole chunks on four connections.
func (b *bench) fillCount() int {
	count := filledMessages
	if b.o.quick {
		count /= 10
	}
	return (count + 4*linesInChunk - 1) / (4 * linesInChunk) * (4 * linesInChunk)
}

// fill publishes the messages to a node that it then stops.
func (b *bench) fill(ctx context.Context) error {
	state := filepath.Join(b.dir, "filled")
	n, err := b.startNode(ctx, plain, state)
	if err != nil {
		return err
	}
	each := b.fillCount() / 4 / linesInChunk
	count, err := streamAll(n.socket, 4, func(_ time.Duration, sent int) bool { return sent < each && ctx.Err() == nil })
	if err == nil && count != b.fillCount() {
		err = fmt.Errorf("%d of %d messages were published", count, b.fillCount())
	}
	if stopErr := n.stop(); err == nil {
		err = stopErr
	}
	if err == nil {
		b.filled = state
	}
	return err
}

// catchUpHTTP reads the whole log as NDJSON and counts the entries.
func catchUpHTTP(ctx context.Context, b *bench) (sample, error) {
	n, err := b.theFilledNode(ctx)
	if err != nil {
		return sample{}, err
	}
	return b.catchUp(n, func(count int) error {
		conn, err := net.Dial("unix", n.socket)
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /v1/stream?after=0 HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n")
		entries := newCounter(`"signatures":[]}` + "\n")
		buf := make([]byte, 256<<10)
		for entries.n < count {
			n, err := conn.Read(buf)
			if err != nil {
				return fmt.Errorf("after %d of %d entries: %w", entries.n, count, err)
			}
			entries.add(buf[:n])
		}
		return nil
	})
}

// catchUpClient reads the whole log through the library.
func catchUpClient(ctx context.Context, b *bench) (sample, error) {
	n, err := b.theFilledNode(ctx)
	if err != nil {
		return sample{}, err
	}
	c, err := client.New(client.Options{Node: "unix://" + n.socket})
	if err != nil {
		return sample{}, err
	}
	defer c.Close()
	return b.catchUp(n, func(count int) error {
		have := 0
		for _, err := range c.Follow(ctx, client.FollowOptions{All: true, FailFast: true}) {
			if err != nil {
				return err
			}
			if have++; have == count {
				return nil
			}
		}
		return fmt.Errorf("the stream ended after %d entries", have)
	})
}

// catchUp measures what reads the whole log.
func (b *bench) catchUp(n *node, read func(count int) error) (sample, error) {
	before, err := n.cpu()
	if err != nil {
		return sample{}, err
	}
	start, count := time.Now(), b.fillCount()
	if err := read(count); err != nil {
		return sample{}, err
	}
	took := time.Since(start)
	after, err := n.cpu()
	return sample{rate: float64(count) / took.Seconds(), cpu: (after - before) / time.Duration(count)}, err
}
