package ingest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestCountersTogether has 64 senders submit all kinds of lines at once, repetitions included, in batches and alone, over the
// real log. The node's own envelopes must be numbered without a hole in the log's order, each sender's messages must stand
// in the order in which it sent them, and one id must have one entry.
func TestCountersTogether(t *testing.T) {
	const senders, rounds = 64, 12
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	log := openLog(t)
	d := newDoor(log, nil)
	var wg sync.WaitGroup
	for s := range senders {
		random := rand.New(rand.NewPCG(seed, uint64(s)))
		wg.Go(func() {
			var tickets []fedmsg.Ticket
			for r := range rounds {
				var lines [][]byte
				for k := range 1 + random.IntN(4) {
					lines = append(lines, randomLine(random, s, r*10+k))
				}
				tickets = append(tickets, d.Submit(t.Context(), root, lines...))
				if random.IntN(3) == 0 {
					checkTickets(t, tickets)
					tickets = nil
				}
			}
			checkTickets(t, tickets)
		})
	}
	wg.Wait()
	next, last, ids := uint64(1), map[string]int{}, map[string]bool{}
	for _, e := range readAll(t, log) {
		if ids[e.ID] {
			t.Fatalf("id %s is stored twice", e.ID)
		}
		ids[e.ID] = true
		if e.Made {
			if v := parse(t, e); v.N != next || v.I != next {
				t.Fatalf("seq %d has n %d and i %d, not %d", e.Position.Seq, v.N, v.I, next)
			}
			next++
		}
		var s, k int
		if _, err := fmt.Sscanf(e.Topic, "s%d.k%d", &s, &k); err == nil {
			if l, ok := last[fmt.Sprint(s)]; ok && k <= l {
				t.Fatalf("sender %d: %d stands behind %d", s, k, l)
			}
			last[fmt.Sprint(s)] = k
		}
	}
	if next < senders {
		t.Errorf("only %d envelopes were made", next-1)
	}
}

// randomLine is a line of sender s: its k-th own message in one of three forms, or a repetition of one that all share.
func randomLine(random *rand.Rand, s, k int) []byte {
	switch random.IntN(5) {
	case 0:
		return fmt.Appendf(nil, `{"topic":"s%d.k%d","msg":{}}`, s, k)
	case 1:
		return fmt.Appendf(nil, `{"topic":"s%d.k%d","msg":{},"id":"own-%d-%d"}`, s, k, s, k)
	case 2:
		return fmt.Appendf(nil, `{"topic":"s%d.k%d","msg":{},"msg_id":"own-%d-%d"}`, s, k, s, k)
	case 3:
		return fmt.Appendf(nil, `{"topic":"shared","msg":{},"msg_id":"env-%d"}`, random.IntN(50))
	}
	return fmt.Appendf(nil, `{"topic":"shared","msg":{},"id":"sub-%d"}`, random.IntN(200))
}

func checkTickets(t *testing.T, tickets []fedmsg.Ticket) {
	for _, ticket := range tickets {
		out, err := ticket.Wait(t.Context())
		if err != nil {
			t.Error(err)
		}
		for _, o := range out {
			if o.Err != nil {
				t.Error(o.Err)
			}
		}
	}
}

// TestRecentForgets holds that the memory of ids in flight is bounded, and that no id in flight is forgotten.
func TestRecentForgets(t *testing.T) {
	r, log := newRecent(), newMemLog()
	submit := func(from, n int) {
		for i := range n {
			r.add(fmt.Sprint(from + i))
		}
		ticket, err := log.Submit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.leave(t.Context()).ticket = ticket
	}
	submit(0, recentIDs)
	submit(recentIDs, recentIDs)
	if r.find(fmt.Sprint(recentIDs)) == nil || r.find("0") != nil || len(r.young)+len(r.old) > recentIDs {
		t.Errorf("remembers %d and %d; the first: %v", len(r.young), len(r.old), r.find("0"))
	}
	log.hold()
	submit(2*recentIDs, recentIDs)
	first := r.oldLast
	done := make(chan struct{})
	go func() {
		defer close(done)
		submit(3*recentIDs, recentIDs)
	}()
	<-log.waited
	select {
	case <-done:
		t.Error("ids in flight were forgotten")
	default:
	}
	log.release()
	<-done
	if err := first.settled(t.Context()); err != nil || len(r.old) != recentIDs {
		t.Errorf("%v, %d", err, len(r.old))
	}
}

// line1K is an envelope of about 1 KB.
func line1K() []byte {
	return fmt.Appendf(nil, `{"topic":"org.example.dev.bench.message.new","msg_id":"2026-01234567-89ab-cdef-0123-456789abcdef","timestamp":1795262400,"username":"root","i":1,"msg":{"text":"%s","list":[1,2,3],"nested":{"a":{"b":true}}}}`,
		bytes.Repeat([]byte("x"), 790))
}

// TestRepetitionDelaysNobody holds that a sender who repeats an id that is still in flight waits alone.
func TestRepetitionDelaysNobody(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, nil)
	log.hold()
	line := []byte(`{"topic":"a.b","msg":{},"id":"x"}`)
	first := d.Submit(t.Context(), root, line)
	second := make(chan fedmsg.Ticket)
	go func() {
		second <- d.Submit(t.Context(), root, []byte(`{"topic":"a.first","msg":{}}`), line, []byte(`{"topic":"a.last","msg":{}}`))
	}()
	<-log.waited
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	other := d.Submit(ctx, root, []byte(`{"topic":"a.other","msg":{}}`))
	if ctx.Err() != nil {
		t.Fatal("another sender had to wait")
	}
	log.release()
	if out, err := (<-second).Wait(t.Context()); err != nil || !slices.Equal(words(out), []string{"new", "duplicate", "new"}) {
		t.Errorf("the repetition: %v, %v", words(out), err)
	}
	for _, ticket := range []fedmsg.Ticket{first, other} {
		if out, err := ticket.Wait(t.Context()); err != nil || word(out[0]) != "new" {
			t.Errorf("%v, %v", out, err)
		}
	}
	var topics []string
	for i, e := range log.all() {
		if v := parse(t, e); v.N != uint64(i+1) {
			t.Errorf("%s has n %d, not %d", e.Topic, v.N, i+1)
		}
		topics = append(topics, e.Topic)
	}
	if want := []string{"a.b", "a.first", "a.other", "a.last"}; !slices.Equal(topics, want) {
		t.Errorf("stored %v, want %v", topics, want)
	}
}
