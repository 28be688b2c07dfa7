package deliver

import (
	"slices"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
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
	maxNotes   = 128         // what waits to be written; more remarks are one line together

	maxUnwritten = 1024 // lines that could not be written and are kept
)

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
	l.Log, l.Time = r.logs.own, r.now().UTC().Truncate(time.Second)
	if len(r.notes) == 0 {
		r.noted = r.now()
	}
	r.notes = append(r.notes, l)
	r.notesUrgent = r.notesUrgent || l.Kind != lineRemark && l.Kind != lineMany
}

// noteDone has it told that an entry was delivered when its dead letter was tried again.
func (r *runner) noteDone(p fedmsg.Position) {
	p = r.logs.here(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Log == r.logs.own {
		r.note(line{Kind: lineDone, From: p.Seq, To: p.Seq})
	}
}

// noteRemark keeps a remark; where there are many, only that there was one about this entry or others around it. The caller holds mu.
func (r *runner) noteRemark(seq uint64, text string) {
	n := len(r.notes)
	switch {
	case n < maxNotes:
		r.note(line{Kind: lineRemark, From: seq, To: seq, Reason: ops.Excerpt(text)})
	case r.notes[n-1].Kind == lineMany:
		last := &r.notes[n-1]
		last.From, last.To = min(last.From, seq), max(last.To, seq)
	default:
		r.note(line{Kind: lineMany, From: seq, To: seq, Reason: reasonManyRemarks})
	}
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

// flushNotes writes what is noted; any goroutine may call it. Who asks meanwhile finds each note in one place or the other, as both
// change under the lock of the records.
func (r *runner) flushNotes() (lines []line, err error) {
	r.records.mu.Lock()
	defer r.records.mu.Unlock()
	r.mu.Lock()
	lines = r.notes
	r.notes, r.notesUrgent = nil, false
	r.mu.Unlock()
	if len(lines) == 0 {
		return nil, nil
	}
	if err = r.records.journal.add(lines...); err != nil {
		r.noteAgain(lines)
	}
	return lines, err
}

// writeNotes writes what is noted, and logs some of it.
func (r *runner) writeNotes() {
	lines, err := r.flushNotes()
	if err != nil {
		if now := r.now(); now.Sub(r.notesFailed) >= troubleEvery {
			r.notesFailed = now
			r.logger.Error("cannot write down what a sink skipped; it is tried again", "lines", len(lines), "error", err)
		}
		return
	}
	for _, l := range lines {
		if now := r.now(); l.Kind == lineRemark && now.Sub(r.remarked) >= remarkEvery {
			r.remarked = now
			r.logger.Warn("the other side took an entry and had something to say", "seq", l.From, "remark", l.Reason)
		}
	}
}

// noteAgain keeps lines that could not be written until the next time. Where there are too many, remarks go, and what was skipped is
// told of together.
func (r *runner) noteAgain(lines []line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines = append(lines, r.notes...)
	if len(lines) > maxUnwritten {
		lines = inShort(lines)
	}
	r.notes, r.notesUrgent, r.noted = lines, false, r.now()
}

// inShort says less exactly what many lines say.
func inShort(lines []line) []line {
	var back, forgot line
	for i := range lines {
		l := &lines[i]
		forgot.forget(l)
		if l.Kind != lineBack {
			continue
		}
		if back.Kind == "" {
			back = *l
		}
		back.From, back.To = min(back.From, l.From), max(back.To, l.To)
	}
	return slices.DeleteFunc([]line{back, forgot}, func(l line) bool { return l.Kind == "" })
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
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.notes) > 0 { // they could not be written
		return r.noted.Add(noteEvery)
	}
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

// told gives what is noted or written of an entry.
func (r *runner) told(p fedmsg.Position) account {
	r.records.mu.Lock()
	defer r.records.mu.Unlock()
	r.mu.Lock()
	noted := slices.Clone(r.notes)
	r.mu.Unlock()
	a := r.records.journal.about(p)
	for i := range noted {
		a.hear(p, &noted[i])
	}
	return a
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
