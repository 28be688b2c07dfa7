package rowset

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/federated-messaging/fedmsg"
)

// sort puts the rows in the order of their keys, and refuses two with one key: which of them counts is nobody's to guess.
func (a *Answer) sort(ctx context.Context) error {
	if err := a.file.flush(); err != nil {
		return err
	}
	watch := watch{ctx: ctx}
	if !a.sorted() {
		a.arrangeRows(a.ranks(&watch))
	}
	if watch.err != nil {
		return watch.err
	}
	for n := 1; n < a.marks.len(); n++ {
		if key := a.key(a.marks.at(n)); bytes.Equal(key, a.key(a.marks.at(n-1))) {
			return fedmsg.Errorf(fedmsg.CodeBadBody, "two rows of the answer have the key %s; name in key all columns that tell rows apart", clip(key))
		}
	}
	return nil
}

// sorted reports whether the rows came in the order of their keys, as most services answer.
func (a *Answer) sorted() bool {
	for n := 1; n < a.marks.len(); n++ {
		if bytes.Compare(a.key(a.marks.at(n-1)), a.key(a.marks.at(n))) > 0 {
			return false
		}
	}
	return true
}

// rank is the place of a row in the answer, with the beginning of what is its own in its key: most keys differ there, so that it alone is
// looked at, and it is less to move about than a mark.
type rank struct {
	start uint64
	at    uint32
}

// ranks gives those of all rows in the order of the keys; in any order, soon, once the context has ended.
func (a *Answer) ranks(watch *watch) []rank {
	shared := a.sharedKey()
	ranks := make([]rank, a.marks.len())
	for i := range a.marks.len() {
		var start [8]byte
		copy(start[:], a.key(a.marks.at(i))[shared:])
		ranks[i] = rank{binary.BigEndian.Uint64(start[:]), uint32(i)}
	}
	slices.SortFunc(ranks, func(x, y rank) int {
		switch {
		case watch.ended() != nil:
			return 0
		case x.start != y.start:
			return cmp.Compare(x.start, y.start)
		}
		return bytes.Compare(a.key(a.marks.at(int(x.at))), a.key(a.marks.at(int(y.at))))
	})
	return ranks
}

// sharedKey is with how many equal bytes all keys begin.
func (a *Answer) sharedKey() int {
	first := a.key(a.marks.at(0))
	shared := len(first)
	for i := range a.marks.len() {
		key := a.key(a.marks.at(i))
		shared = min(shared, len(key))
		for !bytes.Equal(key[:shared], first[:shared]) {
			shared--
		}
	}
	return shared
}

// arrangeRows puts the rows where their ranks have them, each cycle of places by itself, and uses up the ranks.
func (a *Answer) arrangeRows(ranks []rank) {
	for i := range ranks {
		first, to := *a.marks.at(i), i
		for from := int(ranks[to].at); from != i; from = int(ranks[to].at) {
			*a.marks.at(to), ranks[to].at = *a.marks.at(from), uint32(to)
			to = from
		}
		*a.marks.at(to), ranks[to].at = first, uint32(to)
	}
}

// watch looks now and then whether a context has ended, where work is too little each time to ask it.
type watch struct {
	ctx   context.Context
	turns uint
	err   error // of the context
}

// ended gives the error of the context, up to some thousand turns late.
func (w *watch) ended() error {
	if w.turns++; w.turns%4096 == 0 && w.err == nil {
		w.err = w.ctx.Err()
	}
	return w.err
}
