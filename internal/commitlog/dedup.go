package commitlog

import (
	"errors"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
)

// decide plans what becomes of each record of a batch: written, answered with an earlier receipt, or refused. It gives the
// number of records to write.
func (w *writer) decide(b *batch) (writes int) {
	l := w.log
	w.plan, w.hashes, w.found = w.plan[:0], w.hashes[:0], w.found[:0]
	for i := range b.records {
		w.hashes = append(w.hashes, idHash(b.records[i].ID))
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
	l := w.log
	var offsets []int64
	segments := l.snapshot()
	for k := len(segments) - 1; k >= 0; k-- {
		s := segments[k]
		for i := range b.records {
			if b.records[i].FreshID || w.found[i] != nil {
				continue
			}
			if x := s.full.Load(); x != nil && x.disk != nil && !x.disk.filter.has(w.hashes[i]) {
				continue
			}
			var err error
			offsets, err = l.candidates(offsets[:0], s, w.hashes[i])
			if err == nil && len(offsets) > 0 {
				w.found[i], err = l.readID(s, offsets, b.records[i].ID)
			}
			if err != nil {
				failed = err
			}
		}
	}
	return failed
}

// candidates gives the offsets in s of records whose id has this hash.
func (l *Log) candidates(dst []int64, s *segment, hash uint64) ([]int64, error) {
	x := s.full.Load()
	if x == nil {
		l.mu.Lock()
		if s.active != nil {
			dst = s.active.find(dst, hash)
			l.mu.Unlock()
			return dst, nil
		}
		l.mu.Unlock()
		x = s.full.Load()
	}
	if !s.acquire() {
		return dst, nil // retention has removed it: its ids are forgotten
	}
	defer s.release() //nolint:errcheck // nothing was written
	offsets, err := x.find(dst, hash)
	if errors.Is(err, errIndex) {
		x, err = l.reindex(s)
		if err == nil {
			offsets, err = x.find(dst, hash)
		}
	}
	return offsets, err
}

// readID reads the records at these offsets and gives the one with the id, or nil.
func (l *Log) readID(s *segment, offsets []int64, id string) (*fedmsg.Entry, error) {
	for _, off := range offsets {
		e, err := l.readAt(s, off)
		if err != nil {
			return nil, err
		}
		if e != nil && e.ID == id {
			return e, nil
		}
	}
	return nil, nil
}

// readAt reads the record at an offset. It gives nil where it is damaged or retention has removed it.
func (l *Log) readAt(s *segment, off int64) (*fedmsg.Entry, error) {
	if !s.acquire() {
		return nil, nil
	}
	defer s.release() //nolint:errcheck // nothing was written
	l.mu.Lock()
	end := s.size
	l.mu.Unlock()
	scan := scanner{file: s.file, off: off, end: end, chunk: lookupChunk, max: maxChunk, keep: true}
	h, b, err := scan.next()
	if errors.Is(err, errBroken) || isEOF(err) {
		l.o.Logger.Warn("record is damaged, its id is taken for unknown", "segment", filepath.Base(s.path), "offset", off)
		return nil, nil
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

// lookupChunk is how much is read to get one record, more if it is longer.
const lookupChunk = 2 << 10

// Find looks for a durable entry by its id.
func (l *Log) Find(id string) (fedmsg.Entry, bool, error) {
	hash := idHash(id)
	segments := l.snapshot()
	var offsets []int64
	for k := len(segments) - 1; k >= 0; k-- {
		var err error
		offsets, err = l.candidates(offsets[:0], segments[k], hash)
		if err != nil {
			return fedmsg.Entry{}, false, err
		}
		e, err := l.readID(segments[k], offsets, id)
		if err != nil {
			return fedmsg.Entry{}, false, err
		}
		if e != nil {
			return *e, true, nil
		}
	}
	return fedmsg.Entry{}, false, nil
}
