package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/client"
)

// publishHTTP has the callers send one plain request for each message, over kept connections to the unix socket. The client
// is a bare write and read, so that the machine's time goes to the node.
func publishHTTP(ctx context.Context, b *bench, f flavour) (sample, error) {
	n, err := b.theNode(ctx, f)
	if err != nil {
		return sample{}, err
	}
	request := plainRequest()
	return b.timed(ctx, n.server, callers, func(int) (func() error, func(), error) {
		conn, err := net.Dial("unix", n.socket)
		if err != nil {
			return nil, nil, err
		}
		buf := make([]byte, 4096)
		return func() error { return roundTrip(conn, request, buf) }, func() { conn.Close() }, nil
	})
}

// plainRequest is one message as a request of its own.
func plainRequest() []byte {
	m := submission()
	return fmt.Appendf(nil, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(m), m)
}

// roundTrip sends a request and reads the whole answer, which must be a 201.
func roundTrip(conn net.Conn, request, buf []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	for have, want := 0, -1; want < 0 || have < want; {
		n, err := conn.Read(buf[have:])
		if err != nil {
			return err
		}
		have += n
		if end := bytes.Index(buf[:have], []byte("\r\n\r\n")); want < 0 && end >= 0 {
			_, rest, _ := bytes.Cut(buf[:end+2], []byte("Content-Length: "))
			length, _, _ := bytes.Cut(rest, []byte("\r\n"))
			size, err := strconv.Atoi(string(length))
			if err != nil || !bytes.HasPrefix(buf, []byte("HTTP/1.1 201 ")) {
				return fmt.Errorf("the answer is %q", buf[:have])
			}
			want = end + 4 + size
		}
	}
	return nil
}

// publishClient has the callers publish through one client.
func publishClient(ctx context.Context, b *bench, f flavour) (sample, error) {
	n, err := b.theNode(ctx, f)
	if err != nil {
		return sample{}, err
	}
	c, err := client.New(client.Options{Node: "unix://" + n.socket})
	if err != nil {
		return sample{}, err
	}
	defer c.Close()
	message := json.RawMessage(body())
	return b.timed(ctx, n.server, callers, func(int) (func() error, func(), error) {
		return func() error {
			_, err := c.Publish(ctx, benchTopic, message)
			return err
		}, func() {}, nil
	})
}

// linesInChunk is how many messages an NDJSON publisher writes at once.
const linesInChunk = 64

// publishNDJSON streams messages over four connections and counts the receipts.
func publishNDJSON(ctx context.Context, b *bench, f flavour) (sample, error) {
	n, err := b.theNode(ctx, f)
	if err != nil {
		return sample{}, err
	}
	if _, err := streamAll(n.socket, 4, func(time.Duration, int) bool { return false }); err != nil { // warm-up
		return sample{}, err
	}
	before, err := n.cpu()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	count, err := streamAll(n.socket, 4, func(took time.Duration, _ int) bool { return took < b.o.span && ctx.Err() == nil })
	if err != nil {
		return sample{}, err
	}
	took := time.Since(start)
	after, err := n.cpu()
	return sample{rate: float64(count) / took.Seconds(), cpu: (after - before) / time.Duration(count)}, err
}

// streamAll publishes over some connections until more, asked after each chunk with the time since the start and the
// chunks that a connection has sent, says no, and returns the number of receipts: one for each message, or an error.
func streamAll(socket string, connections int, more func(time.Duration, int) bool) (int, error) {
	chunk := []byte(strings.Repeat(submission()+"\n", linesInChunk))
	chunk = fmt.Appendf(nil, "%x\r\n%s\r\n", len(chunk), chunk)
	counts, errs := make([]int, connections), make([]error, connections)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			counts[i], errs[i] = streamOne(socket, chunk, func(sent int) bool { return more(time.Since(start), sent) })
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, errors.Join(errs...)
}

// streamOne is one connection of streamAll.
func streamOne(socket string, chunk []byte, more func(sent int) bool) (int, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	sent := make(chan int, 1)
	wrote := make(chan error, 1)
	go func() { // ends at the latest when the connection is closed
		_, err := io.WriteString(conn, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
		n := 0
		for err == nil && (n == 0 || more(n)) {
			_, err = conn.Write(chunk)
			n++
		}
		if err == nil {
			_, err = io.WriteString(conn, "0\r\n\r\n")
		}
		sent <- n * linesInChunk
		wrote <- err
	}()
	receipts, faults := newCounter(`"duplicate":false`), newCounter(`"error":`)
	buf := make([]byte, 256<<10)
	for {
		n, err := conn.Read(buf)
		receipts.add(buf[:n])
		faults.add(buf[:n])
		if faults.n > 0 {
			return 0, fmt.Errorf("the node refused a message: %.300s", buf[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	if n, err := <-sent, <-wrote; err != nil || receipts.n != n {
		return 0, fmt.Errorf("%d receipts for %d messages: %v", receipts.n, n, err)
	}
	return receipts.n, nil
}
