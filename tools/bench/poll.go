package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	pollRows  = 100_000 // of about 230 bytes
	pollWarm  = 2       // answers before it is measured: the first is kept, the next has the memory grow
	pollTimes = 5       // answers that are measured
)

// pollTable is what is polled, whose rows never change, in the order of their keys or, with another stride, in one of its own.
func pollTable(stride int) string {
	var b strings.Builder
	for i := range pollRows {
		n := i * stride % pollRows
		fmt.Fprintf(&b, `%c{"package":"package-%06d","architecture":"amd64","version":"1.%d-1","state":"Installed","builder":"x86-conova-01",`+
			`"section":"libs","priority":"optional","state_change":"2026-01-31 12:%02d:00","notes":"out-of-date"}`, "[,"[min(i, 1)], n, n, n%60)
	}
	return b.String() + "]"
}

// pollSame measures answers that are the same to the byte, as of a file that nobody wrote.
func pollSame(ctx context.Context, b *bench) (sample, error) { return poll(ctx, b, pollTable(1)) }

// pollMoved measures answers with the same rows in another order each time, as of a query that asks for none.
func pollMoved(ctx context.Context, b *bench) (sample, error) {
	return poll(ctx, b, pollTable(7919), pollTable(1237))
}

// poll measures how long a node takes to ask for a table by HTTP in which nothing has changed, and to find that out: the median, and the
// memory of the whole node behind it. It is answered with the tables in turns.
func poll(ctx context.Context, b *bench, tables ...string) (_ sample, err error) {
	asked := 0
	answers := make(chan struct{}, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return sample{}, err
	}
	server := http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case answers <- struct{}{}: // the one before has been compared by now
		case <-r.Context().Done():
		}
		asked++ // one at a time
		_, _ = io.WriteString(w, tables[asked%len(tables)])
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() {
		err = errors.Join(err, server.Close())
		<-served
	}()
	n, err := b.startBridged(ctx, "poll", filepath.Join(b.dir, fmt.Sprintf("poll-%d", time.Now().UnixNano())),
		fmt.Sprintf("[[source]]\nname = \"table\"\nfrom = \"poll+http://%s/\"\ntopics = [\"#\"]\n[source.poll]\nevery = \"1s\"\nkey = [\"package\", \"architecture\"]\ntopic = \"wannabuild.package\"\n", l.Addr()))
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	var spans []time.Duration
	for i := range pollWarm + pollTimes + 1 {
		select {
		case <-answers:
		case <-ctx.Done():
			return sample{}, ctx.Err()
		}
		if i <= pollWarm {
			continue
		}
		took, err := n.pollTook()
		if err != nil {
			return sample{}, err
		}
		spans = append(spans, took)
	}
	size, err := n.rss()
	return sample{span: quantile(spans, 0.5), size: size}, err
}

// pollTook is how long the node says that the last answer took it.
func (n *bridged) pollTook() (time.Duration, error) {
	answer, err := n.http.Get("http://localhost/metrics")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, `fedmsg_poll_answer_seconds{source="table"} `); ok {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return time.Duration(seconds * float64(time.Second)), err
		}
	}
	return 0, errors.Join(err, errors.New("the node does not say how long a poll took"))
}

func pollStage() stage {
	reach := func(name, title string) row {
		return row{[]string{name}, title, "≤ 200 ms, ≤ 50 MB", func(m func(string) sample) (string, bool) {
			s := m(name)
			return fmt.Sprintf("%d ms, %d MB", s.span.Milliseconds(), s.size/1e6), s.span <= 200*time.Millisecond && s.size <= 50e6
		}}
	}
	return stage{
		title: fmt.Sprintf("poll of %d rows by HTTP, nothing changed", pollRows),
		contenders: []contender{
			{name: "poll", title: "a node: to ask, read and compare; and its memory", run: pollSame},
			{name: "poll-moved", title: "the same, the rows in another order each time", run: pollMoved},
		},
		rows: []row{
			reach("poll", "poll of 100,000 rows, nothing changed"),
			reach("poll-moved", "poll of 100,000 rows, nothing changed but their order"),
		},
	}
}
