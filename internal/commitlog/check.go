package commitlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Finding is something noteworthy in a log.
type Finding struct {
	Kind     FindingKind
	Segment  string // the file's name
	Offset   int64  // in the segment
	From, To uint64 // the sequence numbers concerned; 0 where there are none
	Text     string // a sentence for the operator
}

// FindingKind says what is wrong.
type FindingKind string

// The kinds of a Finding.
const (
	FindingDamage    FindingKind = "damage"    // entries From to To cannot be read
	FindingTorn      FindingKind = "torn"      // the end of a write that a crash interrupted, or that is underway; the next start cuts it off
	FindingHash      FindingKind = "hash"      // an envelope does not match the SHA-256 in its header
	FindingOrder     FindingKind = "order"     // an entry was received before the one in front of it
	FindingDuplicate FindingKind = "duplicate" // two entries have the same id
	FindingIndex     FindingKind = "index"     // an index file does not match its segment; the next start makes it again
	FindingHead      FindingKind = "head"      // the head of a segment is damaged or of another log
	FindingMeta      FindingKind = "meta"      // log.json is missing or unreadable
)

// Summary is what Check counted.
type Summary struct {
	Info
	Entries  uint64 // that can be read
	Missing  uint64 // that cannot, between Info.First and Info.Last
	Findings int
}

// Check reads the whole log in dir, changes nothing, and reports everything noteworthy in it. The log may be open in another
// process; what that is writing at the moment may be reported as torn. Check needs 16 to 20 bytes of memory for each entry.
// It fails where there is no log, where a newer version wrote it, or where reading fails.
func Check(dir string, report func(Finding)) (Summary, error) {
	return CheckProgress(dir, report, nil)
}

// CheckProgress is Check that tells how far it is, a few times for each segment, in bytes of segments: done of all. progress
// is called by the same goroutine as report; nil is nobody.
func CheckProgress(dir string, report func(Finding), progress func(done, all int64)) (Summary, error) {
	return checkWith(durable.OS{}, dir, report, progress)
}

// progressStep is how many bytes are read between two calls of progress.
const progressStep = 16 << 20

// checker is one run of Check.
type checker struct {
	fs       durable.FS
	dir      string
	report   func(Finding)
	sum      Summary
	meta     meta
	progress func(done, all int64)
	durable  uint64 // what end.json said before anything else was read: it may go on while the log is read
	segments []*segment
	starts   []int64 // where each segment begins in all bytes of segments
	all      int64   // bytes of segments
	told     int64   // what progress was told last
	ids      [idParts][]idAt
	received int64 // of the newest entry so far
}

// idParts is how many parts the ids are kept in, by their hash, so that memory grows in small steps.
const idParts = 64

// idAt is where an id was met: an offset in all bytes of segments.
type idAt struct {
	hash uint64
	at   int64
}

func check(fsys durable.FS, dir string, report func(Finding)) (Summary, error) {
	return checkWith(fsys, dir, report, nil)
}

func checkWith(fsys durable.FS, dir string, report func(Finding), progress func(done, all int64)) (Summary, error) {
	c := &checker{fs: fsys, dir: dir, progress: progress}
	c.report = func(f Finding) {
		c.sum.Findings++
		report(f)
	}
	defer func() { closeAll(c.segments) }()
	err := c.open()
	for i := 0; err == nil && i < len(c.segments); i++ {
		err = c.segment(i)
	}
	if err == nil {
		c.mark()
	}
	if err == nil {
		err = c.duplicates()
	}
	if err != nil && fedmsg.CodeOf(err) == fedmsg.CodeInternal {
		err = fedmsg.WrapError(fedmsg.CodeInternal, err, "checking the log in %s failed", dir)
	}
	return c.sum, err
}

// open reads log.json and opens the segments.
func (c *checker) open() error {
	durableTo, errMark := readMark(c.fs, c.dir)
	names, err := c.fs.List(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fedmsg.WrapError(fedmsg.CodeNotFound, err, "there is no log in %s", c.dir)
	}
	if err = errors.Join(err, errMark); err != nil {
		return err
	}
	c.durable = durableTo
	for _, name := range names {
		if first, ok := parseSegmentName(name); ok {
			c.segments = append(c.segments, &segment{first: first, path: filepath.Join(c.dir, name)})
		}
	}
	for len(c.segments) > 0 {
		err := c.openSegment(c.segments[0])
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		c.segments = c.segments[1:] // retention has removed it since
	}
	for i, s := range c.segments {
		if i > 0 {
			if err := c.openSegment(s); err != nil {
				return err
			}
		}
		c.starts = append(c.starts, c.all)
		c.all += s.size
	}
	c.meta, err = readMeta(c.fs, c.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(c.segments) == 0:
		return fedmsg.WrapError(fedmsg.CodeNotFound, err, "there is no log in %s", c.dir)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errBroken):
		c.report(Finding{Kind: FindingMeta, Text: "log.json is missing or unreadable; the next start makes it again from the segments"})
		c.meta, _ = rebuildMeta(c.segments)
	case err != nil:
		return err
	}
	c.sum.ID, c.sum.Lineage, c.sum.Segments, c.sum.First = c.meta.ID, c.meta.Lineage, len(c.segments), 1
	if len(c.segments) > 0 {
		c.sum.First = c.segments[0].first
		c.sum.Last = c.sum.First - 1
	}
	return nil
}

func (c *checker) openSegment(s *segment) (err error) {
	if s.file, err = c.fs.Open(s.path, true); err != nil {
		return err
	}
	if s.size, err = s.file.Size(); err != nil {
		return err
	}
	s.id, _, err = decodeSegmentHead(s.file)
	if errors.Is(err, errBroken) || err != nil && durable.Unreadable(err) {
		return nil
	}
	return err
}

// scan reads all records of a segment file, in which another process may be erasing.
func (c *checker) scan(file durable.File, first uint64, size int64, visit visitor) (*scanned, error) {
	return scanWith(watch{c.fs, c.dir}, file, first, size, visit)
}

// segment checks one segment and its index.
func (c *checker) segment(i int) error {
	s, isLast := c.segments[i], i == len(c.segments)-1
	name := filepath.Base(s.path)
	if s.id == "" && (s.size > segmentHead || !isLast) {
		c.report(Finding{Kind: FindingHead, Segment: name, Text: name + ": the head of the segment is damaged"})
	} else if s.id != "" && !c.meta.knows(s.id) {
		c.report(Finding{Kind: FindingHead, Segment: name, Text: fmt.Sprintf("%s is of another log, %s; it is not used", name, s.id)})
	}
	found, err := c.scan(s.file, s.first, s.size, func(h *header, b []byte, off int64) { c.record(i, h, b, off) })
	if err != nil {
		return err
	}
	c.sum.Bytes += s.size
	c.tell(c.starts[i]+s.size, true)
	if isLast {
		if spot, ok := found.torn(c.durable); ok {
			c.torn(name, found, spot)
		}
	} else if want := c.segments[i+1].first - s.first; found.count() < want {
		c.damage(name, found.end, s.first+found.count(), s.first+want-1)
	}
	for _, spot := range found.spots {
		if spot.next > spot.seq {
			c.damage(name, spot.offset, spot.seq, spot.next-1)
		} else if spot.found {
			c.report(Finding{Kind: FindingDamage, Segment: name, Offset: spot.offset, Text: fmt.Sprintf("%s at offset %d: bytes that are no record; no entry is missing", name, spot.offset)})
		}
	}
	c.sum.Last = s.first + found.count() - 1
	if isLast {
		return nil
	}
	return c.index(s, found, c.segments[i+1].first-s.first)
}

func (c *checker) torn(name string, found *scanned, spot spot) {
	from := c.starts[len(c.starts)-1] + spot.offset
	for p := range c.ids {
		for n := len(c.ids[p]); n > 0 && c.ids[p][n-1].at >= from; n-- {
			c.ids[p] = c.ids[p][:n-1]
			c.sum.Entries--
		}
	}
	c.report(Finding{
		Kind: FindingTorn, Segment: name, Offset: spot.offset,
		Text: fmt.Sprintf("%s at offset %d: %d bytes of a write that was not finished; nobody was told that they are stored, and the next start cuts them off", name, spot.offset, found.size-spot.offset),
	})
	found.cut(spot)
}

// damage reports entries that cannot be read.
func (c *checker) damage(name string, off int64, from, to uint64) {
	c.sum.Missing += to - from + 1
	c.report(Finding{
		Kind: FindingDamage, Segment: name, Offset: off, From: from, To: to,
		Text: fmt.Sprintf("%s at offset %d: entries %d to %d are damaged", name, off, from, to),
	})
}

// record checks one whole record.
func (c *checker) record(seg int, h *header, b []byte, off int64) {
	name := filepath.Base(c.segments[seg].path)
	c.sum.Entries++
	hash := idHash(h.id)
	c.ids[hash%idParts] = append(c.ids[hash%idParts], idAt{hash: hash, at: c.starts[seg] + off})
	c.tell(c.starts[seg]+off, false)
	if !hashHolds(h, b) {
		c.report(Finding{Kind: FindingHash, Segment: name, Offset: off, From: h.seq, To: h.seq, Text: fmt.Sprintf("%s at offset %d: the envelope of entry %d does not match its hash", name, off, h.seq)})
	}
	if h.received < c.received {
		c.report(Finding{Kind: FindingOrder, Segment: name, Offset: off, From: h.seq, To: h.seq, Text: fmt.Sprintf("%s at offset %d: entry %d was received at %s, before the one in front of it", name, off, h.seq, nanoTime(h.received).Format(time.RFC3339Nano))})
	}
	if c.sum.Oldest.IsZero() {
		c.sum.Oldest = nanoTime(h.received)
	}
	c.received = max(c.received, h.received)
	c.sum.Newest = nanoTime(c.received)
}

// tell tells how far the check is, where that is worth it.
func (c *checker) tell(done int64, must bool) {
	if c.progress != nil && (must || done-c.told >= progressStep) {
		c.told = done
		c.progress(done, c.all)
	}
}

// mark compares the end of the log with what is known to have been durable.
func (c *checker) mark() {
	if c.durable <= c.sum.Last {
		return
	}
	name, off := "", int64(0)
	if n := len(c.segments); n > 0 {
		name, off = filepath.Base(c.segments[n-1].path), c.segments[n-1].size
	}
	c.damage(name, off, c.sum.Last+1, c.durable)
	c.sum.Last = c.durable
}

// index compares the index file of a segment that should have want records, and has them, with what it would be if it were
// made now. A missing one is no finding.
func (c *checker) index(s *segment, found *scanned, want uint64) error {
	data, err := durable.ReadFile(c.fs, indexPath(s.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && durable.Unreadable(err) {
		data, err = nil, nil
	}
	if err != nil {
		return err
	}
	c.sum.Bytes += int64(len(data))
	if len(found.spots) > 0 || found.count() < want {
		return nil // it may know what is no longer there, and is checked as it is used
	}
	if bytes.Equal(data, encodeIndex(found.index, s.first, s.size, found.oldest, found.newest)) {
		return nil
	}
	name := filepath.Base(indexPath(s.path))
	c.report(Finding{Kind: FindingIndex, Segment: name, Text: name + ": the index does not match its segment; remove it, and the next start makes it again"})
	return nil
}
