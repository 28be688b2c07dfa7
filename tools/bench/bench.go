package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/tools/bench/history"
)

// messageBytes is the size of an envelope or payload in every comparison.
const messageBytes = 1024

// callers is the number of concurrent publishers that wait for each message.
const callers = 64

// sample is what one round measured. A field that the round does not measure is 0.
type sample struct {
	rate float64       // messages, or deliveries, in a second
	cpu  time.Duration // of the server, for a message
	span time.Duration // where the measured thing is a time
	tail time.Duration // its p99, where span is the p50
	size int64         // where it is bytes
	each int64         // bytes for one of many
}

// contender is one thing that is measured against others.
type contender struct {
	name  string
	title string
	peer  bool // not of this project
	run   func(context.Context, *bench) (sample, error)
}

// stage is contenders that take turns.
type stage struct {
	title      string
	contenders []contender
	rows       []row
	notes      func(context.Context, *bench) (string, error) // told below the stage in the report; nil is nothing
	noted      string
}

// bench is one run: the servers that it started and what was measured.
type bench struct {
	o       *options
	root    string // of the project
	dir     string // removed at the end
	nodes   map[flavour]*node
	key     *benchKey
	nats    *natsServer
	rabbit  *rabbitServer
	filled  string // state directory of a node with many messages, stopped
	bridges int    // nodes with sinks and sources that were started
	samples map[string][]sample

	filledEnd  fedmsg.Position // where the log of filled ends; zero before it was asked
	signedEnd  fedmsg.Position // the same of the log of signed messages; zero before it was made
	batchBytes int64           // of a batch of messages in the log; 0 before it was measured

	history *history.History // of the kept archives; nil before it was asked for
	ends    []func() error   // what a stage has opened, closed at its end
}

func newBench(o *options) (*bench, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.dir, "fedmsg-bench-")
	if err != nil {
		return nil, err
	}
	return &bench{o: o, root: root, dir: dir, nodes: make(map[flavour]*node), samples: make(map[string][]sample)}, nil
}

// tool gives the path of a program that ./bench has built.
func (b *bench) tool(name string) string { return filepath.Join(b.root, "tools", "bin", name) }

// measure lets the contenders of a stage take turns.
func (b *bench) measure(ctx context.Context, s stage) error {
	defer b.stopServers()
	for round := range b.o.rounds {
		for _, c := range s.contenders {
			sample, err := c.run(ctx, b)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", c.name, round+1, err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			b.samples[c.name] = append(b.samples[c.name], sample)
			fmt.Printf("round %d  %-24s %s\n", round+1, c.name, sample)
		}
	}
	return nil
}

// stopServers ends what a stage has started, so that the next has the machine alone.
func (b *bench) stopServers() {
	var err error
	for f, n := range b.nodes {
		err = errors.Join(err, n.stop())
		delete(b.nodes, f)
	}
	if b.nats != nil {
		err = errors.Join(err, b.nats.stop())
		b.nats = nil
	}
	if b.rabbit != nil {
		err = errors.Join(err, b.rabbit.stop())
		b.rabbit = nil
	}
	for _, end := range slices.Backward(b.ends) {
		err = errors.Join(err, end())
	}
	b.ends = nil
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: stopping the servers:", err)
	}
}

// atEnd has the end of the stage close something, before what was opened earlier.
func (b *bench) atEnd(end func() error) { b.ends = append(b.ends, end) }

func (b *bench) close() {
	b.stopServers()
	if err := os.RemoveAll(b.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// median gives the middle of the samples of a contender, each field on its own; false if it was not measured.
func (b *bench) median(name string) (sample, bool) {
	all := b.samples[name]
	if len(all) == 0 {
		return sample{}, false
	}
	return sample{
		rate: middle(all, func(s sample) float64 { return s.rate }),
		cpu:  middle(all, func(s sample) time.Duration { return s.cpu }),
		span: middle(all, func(s sample) time.Duration { return s.span }),
		tail: middle(all, func(s sample) time.Duration { return s.tail }),
		size: middle(all, func(s sample) int64 { return s.size }),
		each: middle(all, func(s sample) int64 { return s.each }),
	}, true
}

func middle[T float64 | time.Duration | int64](all []sample, field func(sample) T) T {
	values := make([]T, len(all))
	for i, s := range all {
		values[i] = field(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// String shows what was measured.
func (s sample) String() string {
	text := ""
	if s.rate > 0 {
		text += fmt.Sprintf("%10s/s ", thousands(s.rate))
	}
	if s.cpu > 0 {
		text += fmt.Sprintf("%8.1f µs CPU a message ", float64(s.cpu)/1e3)
	}
	switch {
	case s.span >= time.Millisecond:
		text += fmt.Sprintf("%9.2f ms ", float64(s.span)/1e6)
	case s.span > 0:
		text += fmt.Sprintf("%9.1f µs ", micros(s.span))
	}
	if s.tail > 0 {
		text += fmt.Sprintf("p99 %9.2f ms ", float64(s.tail)/1e6)
	}
	if s.size > 0 {
		text += fmt.Sprintf("%8.1f MB ", float64(s.size)/1e6)
	}
	if s.each > 0 {
		text += fmt.Sprintf("%8d bytes each ", s.each)
	}
	return text
}

// thousands writes a number with commas.
func thousands(f float64) string {
	text := fmt.Sprintf("%.0f", f)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
