package stomp

import (
	"context"
	"strconv"
	"sync/atomic"
)

// group is what goes to ActiveMQ together. It belongs to Send and Flush, but for what others are said to use.
//
// A SEND with a receipt of its own ActiveMQ sets aside while its memory is full, and goes on with those behind it: when there is room
// again they come out of order. In a transaction it waits for the room, and it syncs its disk once for all of it instead of for each.
// But what is in one, consumers get only behind its commit, which costs that sync even where nothing is kept on disk. So many go in
// a transaction, whose COMMIT has the receipt, and one alone without: it is with the consumers at once.
//
// Full transactions follow one another without waiting. Behind what went alone nothing is sent until it is answered, so that nothing
// can overtake it. And of the groups that were flushed before they were full no more than two are unanswered: where the server takes
// longer than the next entry, the entries gather and share one sync, instead of waiting in a row for one each.
type group struct {
	first       outgoing // not written yet; while count is 1
	begun, last uint64   // the numbers of its first and its newest entry
	count       int
	bytes       int // as far as written, or those of the first entry's body

	flushed   uint64 // the newest entry flushed before its group was full
	due       uint64 // this one is to be answered before the next group begins
	committed uint64 // the name of the newest COMMIT; Close uses it and flushed behind Send and Flush

	heard  atomic.Uint64 // the name of the newest receipt; set by read
	single atomic.Uint64 // the newest entry that went without a transaction; read uses it
	news   chan struct{} // has one element when heard has changed
}

func newGroup() *group { return &group{news: make(chan struct{}, 1)} }

// isSingle reports whether that is the name of the receipt for an entry without a transaction.
func (g *group) isSingle(receipt string) bool {
	seq, err := strconv.ParseUint(receipt, 10, 64)
	return err == nil && seq == g.single.Load()
}

// answered takes a receipt.
func (n *session) answered(seq uint64) {
	if seq != n.group.single.Load() {
		n.sink.pace.committed()
	}
	n.group.heard.Store(seq)
	select {
	case n.group.news <- struct{}{}:
	default:
	}
}

// unheard takes that no more receipts come.
func (n *session) unheard() {
	if heard := n.group.heard.Load(); heard < max(n.group.committed, n.group.flushed) {
		n.sink.pace.silence(heard < n.group.committed)
	}
}

// add takes an entry into the group, which is committed if it is full then.
func (n *session) add(ctx context.Context, o outgoing) error {
	g, seq := n.group, o.entry.Position.Seq
	switch g.count {
	case 0:
		if err := n.awaitDue(ctx); err != nil {
			return err
		}
		g.first, g.begun, g.bytes = o, seq, len(o.message.Body)
	case 1:
		if err := n.begin(ctx); err != nil {
			return err
		}
		fallthrough
	default:
		if err := n.Append(ctx, func(buf []byte) []byte { return n.appendPart(buf, o) }); err != nil {
			return err
		}
	}
	g.last, g.count = seq, g.count+1
	if !n.sink.pace.full(g.count, g.bytes) {
		return nil
	}
	if g.count == 1 {
		if err := n.begin(ctx); err != nil {
			return err
		}
	}
	return n.commit(ctx)
}

// awaitDue waits until a group may begin.
func (n *session) awaitDue(ctx context.Context) error {
	for n.group.heard.Load() < n.group.due {
		select {
		case <-n.group.news:
		case <-n.ended:
			return errClosed
		case <-n.outbox.ended:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// begin opens the transaction, with the first entry.
func (n *session) begin(ctx context.Context) error {
	first := n.group.first
	n.group.first, n.group.bytes = outgoing{}, 0
	return n.Append(ctx, func(buf []byte) []byte {
		buf = appendTransaction(buf, "BEGIN", n.group.begun)
		return n.appendPart(append(buf, "\n\x00"...), first)
	})
}

// appendPart makes the frame of an entry in the transaction.
func (n *session) appendPart(buf []byte, o outgoing) []byte {
	before := len(buf)
	buf = n.sink.appendSend(buf, "transaction", n.group.begun, o)
	n.group.bytes += len(buf) - before
	return buf
}

// commit ends the transaction.
func (n *session) commit(ctx context.Context) error {
	g := n.group
	g.count, g.committed = 0, g.last
	return n.Append(ctx, func(buf []byte) []byte {
		buf = appendTransaction(buf, "COMMIT", g.begun)
		buf = append(buf, "receipt:"...)
		buf = strconv.AppendUint(buf, g.last, 10)
		return append(buf, "\n\n\x00"...)
	})
}

// end sends what there is of a group that is not full.
func (n *session) end(ctx context.Context) error {
	g := n.group
	if g.count == 0 {
		return nil
	}
	g.due, g.flushed = g.flushed, g.last
	if g.count > 1 {
		return n.commit(ctx)
	}
	if n.sink.pace.alone() {
		return n.sendAlone(ctx)
	}
	if err := n.begin(ctx); err != nil {
		return err
	}
	return n.commit(ctx)
}

// sendAlone sends the first entry without a transaction.
func (n *session) sendAlone(ctx context.Context) error {
	g, first := n.group, n.group.first
	g.first, g.count, g.due = outgoing{}, 0, g.last
	g.single.Store(g.last)
	return n.Append(ctx, func(buf []byte) []byte { return n.sink.appendSend(buf, "receipt", g.last, first) })
}

func appendTransaction(b []byte, command string, name uint64) []byte {
	b = append(append(b, command...), "\ntransaction:"...)
	return append(strconv.AppendUint(b, name, 10), '\n')
}
