package deliver

import (
	"fmt"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// records is what a sink writes down for those who ask what became of an entry.
type records struct {
	mu      sync.Mutex // guards the two; held while they write, and while times is read
	times   *times
	journal *journal
}

const (
	timesEvery = time.Second // between two checkpoints
	noteEvery  = time.Second // remarks are written so often
	maxNotes   = 128         // what waits to be written; more remarks are counted only
)

// What is told of entries that were skipped.
const (
	reasonOld   = "it was older than max_age when its turn came"
	reasonBegan = "the sink began behind it"
	reasonMoved = "an operator moved the sink past it"
)

func reasonGap(r fedmsg.GapReason) string {
	switch r {
	case fedmsg.GapTrimmed:
		return "retention had removed it from the log before its turn came"
	case fedmsg.GapDamaged:
		return "its bytes on the disk are damaged"
	case fedmsg.GapOtherLog:
		return "the sink's place was of a log that this node knows nothing of"
	}
	return fmt.Sprintf("the log could not give it (%s)", r)
}

// noteSkip has it told that entries were skipped. Those between which nothing was sent are one line, over what is not wanted too. The
// caller holds mu.
func (r *runner) noteSkip(from, to uint64, reason string) {
	r.tally.skipped += to - from + 1
	if reason != reasonMoved {
		r.tally.missed += to - from + 1
	}
	if n := len(r.notes); n > 0 {
		last := &r.notes[n-1]
		if last.Kind == lineSkip && last.Reason == reason && last.To < from && r.taken <= last.To {
			last.To = to
			return
		}
	}
	r.note(line{Kind: lineSkip, From: from, To: to, Reason: reason})
}

// noteBegin has it told that the sink is new, and began behind what was in the log. The caller holds mu.
func (r *runner) noteBegin() {
	if to := r.through.Seq; to > 0 {
		r.note(line{Kind: lineSkip, From: 1, To: to, Reason: reasonBegan})
	}
}

// note keeps a line until it is written. The caller holds mu.
func (r *runner) note(l line) {
	l.Log, l.Time = r.through.Log, r.now().UTC().Truncate(time.Second)
	if len(r.notes) == 0 {
		r.noted = r.now()
	}
	r.notes = append(r.notes, l)
	r.notesUrgent = r.notesUrgent || l.Kind != lineRemark
}

// writeUrgent writes what comes before the place is saved: what was skipped must never be said to be delivered.
func (r *runner) writeUrgent() {
	r.mu.Lock()
	urgent := r.notesUrgent
	r.mu.Unlock()
	if urgent {
		r.writeNotes()
	}
}

// writeNotes writes what is noted.
func (r *runner) writeNotes() {
	r.mu.Lock()
	lines := r.notes
	r.notes, r.notesUrgent = nil, false
	r.mu.Unlock()
	if len(lines) == 0 {
		return
	}
	r.records.mu.Lock()
	err := r.records.journal.add(lines...)
	r.records.mu.Unlock()
	for _, l := range lines {
		if now := r.now(); l.Kind == lineRemark && now.Sub(r.remarked) >= remarkEvery {
			r.remarked = now
			r.logger.Warn("the other side took an entry and had something to say", "seq", l.From, "remark", l.Reason)
		}
	}
	if err != nil {
		r.logger.Error("cannot write down what a sink skipped", "lines", len(lines), "error", err)
	}
}

// notesAt writes the notes if they are due, and else says when they will be.
func (r *runner) notesAt() time.Time {
	r.mu.Lock()
	some, urgent, at := len(r.notes) > 0, r.notesUrgent, r.noted.Add(noteEvery)
	r.mu.Unlock()
	if !some {
		return time.Time{}
	}
	if !urgent && r.now().Before(at) {
		return at
	}
	r.writeNotes()
	return time.Time{}
}

// timesAt writes a checkpoint if one is due, and else says when one will be.
func (r *runner) timesAt(last bool) time.Time {
	r.mu.Lock()
	c, log := r.reached, r.through.Log
	r.mu.Unlock()
	t := r.records.times
	if c.seq <= t.last.seq && t.log == log || c.seq == 0 {
		return time.Time{}
	}
	if at := t.last.at.Add(timesEvery); !last && t.log == log && r.now().Before(at) {
		return at
	}
	r.records.mu.Lock()
	err := t.add(log, c)
	r.records.mu.Unlock()
	if err != nil && !r.timesFailed {
		r.logger.Warn("cannot write down when a sink delivered", "error", err)
	}
	r.timesFailed = err != nil
	return time.Time{}
}

// told gives what is noted or written of an entry: that it was skipped, and a remark.
func (r *runner) told(p fedmsg.Position) (skip, remark line) {
	r.records.mu.Lock()
	some, turns := p.Seq <= r.records.journal.upTo, r.records.journal.turns
	r.records.mu.Unlock()
	for some {
		skip, remark = r.records.journal.about(p)
		r.records.mu.Lock()
		some = r.records.journal.turns != turns // the files changed places meanwhile
		turns = r.records.journal.turns
		r.records.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.notes {
		l.apply(p, &skip, &remark)
	}
	return skip, remark
}

// deliveredBy gives the time by which the sink was done with an entry, if it is known.
func (r *runner) deliveredBy(p fedmsg.Position) time.Time {
	r.records.mu.Lock()
	defer r.records.mu.Unlock()
	t := r.records.times
	if t.log == p.Log && p.Seq <= t.last.seq {
		return t.by(p)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Seq <= r.reached.seq {
		return r.reached.at.UTC().Truncate(time.Second)
	}
	return time.Time{}
}
