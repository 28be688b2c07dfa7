package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// publishers is how many connections publish in the measurement from end to end.
const publishers = 4

// endToEndSigned has this process sign messages as a publisher, a node verify and store them, and a reader in this process get
// them: Ed25519, each message signed once and verified once. It counts what the reader has got.
func endToEndSigned(ctx context.Context, b *bench) (sample, error) {
	k, err := b.theKey()
	if err != nil {
		return sample{}, err
	}
	return b.endToEnd(ctx, verifying, func(dst []byte) ([]byte, error) {
		e := envelope(time.Now(), 1)
		signatures, err := sign.Detached(e, k.private, nil)
		if err != nil {
			return nil, err
		}
		return append(wire.AppendDSSE(dst, wire.EnvelopeType, e, signatures), '\n'), nil
	}, `"signer":"`+benchSigner+`"`)
}

// endToEndNode has the node sign what comes unsigned from an authenticated sender.
func endToEndNode(ctx context.Context, b *bench) (sample, error) {
	line := []byte(submission() + "\n")
	return b.endToEnd(ctx, signing, func(dst []byte) ([]byte, error) { return append(dst, line...), nil }, `"verdict":"ok"`)
}

// endToEnd publishes over some connections for the span of a round what message appends, and counts at a live reader the
// entries, each of which must have the given text in it.
func (b *bench) endToEnd(ctx context.Context, f flavour, message func([]byte) ([]byte, error), text string) (sample, error) {
	n, err := b.theNode(ctx, f)
	if err != nil {
		return sample{}, err
	}
	reader, err := net.Dial("unix", n.socket)
	if err != nil {
		return sample{}, err
	}
	defer reader.Close()
	buf := make([]byte, 256<<10)
	fmt.Fprint(reader, "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n")
	if _, err := reader.Read(buf); err != nil { // the head: from here on it is a reader
		return sample{}, err
	}
	before, err := n.cpu()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	var sent atomic.Int64
	errs := make([]error, publishers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			count, err := streamLines(ctx, n.socket, b.o.span, message)
			sent.Add(int64(count))
			errs[i] = err
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }() // the publishers end by themselves at the end of the span
	got, err := readUntil(reader, newCounter(text), done, &sent, buf)
	took := time.Since(start)
	<-done
	for _, e := range append(errs, err) {
		if e != nil {
			return sample{}, e
		}
	}
	after, err := n.cpu()
	return sample{rate: float64(got) / took.Seconds(), cpu: (after - before) / time.Duration(max(1, got))}, err
}

// readUntil counts until the publishers are done and everything that they sent has come.
func readUntil(conn net.Conn, entries *counter, done <-chan struct{}, sent *atomic.Int64, buf []byte) (int, error) {
	for {
		select {
		case <-done:
			if entries.n >= int(sent.Load()) {
				return entries.n, nil
			}
		default:
		}
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return 0, err
		}
		n, err := conn.Read(buf)
		entries.add(buf[:n])
		if e, ok := err.(net.Error); ok && e.Timeout() {
			continue
		}
		if err != nil {
			return entries.n, fmt.Errorf("the reader ended after %d entries: %w", entries.n, err)
		}
	}
}

// streamLines publishes messages over one connection for a while and gives the number of receipts. It makes a few at a time, and
// at most so many are on their way.
func streamLines(ctx context.Context, socket string, span time.Duration, message func([]byte) ([]byte, error)) (int, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	wrote := make(chan error, 1)
	go func() { wrote <- writeLines(ctx, conn, span, message) }() // ends at the latest when the connection is closed
	receipts, faults := newCounter(`"duplicate":false`), newCounter(`"error":`)
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		receipts.add(buf[:n])
		if faults.add(buf[:n]); faults.n > 0 {
			return 0, fmt.Errorf("the node refused a message: %.300s", buf[:n])
		}
		if err == io.EOF {
			return receipts.n, <-wrote
		}
		if err != nil {
			return 0, err
		}
	}
}

// writeLines sends a request whose body are messages, made as they are sent.
func writeLines(ctx context.Context, conn net.Conn, span time.Duration, message func([]byte) ([]byte, error)) error {
	_, err := io.WriteString(conn, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
	var lines []byte
	for start := time.Now(); err == nil && time.Since(start) < span && ctx.Err() == nil; {
		lines = lines[:0]
		for i := 0; i < linesInChunk/4 && err == nil; i++ {
			lines, err = message(lines)
		}
		if err == nil {
			_, err = fmt.Fprintf(conn, "%x\r\n%s\r\n", len(lines), lines)
		}
	}
	if err == nil {
		_, err = io.WriteString(conn, "0\r\n\r\n")
	}
	return err
}
