package commitlog

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
)

// duplicates looks for ids that are in the log twice.
func (c *checker) duplicates() error {
	for _, ids := range c.ids {
		slices.SortFunc(ids, func(a, b idAt) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.at, b.at)) })
		for i := 1; i < len(ids); i++ {
			if ids[i-1].hash == ids[i].hash {
				if err := c.compare(ids[i-1], ids[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// compare reports two records whose ids have the same hash if the ids are the same.
func (c *checker) compare(a, b idAt) error {
	first, seqA, _, err := c.readID(a)
	if err != nil || seqA == 0 {
		return err
	}
	second, seqB, off, err := c.readID(b)
	if err != nil || seqB == 0 || first != second {
		return err
	}
	c.report(Finding{
		Kind: FindingDuplicate, Segment: filepath.Base(c.segments[c.segmentAt(b)].path), Offset: off, From: seqA, To: seqB,
		Text: fmt.Sprintf("entries %d and %d have the same id %q", seqA, seqB, clip(first)),
	})
	return nil
}

// segmentAt gives the segment in which a record was met.
func (c *checker) segmentAt(at idAt) int {
	return sort.Search(len(c.starts), func(i int) bool { return c.starts[i] > at.at }) - 1
}

// readID reads id, number and offset of one record again. The number is 0 where it cannot be read any more.
func (c *checker) readID(at idAt) (id string, seq uint64, off int64, err error) {
	i := c.segmentAt(at)
	s := c.segments[i]
	off = at.at - c.starts[i]
	scan := scanner{file: s.file, off: off, end: s.size, chunk: lookupChunk, max: maxChunk, keep: true}
	h, _, err := scan.peek()
	if noRecord(err) {
		return "", 0, off, nil
	}
	return h.id, h.seq, off, err
}
