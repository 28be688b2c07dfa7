package nats

import (
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// order puts what an earlier connection had taken and not settled, and the server brings again, before what is new, and leaves
// out what it brings again while it is still under way here. It is bounded by the consumer's max ack pending: the server sends
// no more that is not acknowledged.
type order struct {
	// Owned by whoever calls take.
	last  uint64 // number in the stream of the newest message that the earlier connections were given
	await int    // messages of those that have not come yet
	old   []held // those that have
	fresh []held // what is new, until they all have

	mu   sync.Mutex          // guards what follows
	open map[uint64]struct{} // numbers of what came and is not settled
}

// held is a message that waits for others.
type held struct {
	seq uint64
	m   jetstream.Msg
}

func newOrder(last uint64, await int) *order {
	return &order{last: last, await: await, open: make(map[uint64]struct{})}
}

// take takes a message that came, and gives what is next in order; mostly it is the same.
func (o *order) take(m jetstream.Msg) []jetstream.Msg {
	meta, err := m.Metadata()
	if err != nil {
		return []jetstream.Msg{m}
	}
	seq := meta.Sequence.Stream
	if !o.begin(seq) {
		return nil
	}
	switch {
	case o.await == 0:
		return []jetstream.Msg{m}
	case seq > o.last:
		o.fresh = append(o.fresh, held{seq, m})
	default:
		o.old = append(o.old, held{seq, m})
		o.await--
	}
	if o.await > 0 {
		return nil
	}
	return o.release()
}

// giveUp waits no longer for what has not come. It gives nil where nothing was awaited.
func (o *order) giveUp() []jetstream.Msg {
	if o.await == 0 {
		return nil
	}
	o.await = 0
	return o.release()
}

func (o *order) release() []jetstream.Msg {
	all := slices.Concat(o.old, o.fresh)
	o.old, o.fresh = nil, nil
	slices.SortFunc(all, func(a, b held) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	messages := make([]jetstream.Msg, len(all))
	for i := range all {
		messages[i] = all[i].m
	}
	return messages
}

// begin reports whether the message is not under way already.
func (o *order) begin(seq uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, known := o.open[seq]
	o.open[seq] = struct{}{}
	return !known
}

// underWay is how many messages came and are not settled.
func (o *order) underWay() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.open)
}

// settled lets go of a number.
func (o *order) settled(seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, seq)
}
