package process

import (
	"fmt"
	"net/url"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSeamUnderLoad follows a node from its beginning, which only the archive still has, over into the log and what is new, while
// publishers write and retention removes what is behind the archive: each reader gets every entry once and in order, and no gap.
func TestSeamUnderLoad(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite", Config: "[log]\nsegment_bytes = \"64KiB\"\nmax_bytes = \"4MiB\"\n"})
	acked := newAcknowledged()
	l := startLoad(t, node, 2, "seam", acked)
	for n := 0; node.Log(t).First <= 1; n += 500 {
		acked.await(t, n, l.ended)
	}
	for round := range fedmsgtest.Count(2, 10) {
		log := node.Log(t)
		queries := []url.Values{
			{"since": {"30d"}},
			{"after": {fedmsg.Position{Log: log.ID, Seq: 1}.String()}, "topic": {topic}},
			{"after": {fedmsg.Position{Log: log.ID, Seq: 1 + log.First/2}.String()}},
		}
		var wg sync.WaitGroup
		for _, q := range queries {
			wg.Go(func() { followOver(t, node, q, log.Last+1000) })
		}
		wg.Wait()
		if now := node.Log(t); now.First <= log.First {
			t.Errorf("round %d: retention removed nothing meanwhile: the log was from %d to %d and is from %d to %d", round, log.First, log.Last, now.First, now.Last)
		}
		if t.Failed() {
			break
		}
	}
	l.stop()
	<-l.ended
	rows := archived(t, node)
	noneMissing(t, rows, max(len(rows), len(acked.snapshot())))
}

// followOver follows a query up to an entry, and fails the test unless every entry comes once and in order.
func followOver(t *testing.T, node *fedmsgtest.Node, query url.Values, last uint64) {
	next := uint64(1)
	if p, err := fedmsg.ParsePosition(query.Get("after")); err == nil && !p.IsZero() {
		next = p.Seq + 1
	}
	fault := ""
	err := node.Follow(t.Context(), query.Encode(), func(i fedmsgtest.Item) bool {
		switch {
		case i.Gap != nil:
			fault = fmt.Sprintf("a gap: %s", i.Gap)
		case i.Entry != nil && i.Entry.Position.Seq != next:
			fault = fmt.Sprintf("%s where %d should come", i.Entry.Position, next)
		case i.Entry != nil:
			next++
		}
		return fault == "" && next <= last
	})
	if err != nil || fault != "" || next <= last {
		t.Errorf("%s: it comes to %d of %d: %s (%v)", query.Encode(), next-1, last, fault, err)
	}
}
