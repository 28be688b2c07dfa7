package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// WalkOptions says what [Walk] reads, and who is told of what is not an entry.
type WalkOptions struct {
	Since    time.Time                // of entries received then or later; zero means all
	Damage   func(Finding)            // what cannot be read; nil is nobody
	Progress func(done, all int64)    // a few times for each segment, in bytes; nil is nobody
	Visit    func(*fedmsg.Entry) bool // each entry, in order; false ends the walk. The entry and what it holds are valid until Visit returns
}

// Walk gives each entry of the log in dir to o.Visit, without opening the log: it changes nothing, takes no lock, and works
// beside a process that has the log open, of which it gives what was stored when it began. Damage is named, stops nothing, and
// is told where it belongs among the entries as far as its segment goes. Walk fails with CodeNotFound where there is no log,
// and with CodeFormat where a newer version wrote it. All three functions are called by the goroutine that called Walk.
func Walk(dir string, o WalkOptions) error { return walk(durable.OS{}, dir, o) }

func walk(fsys durable.FS, dir string, o WalkOptions) error {
	if o.Damage == nil {
		o.Damage = func(Finding) {}
	}
	w := &walker{o: o}
	var err error
	for range infoTries {
		w.checker = &checker{fs: fsys, dir: dir, report: o.Damage, progress: o.Progress}
		if err = w.open(); !errors.Is(err, fs.ErrNotExist) || fedmsg.CodeOf(err) == fedmsg.CodeNotFound {
			break // else retention has removed a segment meanwhile
		}
		closeAll(w.segments)
	}
	defer func() { closeAll(w.segments) }()
	if err == nil {
		err = w.run()
	}
	if err != nil && fedmsg.CodeOf(err) == fedmsg.CodeInternal {
		err = fedmsg.WrapError(fedmsg.CodeInternal, err, "reading the log in %s failed", dir)
	}
	return err
}

// walker is one run of Walk. It opens the files as a check does.
type walker struct {
	*checker
	o     WalkOptions
	since int64 // nanoseconds
	ended bool  // Visit has seen enough
	entry fedmsg.Entry
}

// run walks along the segments from the first one that may hold what is asked for.
func (w *walker) run() error {
	if !w.o.Since.IsZero() {
		w.since = w.o.Since.UnixNano()
	}
	from, err := w.begin()
	for i := from; err == nil && i < len(w.segments) && !w.ended; i++ {
		if i == len(w.segments)-1 {
			err = w.last(i)
		} else {
			err = w.full(i)
		}
	}
	if err == nil && !w.ended {
		w.mark()
	}
	return err
}

// begin finds the segment to begin with: the last one whose first entry was received before the time that is asked for.
func (w *walker) begin() (int, error) {
	for i := len(w.segments) - 1; i > 0; i-- {
		s := w.segments[i]
		scan := scanner{file: s.file, off: segmentHead, end: s.size, chunk: lookupChunk, max: maxChunk}
		h, _, err := scan.peek()
		if err == nil && h.received < w.since {
			return i, nil
		}
		if err != nil && !noRecord(err) && !isEOF(err) {
			return 0, err
		}
	}
	return 0, nil
}

// full walks along a segment that another one follows.
func (w *walker) full(i int) error {
	s, next := w.segments[i], w.segments[i+1].first
	if w.foreign(s) {
		w.damage(filepath.Base(s.path), segmentHead, s.first, next-1)
		return nil
	}
	found, err := w.visit(i, s.size)
	if err != nil || w.ended {
		return err
	}
	w.spots(s, found)
	if end := s.first + found.count(); end < next {
		w.damage(filepath.Base(s.path), found.end, end, next-1)
	}
	w.sum.Last = next - 1
	return nil
}

// last walks along the last segment. What a write that is underway, or was torn, has left at its end is passed over: nobody was
// told that it is stored.
func (w *walker) last(i int) error {
	s := w.segments[i]
	if w.foreign(s) {
		return nil
	}
	found, err := w.scan(s.file, s.first, s.size, nil)
	if err != nil {
		return err
	}
	if spot, ok := found.torn(w.durable); ok {
		found.cut(spot)
	}
	if _, err := w.visit(i, found.size); err != nil || w.ended {
		return err
	}
	w.spots(s, found)
	w.sum.Last = s.first + found.count() - 1
	return nil
}

// foreign reports a segment of another log, which is not read.
func (w *walker) foreign(s *segment) bool {
	if s.id == "" || w.meta.knows(s.id) {
		return false
	}
	name := filepath.Base(s.path)
	w.report(Finding{Kind: FindingHead, Segment: name, Text: fmt.Sprintf("%s is of another log, %s; it is not used", name, s.id)})
	return true
}

// visit gives the entries in the first bytes of a segment.
func (w *walker) visit(i int, size int64) (*scanned, error) {
	s := w.segments[i]
	found, err := w.scan(s.file, s.first, size, func(h *header, b []byte, off int64) {
		w.tell(w.starts[i]+off, false)
		if w.ended || h.received < w.since {
			return
		}
		if !fillEntry(&w.entry, w.meta.ID, h, b) {
			w.damage(filepath.Base(s.path), off, h.seq, h.seq)
			return
		}
		w.ended = !w.o.Visit(&w.entry)
	})
	w.tell(w.starts[i]+s.size, true)
	return found, err
}

// spots names the entries of a segment that cannot be read.
func (w *walker) spots(s *segment, found *scanned) {
	for _, spot := range found.spots {
		if spot.next > spot.seq {
			w.damage(filepath.Base(s.path), spot.offset, spot.seq, spot.next-1)
		}
	}
}
