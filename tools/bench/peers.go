package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// How many messages a node catches up with from another.
const (
	peerCount       = 400_000
	peerSignedCount = 60_000 // where each signature is verified
)

// joined is how a node catches up with another.
type joined struct {
	pull   bool // it follows the other, which pushes otherwise
	signed bool // the messages, whose signatures it verifies
}

func (j joined) count(b *bench) int {
	n := peerCount
	if j.signed {
		n = peerSignedCount
	}
	if b.o.quick {
		n /= 10
	}
	return n
}

// signedTail is filledTail of a log whose messages its node has signed with the bench's key.
func (b *bench) signedTail(ctx context.Context, count int) (state string, after fedmsg.Position, err error) {
	state = filepath.Join(b.dir, "signed-log")
	if b.signedEnd.IsZero() {
		text, err := b.signingConfig()
		if err != nil {
			return "", after, err
		}
		n, err := b.startConfigured(ctx, "filled-signed", state, text)
		if err != nil {
			return "", after, err
		}
		each := count/4/linesInChunk + 1
		_, err = streamAll(n.socket, 4, func(_ time.Duration, sent int) bool { return sent < each && ctx.Err() == nil })
		id, last, logErr := bridgedOf(n).logEnd()
		if err := firstError(err, logErr, n.stop()); err != nil {
			return "", after, err
		}
		b.signedEnd = fedmsg.Position{Log: id, Seq: last}
	}
	return state, fedmsg.Position{Log: b.signedEnd.Log, Seq: b.signedEnd.Seq - uint64(count)}, nil
}

// signingConfig is the configuration of a node that signs with the bench's key.
func (b *bench) signingConfig() (string, error) {
	k, err := b.theKey()
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.bare)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, "node.key")
	return fmt.Sprintf("[signing]\nkey = %q\n", path), os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// catchUpPeer has an empty node catch up with another, and gives the rate at which its log grows and the CPU time of both for each.
func catchUpPeer(j joined) func(context.Context, *bench) (sample, error) {
	return func(ctx context.Context, b *bench) (s sample, err error) {
		count := j.count(b)
		tail, trust := b.filledTail, ""
		if j.signed {
			k, err := b.theKey()
			if err != nil {
				return s, err
			}
			tail, trust = b.signedTail, fmt.Sprintf("[[trust]]\nname = %q\nkeys = [%q]\ntopics = [\"#\"]\n", benchSigner, k.public)
		}
		state, after, err := tail(ctx, count)
		if err != nil {
			return s, err
		}
		from, to, err := b.join(ctx, j, state, after, trust)
		if err != nil {
			return s, err
		}
		defer func() { err = firstError(err, from.stop(), to.stop(), os.RemoveAll(to.state)) }()
		return growth(ctx, uint64(count), to, from)
	}
}

// join starts both nodes.
func (b *bench) join(ctx context.Context, j joined, state string, after fedmsg.Position, trust string) (from, to *bridged, err error) {
	name := fmt.Sprintf("peer-%d", b.bridges) // with a place of its own
	first, second, begin := "", trust, after.String()
	if begin == "" {
		begin = "beginning"
	}
	start := func(name, state, lines string) *bridged {
		if err != nil {
			return nil
		}
		var n *bridged
		n, err = b.startBridged(ctx, name, state, lines)
		return n
	}
	fresh := filepath.Join(b.dir, name)
	if j.pull {
		from = start("peer-from", state, first)
		if err == nil {
			second = fmt.Sprintf("[[source]]\nname = %q\ntopics = [\"#\"]\nfrom = \"unix://%s?start=%s\"\n", name, from.socket, begin) + second
		}
		return from, start("peer-to", fresh, second), err
	}
	to = start("peer-to", fresh, second)
	if err == nil {
		first = fmt.Sprintf("[[sink]]\nname = %q\ntopics = [\"#\"]\nstart = %q\nto = \"unix://%s\"\n", name, begin, to.socket)
	}
	return start("peer-from", state, first), to, err
}

// growth measures how fast the log of the first node grows to so many entries, and the CPU time of all.
func growth(ctx context.Context, count uint64, nodes ...*bridged) (sample, error) {
	var first uint64
	var began time.Time
	var before time.Duration
	late := time.After(2 * time.Minute)
	for {
		_, last, err := nodes[0].logEnd()
		if err != nil {
			return sample{}, err
		}
		cpu, err := cpuOf(nodes)
		switch {
		case err != nil:
			return sample{}, err
		case last > 0 && began.IsZero():
			first, began, before = last, time.Now(), cpu
		case last >= count:
			n := last - first
			return sample{rate: float64(n) / time.Since(began).Seconds(), cpu: (cpu - before) / time.Duration(max(1, n))}, nil
		}
		select {
		case <-ctx.Done():
			return sample{}, ctx.Err()
		case <-late:
			return sample{}, fmt.Errorf("%d of %d messages have arrived", last, count)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func cpuOf(nodes []*bridged) (all time.Duration, err error) {
	for _, n := range nodes {
		cpu, cpuErr := n.cpu()
		all, err = all+cpu, errors.Join(err, cpuErr)
	}
	return all, err
}

// peerBareCount is how many entries the bare publisher sends: it has them all in memory.
const peerBareCount = 100_000

// barePeer has a bare publisher write the lines of a log to an empty node over one connection, as a sink does, and reads the answers
// without looking at more than whether each is a receipt.
func barePeer(ctx context.Context, b *bench) (s sample, err error) {
	count := min(peerBareCount, joined{}.count(b))
	state, after, err := b.filledTail(ctx, count)
	if err != nil {
		return s, err
	}
	from, err := b.startBridged(ctx, "peer-from", state, "")
	if err != nil {
		return s, err
	}
	chunks, err := entryChunks(from.socket, after, count)
	if err := firstError(err, from.stop()); err != nil {
		return s, err
	}
	to, err := b.startBridged(ctx, "peer-to", filepath.Join(b.dir, fmt.Sprintf("peer-%d", b.bridges)), "")
	if err != nil {
		return s, err
	}
	defer func() { err = firstError(err, to.stop(), os.RemoveAll(to.state)) }()
	before, err := to.cpu()
	if err != nil {
		return s, err
	}
	began := time.Now()
	if err := writeChunks(to.socket, chunks, count); err != nil {
		return s, err
	}
	took := time.Since(began)
	cpu, err := to.cpu()
	return sample{rate: float64(count) / took.Seconds(), cpu: (cpu - before) / time.Duration(count)}, err
}

// entryChunks reads entries behind a position, and gives them as HTTP chunks.
func entryChunks(socket string, after fedmsg.Position, count int) (chunks [][]byte, err error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /v1/stream?after=%s&limit=%d HTTP/1.0\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n", after, count)
	in := newLines(conn)
	if err := in.skipHead(); err != nil {
		return nil, err
	}
	var chunk []byte
	for n := range count {
		line, err := in.next()
		if err != nil {
			return nil, fmt.Errorf("after %d of %d entries: %w", n, count, err)
		}
		if chunk = append(chunk, line...); len(chunk) >= 64<<10 || n == count-1 {
			chunks = append(chunks, fmt.Appendf(nil, "%x\r\n%s\r\n", len(chunk), chunk))
			chunk = chunk[:0]
		}
	}
	return chunks, nil
}

// lines reads lines that stay valid until the next.
type lines struct{ *bufio.Reader }

func newLines(r io.Reader) lines { return lines{bufio.NewReaderSize(r, 1<<20)} }

// skipHead passes over the head of an answer, which must be a 200.
func (l lines) skipHead() error {
	status, err := l.next()
	if err == nil && !bytes.Contains(status, []byte(" 200 ")) {
		err = fmt.Errorf("the answer is %q", status)
	}
	for line := status; err == nil && len(line) > len("\r\n"); {
		line, err = l.next()
	}
	return err
}

func (l lines) next() ([]byte, error) { return l.ReadSlice('\n') }

// writeChunks sends the chunks as one request and returns when each line has its receipt.
func writeChunks(socket string, chunks [][]byte, count int) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	wrote := make(chan error, 1)
	go func() { // ends at the latest when the connection is closed
		_, err := io.WriteString(conn, "POST /v1/messages?replaying=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
		for i := 0; err == nil && i < len(chunks); i++ {
			_, err = conn.Write(chunks[i])
		}
		if err == nil {
			_, err = io.WriteString(conn, "0\r\n\r\n")
		}
		wrote <- err
	}()
	receipts := newCounter(`"duplicate":false`)
	buf := make([]byte, 256<<10)
	for receipts.n < count {
		n, err := conn.Read(buf)
		receipts.add(buf[:n])
		if err != nil {
			return fmt.Errorf("%d receipts for %d entries: %w", receipts.n, count, err)
		}
	}
	return <-wrote
}

// peerRate is how many messages a second a second node takes live, and peerLive how many are published in a round.
const (
	peerRate = 500
	peerLive = 2000
)

// livePeer publishes messages one by one at a node that pushes to another, or is followed, and gives the median of what that adds:
// from when a reader of the first has one until a reader of the second has it.
func livePeer(pull bool) func(context.Context, *bench) (sample, error) {
	return func(ctx context.Context, b *bench) (s sample, err error) {
		count := peerLive
		if b.o.quick {
			count /= 10
		}
		state := filepath.Join(b.dir, fmt.Sprintf("live-%d", b.bridges))
		if err := os.Mkdir(state, 0o700); err != nil {
			return s, err
		}
		from, to, err := b.joinLive(ctx, pull, state)
		if err != nil {
			return s, err
		}
		defer func() {
			err = firstError(err, from.stop(), to.stop(), os.RemoveAll(from.state), os.RemoveAll(to.state))
		}()
		var seen [2][]time.Time
		var errs [2]error
		var readers sync.WaitGroup
		for i, n := range []*bridged{from, to} {
			conn, err := net.Dial("unix", n.socket)
			if err != nil {
				return s, err
			}
			defer conn.Close()
			readers.Go(func() { seen[i], errs[i] = readMarks(conn, count) })
		}
		if err := pacedAt(ctx, from.socket, peerRate, count); err != nil {
			return s, err
		}
		readers.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return s, err
		}
		var added []time.Duration
		for n := range seen[0] {
			added = append(added, seen[1][n].Sub(seen[0][n]))
		}
		return sample{span: quantile(added, 0.5)}, nil
	}
}

// joinLive joins two empty nodes.
func (b *bench) joinLive(ctx context.Context, pull bool, state string) (from, to *bridged, err error) {
	return b.join(ctx, joined{pull: pull}, state, fedmsg.Position{}, "")
}

// readMarks reads a stream until it has seen the marks 0 to count-1, in order, and gives when it saw each.
func readMarks(conn net.Conn, count int) (seen []time.Time, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	fmt.Fprint(conn, "GET /v1/stream?after=0 HTTP/1.0\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n")
	in := newLines(conn)
	if err := in.skipHead(); err != nil {
		return nil, err
	}
	for len(seen) < count {
		line, err := in.next()
		if err != nil {
			return nil, fmt.Errorf("after %d of %d messages: %w", len(seen), count, err)
		}
		if bytes.Contains(line, []byte(`"mark":`)) {
			seen = append(seen, time.Now())
		}
	}
	return seen, nil
}

// peerStage is how fast nodes catch up with one another, and what a second node adds live.
func peerStage() stage {
	return stage{
		title: "node to node over a unix socket, 1 KB, an empty node catches up; CPU time is that of both",
		contenders: []contender{
			{name: "peer-bare", title: "a bare publisher of the same lines from memory, CPU time of the receiver alone", peer: true, run: barePeer},
			{name: "peer-push", title: "pushed by a sink", run: catchUpPeer(joined{})},
			{name: "peer-pull", title: "followed by a source", run: catchUpPeer(joined{pull: true})},
			{name: "peer-push-verified", title: "pushed, each signature (Ed25519) verified", run: catchUpPeer(joined{signed: true})},
			{name: "peer-pull-verified", title: "followed, each signature verified", run: catchUpPeer(joined{signed: true, pull: true})},
			{name: "peer-push-live", title: fmt.Sprintf("pushed, %d a second one by one: what it adds, p50", peerRate), run: livePeer(false)},
			{name: "peer-pull-live", title: fmt.Sprintf("followed, %d a second one by one: what it adds, p50", peerRate), run: livePeer(true)},
		},
		rows: []row{
			{[]string{"peer-push", "peer-bare"}, "node → node, push, 1 KB, catching up", "≥ 100,000/s", peerRow("peer-push")},
			{[]string{"peer-pull"}, "node → node, pull, 1 KB, catching up", "≥ 100,000/s", peerRow("peer-pull")},
			{[]string{"peer-push-verified", "peer-pull-verified"}, "the same, each signature verified", "–", func(m func(string) sample) (string, bool) {
				return fmt.Sprintf("%s/s pushed, %s/s pulled", thousands(m("peer-push-verified").rate), thousands(m("peer-pull-verified").rate)), true
			}},
			{[]string{"peer-push-live", "peer-pull-live"}, "node → node live, added p50", "≤ 2 ms", func(m func(string) sample) (string, bool) {
				push, pull := m("peer-push-live").span, m("peer-pull-live").span
				return fmt.Sprintf("%.2f ms pushed, %.2f ms pulled", float64(push)/1e6, float64(pull)/1e6), max(push, pull) <= 2*time.Millisecond
			}},
		},
	}
}

func peerRow(name string) func(func(string) sample) (string, bool) {
	return func(m func(string) sample) (string, bool) {
		s := m(name)
		return fmt.Sprintf("%s/s, %.1f µs CPU of both (a bare publisher of the same lines %s/s)", thousands(s.rate), micros(s.cpu), thousands(m("peer-bare").rate)), s.rate >= 100_000
	}
}
