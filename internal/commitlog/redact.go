package commitlog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"sort"

	"github.com/federated-messaging/fedmsg"
)

// erasure is a request that the writer erases a payload: it alone writes, and what was submitted before is durable by then.
type erasure struct {
	id   string
	sum  [sha256.Size]byte // of the envelope
	done chan redacted
}

// redacted is the answer.
type redacted struct {
	entry fedmsg.Entry
	found bool
	err   error
}

// Redact erases the payload of the entry with an id for good: the bytes of the segment are overwritten durably when it returns, and
// after a crash in between the next Open does the rest. Number, time, id, topic and hash stay, and readers get the entry with
// Redacted. The id stays taken: publishing on it fails with CodeRedacted. It returns the entry as it is then, or false where none
// in the log has the id. All that was submitted before the call is looked at.
//
// Sum is the SHA-256 of the envelope that is meant; another envelope under that id stays, and Redact fails with CodeIDConflict. What
// is erased already may be asked for again. It fails with CodeStorageFull where the disk has no room for the note that is written
// first, with CodeLogFailed after a failed write, and with CodeTimeout where ctx ends: then it is unknown.
func (l *Log) Redact(ctx context.Context, id string, sum [sha256.Size]byte) (e fedmsg.Entry, found bool, err error) {
	x := &erasure{id: id, sum: sum, done: make(chan redacted, 1)}
	if err := l.queue.putErasure(x); err != nil {
		return e, false, err
	}
	select {
	case a := <-x.done:
		return a.entry, a.found, a.err
	case <-ctx.Done():
		return e, false, fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "the deadline passed before message %q was erased; it is unknown whether it is, ask again", clip(id))
	}
}

// redact does what was asked for.
func (w *writer) redact(x *erasure) {
	var a redacted
	a.entry, a.found, a.err = w.log.redact(x)
	x.done <- a
}

// redact erases every copy of the entry: an id is in the log twice where the disk could not read the first one when it came again.
func (l *Log) redact(x *erasure) (e fedmsg.Entry, found bool, err error) {
	if err := l.Err(); err != nil {
		return e, false, err
	}
	q, err := l.copies(x.id)
	if err != nil {
		return e, len(q.found) > 0, err
	}
	var meant *fedmsg.Entry
	for _, c := range q.found {
		if !c.Redacted && sha256.Sum256(c.Envelope) != x.sum {
			continue
		}
		if !c.Redacted {
			if err := l.eraseEntry(c.Position.Seq); err != nil {
				return *c, true, err
			}
		}
		if meant == nil {
			meant = c
		}
	}
	switch {
	case q.unread != nil:
		return e, len(q.found) > 0, fedmsg.WrapError(fedmsg.CodeUnavailable, q.unread, "it is not certain that message %q is erased: the disk cannot read all of the log, and may hold the message there; it is erased when the disk can be read", clip(x.id))
	case len(q.found) == 0:
		return e, false, nil
	case meant == nil:
		return e, true, fedmsg.Errorf(fedmsg.CodeIDConflict, "message %q is not erased: the log has another envelope under that id, with another SHA-256", clip(x.id))
	case meant.Redacted:
		return *meant, true, nil
	}
	return l.findErased(x)
}

// copies looks for all entries with an id, the newest segment first.
func (l *Log) copies(id string) (*search, error) {
	q := &search{hash: idHash(id), id: id, all: true}
	segments := l.snapshot()
	for k := len(segments) - 1; k >= 0; k-- {
		if err := l.searchIn(segments[k], q); err != nil {
			return q, err
		}
	}
	return q, nil
}

// findErased gives what is left of an entry of which every copy that is meant was erased just now.
func (l *Log) findErased(x *erasure) (left fedmsg.Entry, found bool, err error) {
	q, err := l.copies(x.id)
	if err != nil {
		return left, true, err
	}
	for _, c := range q.found {
		if !c.Redacted && sha256.Sum256(c.Envelope) == x.sum {
			return *c, true, fedmsg.Errorf(fedmsg.CodeInternal, "message %q was erased, and is still there", clip(x.id))
		}
		if c.Redacted && left.ID == "" {
			left = *c
		}
	}
	return left, left.ID != "", nil // retention may have removed it meanwhile
}

// eraseEntry overwrites the payload of an entry that was just found.
func (l *Log) eraseEntry(seq uint64) error {
	s, off, err := l.place(seq)
	if err != nil || s == nil {
		return err
	}
	defer s.release() //nolint:errcheck // nothing was written with it
	return l.erase(s, off)
}

// place gives segment and offset of an entry that was just found. The segment is acquired; it is nil where retention has removed it.
func (l *Log) place(seq uint64) (*segment, int64, error) {
	l.mu.Lock()
	segments := l.segments
	i := sort.Search(len(segments), func(i int) bool { return segments[i].first > seq }) - 1
	if i < 0 || !segments[i].acquire() {
		l.mu.Unlock()
		return nil, 0, nil
	}
	s := segments[i]
	var offsets []uint32
	if s.active != nil {
		offsets = s.active.offsets
	}
	l.mu.Unlock()
	off, ok, err := int64(0), true, error(nil)
	if offsets != nil {
		off = int64(offsets[seq-s.first])
	} else if off, ok, err = s.full.Load().offset(seq - s.first); errors.Is(err, errIndex) {
		var x *fullIndex
		if x, err = l.reindex(s); err == nil {
			off, ok, err = x.offset(seq - s.first)
		}
	}
	if err == nil && !ok {
		err = errIndex
	}
	if err != nil {
		_ = s.release()
		return nil, 0, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot find entry %d in the log to erase it", seq)
	}
	return s, off, nil
}

// patience is that of this process's readers.
func (l *Log) patience() patience { return barrier{&l.erasing} }

// erase overwrites the payload of the record at an offset.
func (l *Log) erase(s *segment, off int64) error {
	h, err := l.headerAt(s, off)
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot read the entry that is to be erased")
	}
	n := intent{Segment: s.first, Offset: off, Seq: h.seq, Hash: hex.EncodeToString(h.hash)}
	if err := writeIntent(l.o.FS, l.dir, n); isFull(err) {
		return l.storageFull(err)
	} else if err != nil {
		return l.notMade(err)
	}
	l.erasing.Lock()
	err = erasePayload(l.o.FS, s.path, off, &h)
	if err == nil || errors.Is(err, fs.ErrNotExist) { // else retention has removed the file meanwhile, and with it what was to be erased
		err = nil
		l.erasures.Add(1)
	}
	l.erasing.Unlock()
	if err != nil {
		// The payload may be half of each. The next start erases it again; nothing may rely on this disk before.
		l.setPoison(err)
		return errPoisoned(err)
	}
	l.o.Logger.Info("the payload of an entry was erased from the log", "seq", h.seq, "id", h.id, "segment", filepath.Base(s.path))
	if err := remove(l.o.FS, l.dir, filepath.Join(l.dir, intentName)); err != nil {
		l.o.Logger.Warn("cannot remove the note of what was erased; the next start erases it again", "file", intentName, "error", err)
	}
	return nil
}

// errRedacted is the answer to who publishes on the id of what was erased.
func errRedacted(id string) error {
	return fedmsg.Errorf(fedmsg.CodeRedacted, "message is not stored: the message with the id %q was redacted, and its id stays taken", clip(id))
}
