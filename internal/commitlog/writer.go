package commitlog

import (
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// writer is the one goroutine that appends. Everything in it belongs to that goroutine.
type writer struct {
	log    *Log
	active *segment // the last of log.segments
	clock  clock

	// Scratch, used again for each batch.
	buf     []byte          // the encoded records
	first   map[string]int  // id of a record of the batch to its number
	plan    []plan          // what becomes of each record
	offsets []int64         // in the segment, of the records in buf
	found   []*fedmsg.Entry // by record: the entry stored before under its id
}

// plan says what becomes of one record of a batch.
type plan struct {
	kind planKind
	same int // for planRepeat: the record of the batch that it repeats
}

type planKind uint8

const (
	planAnswered planKind = iota // its outcome is set
	planWrite                    // it is written
	planRepeat                   // it gets the receipt of another record of the batch
)

// maxKeptBuffer bounds the memory that the writer keeps between batches.
const maxKeptBuffer = 4 << 20

// run takes batches until the queue is closed and empty.
func (w *writer) run() {
	defer close(w.log.writerDone)
	crowd := false
	for range w.log.queue.kick {
		if crowd {
			// The last batch answered several submitters. They are about to run and to submit again; taking what they
			// bring, and not just the first one's, halves the number of syncs.
			runtime.Gosched()
		}
		b, erase, open := w.log.queue.take()
		if w.log.keeper.rollAsked.Swap(false) {
			w.rollOld()
		}
		if b != nil {
			crowd = b.tickets > 1
			w.commit(b)
		}
		for _, x := range erase {
			w.redact(x)
		}
		if !open {
			return
		}
	}
}

// commit decides, writes, syncs and answers one batch.
func (w *writer) commit(b *batch) {
	b.outcomes = make([]fedmsg.Outcome, len(b.records))
	if err := w.log.Err(); err != nil {
		for i := range b.outcomes {
			b.outcomes[i].Err = err
		}
	} else if n := w.decide(b); n > 0 {
		w.write(b, n)
	}
	w.log.stats.count(b)
	b.records, b.digests = nil, nil // the tickets live on
	close(b.done)
	w.shrink()
}

// shrink lets go of memory that one large batch needed.
func (w *writer) shrink() {
	if cap(w.buf) > maxKeptBuffer {
		w.buf = nil
	}
	clear(w.first)
	clear(w.found)
}

// write appends the records planned for it, and sets the outcomes of all that have none yet.
func (w *writer) write(b *batch, n int) {
	l := w.log
	seq := w.active.last() + 1
	now := w.tick()
	w.encode(b, seq, now)
	err := w.place()
	if err == nil {
		err = w.append()
	}
	if err != nil {
		for i := range b.records {
			if w.plan[i].kind != planAnswered {
				b.outcomes[i].Err = err
			}
		}
		return
	}
	entries := w.publish(b, n, seq, now)
	l.o.Committed(entries)
	next := 0
	for i := range b.records {
		switch p := w.plan[i]; p.kind {
		case planWrite:
			b.outcomes[i].Receipt = receiptOf(&entries[next], false)
			next++
		case planRepeat:
			b.outcomes[i].Receipt = b.outcomes[p.same].Receipt
			b.outcomes[i].Receipt.Duplicate = true
		}
	}
}

// tick gives the receive time of a batch and notes what the clock did.
func (w *writer) tick() int64 {
	nanos, step, behind := w.clock.next()
	h := &w.log.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if behind > maxClockStep && h.behind <= maxClockStep {
		w.log.o.Logger.Warn("clock is behind the newest entry", "behind", behind)
	}
	h.behind = behind
	if step.Abs() > maxClockStep {
		h.step, h.stepAt = step, w.clock.before
		w.log.o.Logger.Warn("clock stepped", "by", step)
	}
	return nanos
}

// encode fills buf with the records that are to be written; the first has number seq.
func (w *writer) encode(b *batch, seq uint64, now int64) {
	w.buf = slices.Grow(w.buf[:0], b.bytes)
	w.offsets = w.offsets[:0]
	h := header{seq: seq, batch: seq, received: now}
	for i := range b.records {
		if w.plan[i].kind == planWrite {
			w.offsets = append(w.offsets, int64(len(w.buf)))
			w.buf = appendRecord(w.buf, &b.records[i], h, &b.digests[i])
			h.seq++
		}
	}
}

// place sees to it that buf may be appended to the active segment.
func (w *writer) place() error {
	l := w.log
	need := int64(len(w.buf))
	roll := w.mustRoll(need)
	if roll {
		need += segmentHead + indexSize(w.active.active)
	}
	if err := l.makeRoom(need); err != nil || !roll {
		return err
	}
	switch err := w.roll(); {
	case err == nil:
		return nil
	case errors.Is(err, errNotMade):
		return l.notMade(err)
	case isFull(err):
		return l.storageFull(err)
	default:
		l.setPoison(err)
		return errPoisoned(err)
	}
}

// mustRoll reports whether need bytes belong into a new segment.
func (w *writer) mustRoll(need int64) bool {
	s, o := w.active, &w.log.o
	switch {
	case s.count == 0:
		return s.id != w.log.meta.ID // the log was adopted; the head must say so
	case s.size+need > o.SegmentBytes, s.id != w.log.meta.ID:
		return true
	}
	// So that age can remove anything at all from a log that fills slowly.
	return o.MaxAge > 0 && s.oldest != 0 && w.clock.newest-s.oldest > int64(o.MaxAge/8)
}

// append writes buf behind the active segment's end and syncs. When it fails because the disk is full, nothing is stored
// and the log can be used on; when it fails otherwise the log is poisoned and the outcome unknown.
func (w *writer) append() error {
	l, s := w.log, w.active
	began := time.Now()
	_, err := s.file.WriteAt(w.buf, s.size)
	if err != nil && isFull(err) {
		// What did get written must go, or it would stand in the way of the next batch; and durably, or the next crash would
		// bring back what was refused.
		if err := errors.Join(s.file.Truncate(s.size), s.file.Sync()); err != nil {
			l.setPoison(err)
			return errUnknown(err)
		}
		return l.storageFull(err)
	}
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		l.setPoison(err)
		return errUnknown(err)
	}
	l.stats.synced(len(w.buf), time.Since(began))
	l.health.set(&l.health.full, "")
	return nil
}

// publish makes the records in buf, which are durable, part of the log that everybody sees.
func (w *writer) publish(b *batch, n int, seq uint64, now int64) []fedmsg.Entry {
	l, s := w.log, w.active
	entries := make([]fedmsg.Entry, 0, n)
	received := nanoTime(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range b.records {
		if w.plan[i].kind != planWrite {
			continue
		}
		k := len(entries)
		s.active.add(s.size+w.offsets[k], b.digests[i].id)
		entries = append(entries, entryOf(&b.records[i], fedmsg.Position{Log: l.meta.ID, Seq: seq + uint64(k)}, received))
	}
	s.size += int64(len(w.buf))
	s.count += uint64(n)
	if s.oldest == 0 {
		s.oldest = now
	}
	s.newest = now
	l.bytes += int64(len(w.buf))
	l.last = s.last()
	return entries
}

// entryOf is the entry that a record becomes. They share their bytes.
func entryOf(r *fedmsg.Record, p fedmsg.Position, received time.Time) fedmsg.Entry {
	return fedmsg.Entry{
		Position: p, Received: received, ID: r.ID, Topic: r.Topic, Sender: r.Sender, Signer: r.Signer, Verdict: r.Verdict,
		Envelope: r.Envelope, Signatures: r.Signatures, Origin: r.Origin, Made: r.Made, NotIJSON: r.NotIJSON,
	}
}

// receiptOf is what the publisher of an entry gets.
func receiptOf(e *fedmsg.Entry, duplicate bool) fedmsg.Receipt {
	return fedmsg.Receipt{ID: e.ID, Position: e.Position, Seq: e.Position.Seq, Received: e.Received, Duplicate: duplicate}
}

// setPoison ends all writing until the log is reopened.
func (l *Log) setPoison(err error) {
	l.health.mu.Lock()
	if l.health.poison == nil {
		l.health.poison = err
	}
	l.health.mu.Unlock()
	l.o.Logger.Error("a write to the log failed, nothing is stored until it is reopened", "dir", l.dir, "error", err)
}

// storageFull is the answer where there is no room. It is noted for Health until a write succeeds.
func (l *Log) storageFull(inside error) error {
	err := fedmsg.WrapError(fedmsg.CodeStorageFull, inside, "nothing is stored: the disk of the log is full; publishing works again once there is space")
	l.health.set(&l.health.full, err.Message)
	l.o.Logger.Error("no room for the log", "dir", l.dir, "error", inside)
	return err
}

// notMade is the answer where no file could be made and nothing has changed, as when there are no file descriptors left. It
// is noted for Health until a write succeeds.
func (l *Log) notMade(inside error) error {
	err := fedmsg.WrapError(fedmsg.CodeUnavailable, inside, "nothing is stored: the log cannot begin its next file; try again")
	l.health.set(&l.health.full, "nothing is stored: the log cannot begin its next file: "+inside.Error())
	l.o.Logger.Error("cannot make a segment", "dir", l.dir, "error", inside)
	return err
}
