package deliver

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// feedLog is a feed as the daemon gives it to sinks.
type feedLog struct{ feed *feed.Feed }

func (l feedLog) Cursor(after fedmsg.Position) (Cursor, *fedmsg.Gap) {
	return feedCursor{l.feed.Cursor(after.Seq)}, nil
}

func (l feedLog) End() fedmsg.Position { return l.feed.Last() }

type feedCursor struct{ *feed.Cursor }

func (c feedCursor) Next() (*fedmsg.Entry, error) {
	item, err := c.Cursor.Next()
	return item.Entry, err
}

// nullSink takes everything. Each answers every entry by itself from another goroutine; else a Flush answers all.
type nullSink struct {
	each bool
}

func (s nullSink) Open(_ context.Context, answers *Answers) (Session, error) {
	n := &nullSession{each: s.each, answers: answers, sent: make(chan uint64, 256), done: make(chan struct{})}
	go n.answer()
	return n, nil
}

type nullSession struct {
	each    bool
	answers *Answers
	last    uint64
	sent    chan uint64
	done    chan struct{}
}

func (n *nullSession) answer() {
	defer close(n.done)
	for seq := range n.sent {
		if n.each {
			n.answers.Done(seq, nil)
		} else {
			n.answers.DoneThrough(seq)
		}
	}
}

func (n *nullSession) Send(_ context.Context, e *fedmsg.Entry) error {
	n.last = e.Position.Seq
	if n.each || n.last%256 == 0 {
		n.sent <- n.last
	}
	return nil
}

func (n *nullSession) Flush(context.Context) error {
	if !n.each {
		n.sent <- n.last
	}
	return nil
}

func (n *nullSession) Close() error {
	close(n.sent)
	<-n.done
	return nil
}

// BenchmarkRunner delivers entries of 1 KB from the feed's ring to a destination that takes everything.
func BenchmarkRunner(b *testing.B) {
	for _, each := range []bool{false, true} {
		for _, inFlight := range []int{1024, 8192} {
			b.Run(fmt.Sprintf("each=%v/in_flight=%d", each, inFlight), func(b *testing.B) { benchRunner(b, each, inFlight) })
		}
	}
}

func benchRunner(b *testing.B, each bool, inFlight int) {
	live := feed.New(feed.Config{Log: testLog, RingBytes: 1 << 30, RingEntries: 1 << 18})
	defer live.Close()
	c := config(b, "null")
	c.InFlight, c.Start = inFlight, "now"
	set := newSet(b, feedLog{live}, b.TempDir(), c, nullSink{each})
	set.Start()
	defer stop(b, set)
	envelope := bytes.Repeat([]byte("x"), 1024)
	batch := func(first uint64, n int) []fedmsg.Entry {
		entries := make([]fedmsg.Entry, n)
		for i := range entries {
			entries[i] = fedmsg.Entry{Position: at(first + uint64(i)), Received: time.Now(), Topic: "org.example.dev.git.push", ID: "x", Envelope: envelope}
		}
		return entries
	}
	const most = 1 << 17 // the ring holds it
	b.ResetTimer()
	next := uint64(1)
	for left := b.N; left > 0; {
		n := min(left, most)
		b.StopTimer()
		entries := batch(next, n)
		b.StartTimer()
		live.Publish(entries)
		next += uint64(n)
		left -= n
		last := &entries[n-1]
		if d := set.Wait(context.Background(), last, "null")[0]; d.State != fedmsg.DeliveryDelivered {
			b.Fatalf("%+v", d)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
