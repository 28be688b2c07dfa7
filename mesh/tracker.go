package mesh

import (
	"slices"
)

// arrival is a message with the mark of its id, see [markOf].
type arrival struct {
	Message
	mark uint64
	size int
}

// item is what the consumer gets: a message, or a gap in place of some.
type item struct {
	message Message
	gap     *Gap
}

// stage is how far a tracker is.
type stage uint8

const (
	fresh     stage = iota // no number is known: the first that comes is the first
	oldest                 // all that is kept is wanted, and what is kept no longer is not missed
	following              // last is what was given last, or was given up
)

// tracker follows the numbers of one service: what was given, what is missing, and what came too early and waits. It does
// nothing itself: what is to be given it leaves in out. It belongs to one goroutine.
//
// Messages are given in the order of their numbers, each number once. A message that comes with a number up to last was given
// before, or the publisher counts anew: marks tell these apart where they are remembered, else it is in doubt until somebody
// asks the publisher, see settle and pass. Behind a new connection everything is, as a new numbering may be further than the old one was.
type tracker struct {
	service    string
	limit      int // bounds what waits
	limitBytes int

	loose bool // numbers mean nothing: everything is given as it comes
	stage stage
	held  bool   // everything waits, until release
	last  uint64 // given, or given up, up to here
	high  uint64 // the highest number that is known to exist

	waiting []arrival // ascending, each number once, all above last+1 unless held or checked
	bytes   int       // of waiting
	doubts  []arrival // not above last, and not known, or behind a new connection; in the order in which they came
	unsure  int       // bytes of doubts
	beyond  uint64    // the highest number that was in doubt, also of what had no room
	lost    *Gap      // given up, and not told yet: it may grow
	recent  recent
	moved   bool // connected anew since a number above last came
	checked bool // it is being asked whether it is still the same run: what comes meanwhile is in doubt
	anew    bool // counts anew since the last look

	out []item
}

// take takes a message that came from the publisher.
func (t *tracker) take(a arrival) {
	switch {
	case a.SeqID == 0 || t.loose:
		t.out = append(t.out, item{message: a.Message})
		return
	case t.held:
		t.high = max(t.high, a.SeqID)
		t.wait(a, false)
		return
	case t.stage == fresh:
		t.stage, t.last = following, a.SeqID-1
	case a.SeqID <= t.last:
		t.late(a)
		return
	case t.checked:
		t.doubt(a)
		return
	}
	t.high, t.moved = max(t.high, a.SeqID), false
	if a.SeqID > t.last+1 {
		t.wait(a, false)
		return
	}
	t.give(a)
	t.drain()
}

// connected tells that a connection to the publisher was made: whatever comes now may be of another run of it.
func (t *tracker) connected() { t.moved = true }

// late takes a message whose number was given or given up.
func (t *tracker) late(a arrival) {
	_, known := t.recent.mark(a.SeqID)
	if another := t.another(a); !known || another {
		t.doubt(a)
		if another {
			t.settle(true)
		}
	}
}

// doubt keeps a message of which it is to be asked what it is. What does not fit is forgotten: it was given before, or is missing when the
// doubt has ended.
func (t *tracker) doubt(a arrival) {
	t.beyond = max(t.beyond, a.SeqID)
	if len(t.doubts) == 0 || len(t.doubts) < t.limit && t.unsure+a.size <= t.limitBytes {
		t.doubts, t.unsure = append(t.doubts, a), t.unsure+a.size
	}
}

// check has everything that comes be in doubt from now on, if it can be asked whether what was given last is still the same.
func (t *tracker) check() {
	if t.checked { // what came over the connection before belongs to what was before
		t.high, t.beyond = max(t.high, t.beyond), 0
		doubts := slices.DeleteFunc(t.doubts, t.given)
		t.doubts, t.unsure = nil, 0
		for _, a := range doubts {
			if a.SeqID > t.last {
				t.wait(a, false)
			} else {
				t.doubt(a)
			}
		}
	}
	_, known := t.recent.mark(t.last)
	t.checked = t.stage == following && known
}

// suspect gives the first message in doubt that speaks for a new numbering.
func (t *tracker) suspect() (arrival, bool) {
	for _, a := range t.doubts {
		if a.SeqID <= t.last && !t.given(a) {
			return a, true
		}
	}
	return arrival{}, false
}

// given reports whether a is known to be what was given under its number, as an answer to a question that was asked before it came.
func (t *tracker) given(a arrival) bool {
	mark, known := t.recent.mark(a.SeqID)
	return known && mark == a.mark && mark != 0
}

// another reports whether a is another message than the one that was given under its number.
func (t *tracker) another(a arrival) bool {
	mark, known := t.recent.mark(a.SeqID)
	return known && mark != a.mark && mark != 0 && a.mark != 0
}

// settle ends the doubt: the publisher counts anew, or what was in doubt is late or goes on where it was.
func (t *tracker) settle(anew bool) {
	doubts, beyond := slices.DeleteFunc(t.doubts, t.given), t.beyond
	t.doubts, t.unsure, t.beyond, t.checked = nil, 0, 0, false
	if !anew {
		for _, a := range doubts {
			if a.SeqID > t.last {
				t.take(a)
			}
		}
		t.high = max(t.high, beyond)
		t.drain()
		return
	}
	t.tell()
	t.out = append(t.out, item{gap: &Gap{Service: t.service, From: t.last + 1, Reason: GapRenumbered}})
	for _, a := range t.waiting { // of the old numbers; what is missing between them nobody has any more
		t.out = append(t.out, item{message: a.Message})
	}
	t.stage, t.last, t.high, t.waiting, t.bytes = oldest, 0, 0, nil, 0
	t.recent, t.moved, t.anew = recent{}, false, true
	for _, a := range doubts {
		t.take(a)
	}
	t.high = max(t.high, beyond)
}

// pass gives what is in doubt, late as it is, where nobody can be asked whether it was given before. It was not: nobody sends
// again what he did not keep. But a relay passes on what others have numbered, and one high number among them would have
// everything dropped that comes behind it.
func (t *tracker) pass() {
	for _, a := range t.doubts {
		t.out = append(t.out, item{message: a.Message})
	}
	t.doubts, t.unsure, t.beyond = nil, 0, 0
}

// release lets go what was held.
func (t *tracker) release() {
	t.held = false
	if t.stage == fresh && len(t.waiting) > 0 {
		t.stage, t.last = following, t.waiting[0].SeqID-1
	}
	t.drain()
}

// wait keeps a message until what is before it is there. What does not fit is forgotten: it is missing then like what never
// came, and high tells that it exists. What was asked for is kept in any case, the question was bounded.
func (t *tracker) wait(a arrival, asked bool) {
	if !asked && (len(t.waiting) >= t.limit || t.bytes+a.size > t.limitBytes) {
		return
	}
	i, found := slices.BinarySearchFunc(t.waiting, a.SeqID, func(w arrival, n uint64) int {
		switch {
		case w.SeqID < n:
			return -1
		case w.SeqID > n:
			return 1
		}
		return 0
	})
	if !found {
		t.waiting = slices.Insert(t.waiting, i, a)
		t.bytes += a.size
	}
}

// drain gives what waits and has nothing missing before it.
func (t *tracker) drain() {
	n := 0
	for n < len(t.waiting) && !t.held && t.waiting[n].SeqID <= t.last+1 {
		a := t.waiting[n]
		t.waiting[n] = arrival{}
		t.bytes -= a.size
		n++
		if a.SeqID > t.last {
			t.give(a)
		}
	}
	if t.waiting = t.waiting[n:]; len(t.waiting) == 0 {
		t.waiting = nil
	}
	if t.last >= t.high {
		t.tell()
	}
}

// give gives the message whose turn it is.
func (t *tracker) give(a arrival) {
	t.tell()
	t.stage, t.last = following, a.SeqID
	t.recent.put(a.SeqID, a.mark)
	t.out = append(t.out, item{message: a.Message})
}

// tell tells of what was given up.
func (t *tracker) tell() {
	if t.lost != nil {
		t.out = append(t.out, item{gap: t.lost})
		t.lost = nil
	}
}

// missing gives the numbers that are missing in front of what waits, or of what is known to exist.
func (t *tracker) missing() (from, to uint64, ok bool) {
	to = t.high
	if len(t.waiting) > 0 {
		to = t.waiting[0].SeqID - 1
	}
	return t.last + 1, to, !t.held && t.stage != fresh && to > t.last
}

// fill takes what was asked for, of the numbers from up to to, in any order.
func (t *tracker) fill(from, to uint64, asked []arrival) {
	for _, a := range asked {
		if a.SeqID < from || a.SeqID > to || a.SeqID <= t.last {
			continue
		}
		t.high = max(t.high, a.SeqID)
		if a.SeqID > t.last+1 || t.held {
			t.wait(a, true)
			continue
		}
		t.give(a)
	}
	t.drain()
}

// skip gives up what is missing up to to.
func (t *tracker) skip(to uint64, reason GapReason) {
	from, end, ok := t.missing()
	if to = min(to, end); !ok || to < from {
		return
	}
	t.last = to
	if t.stage == following || reason == GapUnanswered {
		if t.lost != nil && t.lost.Reason != reason {
			t.tell()
		}
		if t.lost == nil {
			t.lost = &Gap{Service: t.service, From: from, Reason: reason}
		}
		t.lost.To = to
	}
	t.drain()
}
