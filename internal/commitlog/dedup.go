package commitlog

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
)

// decide plans what becomes of each record of a batch: written, answered with an earlier receipt, or refused. It gives the
// number of records to write.
func (w *writer) decide(b *batch) (writes int) {
	l := w.log
	w.plan, w.found = w.plan[:0], w.found[:0]
	for range b.records {
		w.found = append(w.found, nil)
	}
	failed := w.lookUp(b)
	for i := range b.records {
		r, p := &b.records[i], plan{kind: planWrite}
		earlier, repeated := w.first[r.ID]
		switch err := checkRecord(r); {
		case err != nil:
			p.kind, b.outcomes[i].Err = planAnswered, err
		case failed != nil && w.found[i] == nil && !r.FreshID:
			p.kind, b.outcomes[i].Err = planAnswered, failed
		case w.found[i] != nil:
			p.kind = planAnswered
			b.outcomes[i] = l.repeat(w.found[i], r)
		case repeated:
			p = w.repeatInBatch(b, earlier, i)
		case l.o.Redacted(r.ID):
			p.kind, b.outcomes[i].Err = planAnswered, errRedacted(r.ID)
		default:
			if len(b.records) > 1 {
				w.first[r.ID] = i
			}
			writes++
		}
		w.plan = append(w.plan, p)
	}
	return writes
}

// repeatInBatch plans a record whose id an earlier one of the batch has.
func (w *writer) repeatInBatch(b *batch, earlier, i int) plan {
	stored := entryOf(&b.records[earlier], fedmsg.Position{}, nanoTime(0))
	if w.log.o.Same(&stored, &b.records[i]) {
		return plan{kind: planRepeat, same: earlier}
	}
	b.outcomes[i].Err = w.log.conflict(stored.Sender, &b.records[i])
	return plan{kind: planAnswered}
}

// repeat is the outcome of a record whose id is stored.
func (l *Log) repeat(stored *fedmsg.Entry, r *fedmsg.Record) fedmsg.Outcome {
	if stored.Redacted {
		return fedmsg.Outcome{Err: errRedacted(r.ID)}
	}
	if l.o.Same(stored, r) {
		return fedmsg.Outcome{Receipt: receiptOf(stored, true)}
	}
	return fedmsg.Outcome{Err: l.conflict(stored.Sender, r)}
}

func (l *Log) conflict(stored string, r *fedmsg.Record) error {
	l.o.Logger.Warn("id is taken by another message", "id", r.ID, "stored_sender", stored, "sender", r.Sender, "topic", r.Topic)
	return fedmsg.Errorf(fedmsg.CodeIDConflict, "message is not stored: another one with the id %q is in the log already; give each message its own id", clip(r.ID))
}

// checkRecord refuses what the record format cannot hold. The doors have smaller limits.
func checkRecord(r *fedmsg.Record) error {
	switch {
	case r.ID == "":
		return fedmsg.Errorf(fedmsg.CodeBadID, "message is not stored: it has no id")
	case len(r.ID) > maxWord:
		return fedmsg.Errorf(fedmsg.CodeBadID, "message is not stored: its id has %d bytes, the log takes %d", len(r.ID), maxWord)
	case len(r.Topic) > maxWord:
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "message %q is not stored: its topic has %d bytes, the log takes %d", clip(r.ID), len(r.Topic), maxWord)
	case recordSize(r) > maxPayload:
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "message %q is not stored: it has %d bytes, the log takes %d", clip(r.ID), recordSize(r), maxPayload)
	}
	return nil
}

func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "…"
	}
	return s
}

// lookUp fills found for the ids of a batch. It walks segment by segment and not id by id, so that one segment's filter is
// warm for all ids. Where a segment cannot be read it goes on and gives the error.
func (w *writer) lookUp(b *batch) (failed error) {
	segments := w.log.snapshot()
	for k := len(segments) - 1; k >= 0; k-- {
		s := segments[k]
		for i := range b.records {
			if b.records[i].FreshID || w.found[i] != nil {
				continue
			}
			if x := s.full.Load(); x != nil && x.disk != nil && !x.disk.filter.has(b.digests[i].id) {
				continue
			}
			var err error
			if w.found[i], err = w.log.findIn(s, b.digests[i].id, b.records[i].ID); err != nil {
				failed = err
			}
		}
	}
	return failed
}

// lookupChunk is how much is read to get one record, more if it is longer.
const lookupChunk = 2 << 10

// search is what is looked for in the log by its id, and what was found. An id is there twice where the disk could not read the
// first one when it came again.
type search struct {
	hash   uint64 // of the id
	id     string
	all    bool            // look for all that have it, and not only for one in each segment
	found  []*fedmsg.Entry // in the order in which they were come upon
	unread error           // a record, which may be one of them, that the disk cannot read
}

// take notes an entry that was come upon, or nil, and reports whether the search is at its end.
func (q *search) take(e *fedmsg.Entry) (done bool) {
	if e == nil || e.ID != q.id {
		return false
	}
	q.found = append(q.found, e)
	return !q.all
}

// doubt notes where an index lacks records that the disk could not read: any of them may be one that is looked for. It may be nil.
func (q *search) doubt(m *memIndex) {
	if m != nil && m.partial {
		q.unread = errUnreadable
	}
}

// findIn looks for an id in one segment and gives its entry, or nil.
func (l *Log) findIn(s *segment, hash uint64, id string) (*fedmsg.Entry, error) {
	q := search{hash: hash, id: id}
	if err := l.searchIn(s, &q); err != nil || len(q.found) == 0 {
		return nil, err
	}
	return q.found[0], nil
}

// searchIn searches one segment. Where the segment's index turns out to be damaged it is made again.
func (l *Log) searchIn(s *segment, q *search) error {
	x := s.full.Load()
	if x == nil {
		l.mu.Lock()
		if s.active != nil {
			offsets := s.active.findOffsets(q.hash)
			q.doubt(s.active)
			l.mu.Unlock()
			return l.pick(s, offsets, q)
		}
		l.mu.Unlock()
		x = s.full.Load()
	}
	if !s.acquire() {
		return nil // retention has removed it: its ids are forgotten
	}
	defer s.release() //nolint:errcheck // nothing was written
	q.doubt(x.mem)
	before := len(q.found)
	err := l.searchFull(s, x, q)
	if errors.Is(err, errIndex) {
		if x, err = l.reindex(s); err == nil {
			q.found = q.found[:before]
			err = l.searchFull(s, x, q)
		}
	}
	if errors.Is(err, errIndex) {
		return nil // the record itself is damaged
	}
	return err
}

// searchFull searches a full segment. It fails with errIndex where the index says something else than the segment.
func (l *Log) searchFull(s *segment, x *fullIndex, q *search) error {
	numbers, err := x.find(nil, q.hash)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		off, ok, err := x.offset(uint64(n))
		if err != nil {
			return err
		}
		if !ok {
			return errIndex
		}
		e, err := l.readAt(s, off)
		if errors.Is(err, errUnreadable) {
			l.unreadable(s, off, s.first+uint64(n), s.first+uint64(n), err)
			q.unread = err
			continue // readers get a gap for it, so that it may be stored again
		}
		if err != nil {
			return err
		}
		if e == nil || e.Position.Seq != s.first+uint64(n) {
			return errIndex
		}
		if q.take(e) {
			return nil
		}
	}
	return nil
}

// pick searches the records at these offsets.
func (l *Log) pick(s *segment, offsets []int64, q *search) error {
	for _, off := range offsets {
		e, err := l.readAt(s, off)
		if errors.Is(err, errUnreadable) {
			l.unreadable(s, off, 0, 0, err)
			q.unread = err
			continue
		}
		if err != nil || q.take(e) {
			return err
		}
	}
	return nil
}

// readAt reads the record at an offset. It gives nil where it is damaged or retention has removed it, and fails with
// errUnreadable where the disk cannot read it.
func (l *Log) readAt(s *segment, off int64) (*fedmsg.Entry, error) {
	if !s.acquire() {
		return nil, nil
	}
	defer s.release() //nolint:errcheck // nothing was written
	l.mu.Lock()
	end := s.size
	l.mu.Unlock()
	scan := scanner{file: s.file, off: off, end: end, chunk: lookupChunk, max: maxChunk, keep: true, patience: l.patience()}
	h, b, err := scan.next()
	if errors.Is(err, errBroken) || isEOF(err) {
		l.o.Logger.Warn("no whole record where one should be", "segment", filepath.Base(s.path), "offset", off)
		return nil, nil
	}
	if errors.Is(err, errUnreadable) {
		return nil, fmt.Errorf("%w: %w", err, scan.takeBad())
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "reading the log failed")
	}
	e := new(fedmsg.Entry)
	if !fillEntry(e, l.meta.ID, &h, b) {
		return nil, nil
	}
	return e, nil
}

// Find looks for a durable entry by its id.
func (l *Log) Find(id string) (fedmsg.Entry, bool, error) {
	hash := idHash(id)
	segments := l.snapshot()
	for k := len(segments) - 1; k >= 0; k-- {
		e, err := l.findIn(segments[k], hash, id)
		if err != nil {
			return fedmsg.Entry{}, false, err
		}
		if e != nil {
			return *e, true, nil
		}
	}
	return fedmsg.Entry{}, false, nil
}
