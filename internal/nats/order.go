package nats

import (
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// order keeps the stream's order over what the server sends twice or sends elsewhere, and leaves out what it brings again while
// that is under way here or was just settled.
//
// A server counts what it sends on behalf of a consumer. Where a number is missing, a message went to somebody else: mostly to an
// earlier connection of this source whose end the server has not seen. Everything is held then until the server waits for nothing
// that is not here. That is bounded by the consumer's max ack pending: the server sends no more that is not acknowledged.
type order struct {
	// Owned by whoever calls take.
	next  uint64 // the consumer's number of what comes next
	doubt bool   // something may be elsewhere
	held  []held // what waits until nothing is
	loose bool   // order is given up: somebody else uses the consumer

	mu     sync.Mutex          // guards what follows
	open   map[uint64]struct{} // numbers in the stream of what came and is not settled
	lately []uint64            // a ring of those settled last, which may have been on their way a second time
	oldest int                 // index in lately
	recent map[uint64]struct{} // those in lately
}

// maxLately is how many settled numbers are known: more than a server sends before it has seen that they are acknowledged.
const maxLately = 4 << 10

// held is a message that waits for others.
type held struct {
	seq uint64
	m   jetstream.Msg
}

// newOrder is for a consumer of which so many messages were sent and so many of them are not acknowledged.
func newOrder(sent uint64, pending int) *order {
	return &order{next: sent + 1, doubt: pending > 0, open: make(map[uint64]struct{}), recent: make(map[uint64]struct{})}
}

// take takes a message that came, and gives what is next in order; mostly it is the same.
func (o *order) take(m jetstream.Msg) []jetstream.Msg {
	meta, err := m.Metadata()
	if err != nil {
		return []jetstream.Msg{m}
	}
	if meta.Sequence.Consumer != o.next && !o.loose {
		o.doubt = true
	}
	o.next = meta.Sequence.Consumer + 1
	seq := meta.Sequence.Stream
	switch o.begin(seq) {
	case beginUnderWay:
		return nil
	case beginSettled:
		_ = m.Ack() // if that fails the connection is over
		return nil
	}
	if !o.doubt {
		return []jetstream.Msg{m}
	}
	o.held = append(o.held, held{seq, m})
	return nil
}

// trust ends the doubt: nothing is elsewhere. It gives what was held.
func (o *order) trust() []jetstream.Msg {
	all := o.held
	o.doubt, o.held = false, nil
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

// giveUp does without order from now on, and gives what was held.
func (o *order) giveUp() []jetstream.Msg {
	o.loose = true
	return o.trust()
}

// begun says what is known of a message that came.
type begun int

const (
	beginNew begun = iota
	beginUnderWay
	beginSettled
)

// begin takes note of a message that came.
func (o *order) begin(seq uint64) begun {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.open[seq]; ok {
		return beginUnderWay
	}
	if _, ok := o.recent[seq]; ok {
		return beginSettled
	}
	o.open[seq] = struct{}{}
	return beginNew
}

// here reports whether the message of that number came over this connection.
func (o *order) here(seq uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, open := o.open[seq]
	_, recent := o.recent[seq]
	return open || recent
}

// underWay is how many messages came and are not settled.
func (o *order) underWay() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.open)
}

// settled says that the message of that number is on disk. It is called before the server is told, so that never more is under
// way than the server waits for.
func (o *order) settled(seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, seq)
	if len(o.lately) < maxLately {
		o.lately = append(o.lately, seq)
	} else {
		delete(o.recent, o.lately[o.oldest])
		o.lately[o.oldest] = seq
		o.oldest = (o.oldest + 1) % maxLately
	}
	o.recent[seq] = struct{}{}
}
