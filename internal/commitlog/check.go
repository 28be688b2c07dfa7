package commitlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
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
// process; what that is writing at the moment may be reported as torn. Check needs 32 bytes of memory for each entry. It
// fails where there is no log, where a newer version wrote it, or where reading fails.
func Check(dir string, report func(Finding)) (Summary, error) {
	return check(durable.OS{}, dir, report)
}

// checker is one run of Check.
type checker struct {
	fs       durable.FS
	dir      string
	report   func(Finding)
	sum      Summary
	meta     meta
	segments []*segment
	ids      []idAt
	received int64 // of the newest entry so far
}

// idAt is where an id was met.
type idAt struct {
	hash uint64
	seq  uint64
	off  int64
	seg  int
}

func check(fsys durable.FS, dir string, report func(Finding)) (Summary, error) {
	c := &checker{fs: fsys, dir: dir}
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
		err = c.mark()
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
	names, err := c.fs.List(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fedmsg.WrapError(fedmsg.CodeNotFound, err, "there is no log in %s", c.dir)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if first, ok := parseSegmentName(name); ok {
			c.segments = append(c.segments, &segment{first: first, path: filepath.Join(c.dir, name)})
		}
	}
	for _, s := range c.segments {
		if err := c.openSegment(s); err != nil {
			return err
		}
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

// segment checks one segment and its index.
func (c *checker) segment(i int) error {
	s, isLast := c.segments[i], i == len(c.segments)-1
	name := filepath.Base(s.path)
	if s.id == "" && (s.size > segmentHead || !isLast) {
		c.report(Finding{Kind: FindingHead, Segment: name, Text: name + ": the head of the segment is damaged"})
	} else if s.id != "" && !c.meta.knows(s.id) {
		c.report(Finding{Kind: FindingHead, Segment: name, Text: fmt.Sprintf("%s is of another log, %s; it is not used", name, s.id)})
	}
	found, err := scanSegment(s.file, s.first, s.size, func(h *header, b []byte, off int64) { c.record(i, h, b, off) })
	if err != nil {
		return err
	}
	c.sum.Bytes += s.size
	if isLast {
		durableTo, err := readMark(c.fs, c.dir)
		if err != nil {
			return err
		}
		if spot, ok := found.torn(durableTo); ok {
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
	for i := len(c.ids) - 1; i >= 0 && c.ids[i].seq >= spot.seq; i-- {
		c.ids = c.ids[:i]
		c.sum.Entries--
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
	c.ids = append(c.ids, idAt{hash: idHash(h.id), seq: h.seq, off: off, seg: seg})
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

// mark compares the end of the log with what is known to have been durable.
func (c *checker) mark() error {
	durableTo, err := readMark(c.fs, c.dir)
	if err != nil || durableTo <= c.sum.Last {
		return err
	}
	name, off := "", int64(0)
	if n := len(c.segments); n > 0 {
		name, off = filepath.Base(c.segments[n-1].path), c.segments[n-1].size
	}
	c.damage(name, off, c.sum.Last+1, durableTo)
	c.sum.Last = durableTo
	return nil
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

// duplicates looks for ids that are in the log twice.
func (c *checker) duplicates() error {
	slices.SortFunc(c.ids, func(a, b idAt) int {
		if a.hash != b.hash {
			if a.hash < b.hash {
				return -1
			}
			return 1
		}
		return int(int64(a.seq) - int64(b.seq))
	})
	for i := 1; i < len(c.ids); i++ {
		a, b := c.ids[i-1], c.ids[i]
		if a.hash != b.hash {
			continue
		}
		first, err := c.readID(a)
		if err != nil {
			return err
		}
		second, err := c.readID(b)
		if err != nil {
			return err
		}
		if first == second && first != "" {
			c.report(Finding{
				Kind: FindingDuplicate, Segment: filepath.Base(c.segments[b.seg].path), Offset: b.off, From: a.seq, To: b.seq,
				Text: fmt.Sprintf("entries %d and %d have the same id %q", a.seq, b.seq, clip(first)),
			})
		}
	}
	return nil
}

// readID reads the id of one record again.
func (c *checker) readID(at idAt) (string, error) {
	s := c.segments[at.seg]
	scan := scanner{file: s.file, off: at.off, end: s.size, chunk: lookupChunk, max: maxChunk, keep: true}
	h, _, err := scan.peek()
	if noRecord(err) { // it could be read a moment ago
		return "", nil
	}
	return h.id, err
}
