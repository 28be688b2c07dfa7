package deliver

import (
	"sort"

	"github.com/federated-messaging/fedmsg"
)

// fate is what became of an entry of the window.
type fate uint8

const (
	sent    fate = iota // handed to the session and not answered
	settled             // delivered, or with the dead letters
	bad                 // given up; the runner puts it with the dead letters
	kept                // neither sent nor settled: held back, or given up without room among the dead letters
)

// item is one entry under way.
type item struct {
	entry *fedmsg.Entry
	fate  fate
	err   error // of a bad one: why
}

// window is what was read and is not settled, in the log's order, with what is settled behind the first of these. Its front is never
// settled, so that all before it is.
type window struct {
	items []item // a ring; its length is a power of two, or 0
	head  int
	n     int
	open  int // of these, sent and not answered
	bad   int // of these, bad
	bytes int // of all envelopes
}

const smallWindow = 16

func (w *window) at(i int) *item { return &w.items[(w.head+i)&(len(w.items)-1)] }

// front is the oldest entry that is not settled; there is one.
func (w *window) front() *item { return w.at(0) }

// push adds an entry as its newest: sent, settled or kept.
func (w *window) push(e *fedmsg.Entry, f fate) {
	if w.n == len(w.items) {
		w.grow()
	}
	*w.at(w.n) = item{entry: e, fate: f}
	w.n++
	w.bytes += len(e.Envelope)
	if f == sent {
		w.open++
	}
}

func (w *window) grow() {
	items := make([]item, max(smallWindow, 2*len(w.items)))
	for i := range w.n {
		items[i] = *w.at(i)
	}
	w.items, w.head = items, 0
}

// find gives the item of the entry with this number, or nil.
func (w *window) find(seq uint64) *item {
	if w.n == 0 || seq < w.front().entry.Position.Seq {
		return nil
	}
	// Where nothing was left out the number tells the place; what is left out moves it forward only.
	i := w.n - 1
	if d := seq - w.front().entry.Position.Seq; d < uint64(i) {
		i = int(d)
	}
	if it := w.at(i); it.entry.Position.Seq == seq {
		return it
	}
	i = sort.Search(i, func(i int) bool { return w.at(i).entry.Position.Seq >= seq })
	if it := w.at(i); it.entry.Position.Seq == seq {
		return it
	}
	return nil
}

// settle ends an item that is sent or bad.
func (w *window) settle(it *item) {
	w.leave(it)
	it.fate = settled
}

// spoil gives up an item that is sent.
func (w *window) spoil(it *item, why error) {
	w.leave(it)
	it.fate, it.err = bad, why
	w.bad++
}

// keep takes note that a bad item cannot be settled now.
func (w *window) keep(it *item) {
	w.leave(it)
	it.fate = kept
}

func (w *window) leave(it *item) {
	switch it.fate {
	case sent:
		w.open--
	case bad:
		w.bad--
	}
}

// pop takes off the front what is settled, and gives the number of the last one, or 0.
func (w *window) pop() (last uint64) {
	for w.n > 0 && w.front().fate == settled {
		it := w.front()
		last = it.entry.Position.Seq
		w.bytes -= len(it.entry.Envelope)
		*it = item{}
		w.head = (w.head + 1) & (len(w.items) - 1)
		w.n--
	}
	return last
}

// clear empties the window and lets go of its memory.
func (w *window) clear() { *w = window{} }
