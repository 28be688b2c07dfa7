package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// How often a question is asked in a round: until the round is over, but at least and at most so many times.
const (
	leastAsked = 40
	mostAsked  = 400
)

// theArchiveNode gives a node on the kept archive, started at first use in a stage.
func (b *bench) theArchiveNode(ctx context.Context, a *archives) (*node, error) {
	f := flavour("archive-" + a.name)
	if n := b.nodes[f]; n != nil {
		return n, nil
	}
	if _, err := a.fill(ctx, b); err != nil {
		return nil, err
	}
	text, state, err := a.kind.config(ctx, b, a.keptName(b))
	if err != nil {
		return nil, err
	}
	n, err := b.startConfigured(ctx, f, state, text)
	if err != nil {
		return nil, err
	}
	b.nodes[f] = n
	return n, n.await(ctx, 10*time.Millisecond, func() error { return n.archived(b.archiveRows()) })
}

// archived tells whether the node has so many messages in its archive.
func (n *node) archived(rows int) error {
	body, _, err := get(unixClient(n.socket), "/v1/archive")
	if err != nil {
		return err
	}
	var held struct{ Messages int }
	if err := json.Unmarshal(body, &held); err != nil {
		return err
	}
	if held.Messages != rows {
		return fmt.Errorf("the node's archive has %d messages, not %d: %s", held.Messages, rows, body)
	}
	return nil
}

// unixClient is an HTTP client of one connection, which is kept.
func unixClient(socket string) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
}

// get asks and gives the answer and how long it took.
func get(c *http.Client, path string) ([]byte, time.Duration, error) {
	start := time.Now()
	resp, err := c.Get("http://localhost" + path)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	took := time.Since(start)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return body, took, err
}

// ask asks the questions of a class one after the other, each with something else, and gives the p50 and p99 of the time until the
// answer was read.
func (a *archives) ask(ctx context.Context, b *bench, q question) (sample, error) {
	n, err := b.theArchiveNode(ctx, a)
	if err != nil {
		return sample{}, err
	}
	c := unixClient(n.socket)
	defer c.CloseIdleConnections()
	round := len(b.samples[a.contender("query-"+q.name)])
	d := drawing{h: b.theHistory(), r: rand.New(rand.NewPCG(7, uint64(round))), rows: b.archiveRows()}
	before, err := n.cpu()
	if err != nil {
		return sample{}, err
	}
	var took []time.Duration
	for start := time.Now(); len(took) < mostAsked && (len(took) < leastAsked || time.Since(start) < b.o.span) && ctx.Err() == nil; {
		path := q.path(&d)
		body, t, err := get(c, path)
		if err == nil {
			err = q.check(body)
		}
		if err != nil {
			return sample{}, fmt.Errorf("%s: %w", path, err)
		}
		took = append(took, t)
	}
	after, err := n.cpu()
	return sample{span: quantile(took, 0.5), tail: quantile(took, 0.99), cpu: (after - before) / time.Duration(max(1, len(took)))}, err
}

// check makes sure that an answer is one, and whole.
func (q *question) check(body []byte) error {
	var answer struct {
		Messages []json.RawMessage
		Points   []json.RawMessage
		Partial  bool
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	switch {
	case answer.Partial:
		return fmt.Errorf("the answer is partial, with %d messages", len(answer.Messages))
	case q.exactly >= 0 && len(answer.Messages) != q.exactly:
		return fmt.Errorf("the answer has %d messages, not %d", len(answer.Messages), q.exactly)
	case q.points && len(answer.Points) == 0:
		return fmt.Errorf("the answer has no numbers")
	}
	return nil
}

// mostExported is how many messages are exported in a round.
const mostExported = 500_000

// export reads messages as NDJSON, the oldest first, and counts them.
func (a *archives) export(ctx context.Context, b *bench) (sample, error) {
	n, err := b.theArchiveNode(ctx, a)
	if err != nil {
		return sample{}, err
	}
	count := min(mostExported, b.archiveRows())
	before, err := n.cpu()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	if err := readExport(ctx, n.socket, count); err != nil {
		return sample{}, err
	}
	took := time.Since(start)
	after, err := n.cpu()
	return sample{rate: float64(count) / took.Seconds(), cpu: (after - before) / time.Duration(count)}, err
}

func readExport(ctx context.Context, socket string, count int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://localhost/v1/messages?order=oldest&limit=%d", count), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/x-ndjson")
	c := unixClient(socket)
	c.Timeout = 0 // ends with ctx
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	have, r := 0, bufio.NewReaderSize(resp.Body, 256<<10)
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case err == io.EOF && have == count:
			return nil
		case err != nil && err != bufio.ErrBufferFull:
			return fmt.Errorf("after %d of %d messages: %w", have, count, err)
		case err == nil && len(line) > 100:
			have++
		}
	}
}
