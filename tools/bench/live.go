package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// liveRate is how many messages a second are published where the time to a consumer is measured.
const liveRate = 500

// readers of a fan.
const (
	overZeroMQ = iota
	overAMQP
	overSTOMP
	overNATS
	overHTTP
)

// live publishes numbered messages at an even pace and gives the p99 of the time until a reader has each.
func (b *bench) live(ctx context.Context, reader int, listen func(*fan) error, send func(mark int) error) (sample, error) {
	count := int(b.o.span.Seconds() * liveRate)
	f := &fan{count: count, left: count, ended: make(chan struct{})}
	f.seen[reader] = make([]time.Time, count)
	defer f.stop()
	if err := listen(f); err != nil {
		return sample{}, err
	}
	sent, _, err := paced(ctx, liveRate, count, send)
	if err != nil {
		return sample{}, err
	}
	if err := f.wait(); err != nil {
		return sample{}, err
	}
	took := make([]time.Duration, count)
	for i := range took {
		took[i] = f.seen[reader][i].Sub(sent[i])
	}
	return sample{span: quantile(took, 0.99)}, nil
}

// liveThrough is live with a node in front: messages are published to it, and go on by a sink with those lines of configuration
// (all but name and topics).
func (b *bench) liveThrough(ctx context.Context, reader int, listen func(*fan) error, lines string) (s sample, err error) {
	state := filepath.Join(b.dir, fmt.Sprintf("live-%d", b.bridges))
	n, err := b.startBridged(ctx, "live", state, "[[sink]]\nname = \"live\"\ntopics = [\"#\"]\n"+lines+"\n")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	conn, err := net.Dial("unix", n.socket)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	return b.live(ctx, reader, listen, postMarked(conn))
}

// paced sends numbered messages at an even pace, and gives when each was sent and how long that took.
func paced(ctx context.Context, rate, count int, send func(mark int) error) (sent []time.Time, took []time.Duration, err error) {
	sent, took = make([]time.Time, count), make([]time.Duration, count)
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range count {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
		sent[i] = time.Now()
		if err := send(i); err != nil {
			return nil, nil, err
		}
		took[i] = time.Since(sent[i])
	}
	return sent, took, nil
}

// pacedAt is paced to the node with that socket.
func pacedAt(ctx context.Context, socket string, rate, count int) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, _, err = paced(ctx, rate, count, postMarked(conn))
	return err
}

// postMarked publishes numbered messages to a node, one request for each, on one connection.
func postMarked(conn net.Conn) func(mark int) error {
	buf := make([]byte, 4096)
	return func(mark int) error {
		m := marked(mark)
		return roundTrip(conn, fmt.Appendf(nil, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(m), m), buf)
	}
}

// marked is a numbered message.
func marked(mark int) []byte {
	return fmt.Appendf(nil, `{"topic":%q,"msg":{"mark":%d,"pad":%q}}`, fanTopic, mark, bytes.Repeat([]byte("x"), messageBytes-300))
}

// wait waits until the readers have seen everything.
func (f *fan) wait() error {
	select {
	case <-f.ended:
		return nil
	case <-time.After(startPatience):
		f.mu.Lock()
		defer f.mu.Unlock()
		return fmt.Errorf("%d messages did not reach a reader", f.left)
	}
}
