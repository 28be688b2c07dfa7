package commitlog

import (
	"errors"
	"io"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// What a crash leaves behind, and how it is told from damage. A write begins only when the one before it is durable. So at
// most one write, the last, can be torn, and every record names the first number of its write. Bytes that are no record are
//
//   - a torn end, if no record of a later write stands behind them, and the mark does not say that they were durable:
//     nobody was told of these records, and they are cut off;
//   - damage otherwise: the records were acknowledged. They are named, and the rest is read on.
//
// A torn write may have whole records behind the torn ones, since a disk writes in any order. They go too.
//
// What is left of the last write was perhaps never synced, or its sync failed. After a sync that failed Linux still reads
// the bytes back, takes them for clean, and has the next sync succeed without writing them. So they are written again, to
// where they stand, before they are synced: see rewrite.

// scanned is what the records of one segment file say.
type scanned struct {
	first  uint64
	index  *memIndex // all records up to the last whole one; damaged ones are missing in it
	spots  []spot    // places without a record, in order
	end    int64     // behind the last whole record
	size   int64     // of the file
	batch  uint64    // first number of the last write of which a whole record is there; 0 where there is none
	tail   [2]int64  // where the first whole records of the last two such writes begin, the last one first; 0 where there is none
	oldest int64
	newest int64
	bad    bool // the disk could not read some of it: what is missing may come back
}

// spot is one place in a segment where records are missing.
type spot struct {
	offset   int64
	seq      uint64 // the number of the record that should begin at offset
	newest   int64  // received of the record before
	found    bool   // a whole record stands behind it, with the number next
	next     uint64
	bad      error // what the disk said where it could not read, and badAt where that was; nil where it read bytes that are no record
	badAt    int64
	hasBytes bool // there are bytes that are no record, and not just a jump in the numbers
}

// count is the number of records up to the last whole one, missing ones included.
func (c *scanned) count() uint64 { return uint64(len(c.index.offsets)) }

// visitor is called with each whole record, its bytes, which are valid until it returns, and its offset.
type visitor func(h *header, record []byte, off int64)

// scanSegment reads all records of a segment file of size bytes, in which nobody erases meanwhile. visit may be nil.
func scanSegment(file durable.File, first uint64, size int64, visit visitor) (*scanned, error) {
	return scanWith(nil, file, first, size, visit)
}

// scanWith is scanSegment where somebody may.
func scanWith(p patience, file durable.File, first uint64, size int64, visit visitor) (*scanned, error) {
	c := &scanned{first: first, index: &memIndex{}, end: min(segmentHead, size), size: size}
	scan := newScanner(file, segmentHead, size)
	scan.patience = p
	for {
		off, seq := scan.off, first+c.count()
		h, b, err := scan.peek()
		switch {
		case errors.Is(err, io.EOF):
			return c, nil
		case noRecord(err), err == nil && (h.seq < seq || h.seq-first > uint64(size)/minRecord):
			found, err := scan.resync(seq)
			if err != nil {
				return nil, err
			}
			bad := scan.takeBad()
			c.bad = c.bad || bad != nil
			c.spots = append(c.spots, spot{offset: off, seq: seq, newest: c.newest, found: found, bad: bad, badAt: scan.badAt, hasBytes: true})
			continue
		case err != nil:
			return nil, err
		}
		if h.seq > seq {
			c.missing(off, seq, h.seq)
		}
		c.add(&h, scan.off)
		if visit != nil {
			visit(&h, b, scan.off)
		}
		scan.off += int64(h.recordLen())
		c.end = scan.off
	}
}

// missing takes the records from seq to before next as missing; the record next stands at off.
func (c *scanned) missing(off int64, seq, next uint64) {
	if n := len(c.spots); n == 0 || c.spots[n-1].seq != seq {
		c.spots = append(c.spots, spot{offset: off, seq: seq, newest: c.newest, found: true})
	}
	c.spots[len(c.spots)-1].next = next
	c.index.addMissing(next - seq)
}

// add takes a whole record.
func (c *scanned) add(h *header, off int64) {
	c.index.add(off, idHash(h.id))
	if h.batch > c.batch {
		c.batch = h.batch
		c.tail = [2]int64{off, c.tail[0]}
	}
	if c.oldest == 0 {
		c.oldest = h.received
	}
	c.newest = max(c.newest, h.received)
}

// torn finds where the torn end of the last segment begins, if it has one. Everything up to the number durable is known to
// have been durable. What the disk cannot read is never torn: it may read it next time.
func (c *scanned) torn(durable uint64) (s spot, ok bool) {
	for _, s := range c.spots {
		if s.hasBytes && s.bad == nil && s.seq > durable && s.seq >= c.batch {
			return s, true
		}
	}
	return spot{}, false
}

// cut forgets everything from a torn spot on.
func (c *scanned) cut(s spot) {
	keep := s.seq - c.first
	old := c.index
	c.index = &memIndex{}
	for i := range keep {
		if old.offsets[i] == 0 {
			c.index.addMissing(1)
		} else {
			c.index.add(int64(old.offsets[i]), old.hashes[i])
		}
	}
	for i := range c.spots {
		if c.spots[i].offset == s.offset {
			c.spots = c.spots[:i]
			break
		}
	}
	if c.tail[0] >= s.offset {
		c.tail[0] = c.tail[1]
	}
	c.end, c.size, c.newest = s.offset, s.offset, s.newest
	if c.newest == 0 {
		c.oldest = 0
	}
}

// rewritePiece is how much of a last write is written again at once.
const rewritePiece = 1 << 20

// rewrite writes the bytes of file from one offset to another again, so that the next sync brings them to the disk whatever
// the system believes to be there already.
func rewrite(file durable.File, from, to int64) error {
	b := make([]byte, min(to-from, rewritePiece))
	for from < to {
		b = b[:min(to-from, int64(len(b)))]
		n, err := file.ReadAt(b, from)
		if err != nil && !durable.Unreadable(err) {
			return err
		}
		if _, err := file.WriteAt(b[:n], from); err != nil {
			return err
		}
		from += int64(n)
		if err != nil {
			from = (from/badPage + 1) * badPage // what cannot be read stays as it is
		}
	}
	return nil
}

// lastPossible is the largest number that a record may have which the disk could not read at the end of the segment, or 0
// where it could read the end: how many there are cannot be known, and none of their numbers may be given again.
func (c *scanned) lastPossible() uint64 {
	n := len(c.spots)
	if n == 0 || c.spots[n-1].found || c.spots[n-1].bad == nil {
		return 0
	}
	return c.spots[n-1].seq + uint64(c.size-c.spots[n-1].offset)/minRecord
}
