package commitlog

import (
	"errors"
	"fmt"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// roll begins a new segment behind the active one, which is durable to its end. When it fails with a full disk, everything
// is as before.
func (w *writer) roll() error {
	l, old := w.log, w.active
	if old.count == 0 {
		// The name stays the same: only the head is written anew. It is synced with the batch.
		if _, err := old.file.WriteAt(encodeSegmentHead(l.meta.ID, old.first), 0); err != nil {
			return err
		}
		l.mu.Lock()
		old.id = l.meta.ID
		l.mu.Unlock()
		return nil
	}
	s, err := createSegment(l.o.FS, l.dir, l.meta, old.last()+1)
	if err != nil {
		return err
	}
	l.mu.Lock()
	old.full.Store(&fullIndex{mem: old.active})
	old.active = nil
	l.segments = append(l.segments[:len(l.segments):len(l.segments)], s)
	l.bytes += s.size + old.indexBytes()
	l.mu.Unlock()
	w.active = s
	l.keeper.wake()
	return nil
}

// rollOld begins a new segment because retention wants to remove the active one.
func (w *writer) rollOld() {
	if w.active.count == 0 || w.log.Err() != nil {
		return
	}
	if err := w.roll(); err != nil && !isFull(err) && !errors.Is(err, errNotMade) { // the keeper asks again
		w.log.setPoison(err)
	}
}

// errNotMade tells that a segment's file could not be made, and nothing else has happened.
var errNotMade = errors.New("no segment was made")

// createSegment makes a segment file with its head, and its name durable. The head itself is synced with the first batch:
// a file that has lost it is known by its name, and that it exists says that everything before it is durable.
func createSegment(fsys durable.FS, dir string, m meta, first uint64) (*segment, error) {
	path := segmentPath(dir, first)
	file, err := fsys.Create(path, 0o600)
	if isFull(err) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotMade, err)
	}
	_, err = file.WriteAt(encodeSegmentHead(m.ID, first), 0)
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		_ = file.Close() // nothing in it counts
		if errRemove := remove(fsys, dir, path); errRemove != nil {
			// It would be in the way of the next try, or come back with a crash and hide what the segment before it gets
			// until then: no longer just a full disk.
			return nil, errors.New(errors.Join(err, errRemove).Error())
		}
		return nil, err
	}
	s := &segment{first: first, id: m.ID, path: path, file: file, size: segmentHead, active: &memIndex{}}
	s.refs.Store(1)
	return s, nil
}

// remove removes a file durably.
func remove(fsys durable.FS, dir, path string) error {
	if err := fsys.Remove(path); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}
