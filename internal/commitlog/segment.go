package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// The head of a segment:
//
//	 0  8  magic
//	 8  4  format
//	12 12  LOGID
//	24  8  first sequence number
//	32 28  reserved
//	60  4  CRC-32C of the head up to here
const (
	segmentMagic = "FMLOGSEG"
	segmentHead  = 64
	format       = 1 // of segments and log.json
)

// segment is one segment file. Of several, each ends before the next one's first number.
type segment struct {
	first uint64
	id    fedmsg.LogID // in its head; empty where the head is damaged or cannot be read
	path  string

	badHead bool // the disk could not read the head when the log was opened

	file durable.File
	refs atomic.Int32 // the log's own and one for each user of file and index; the last one closes them

	// Guarded by Log.mu; once the segment is full they do not change.
	size   int64  // durable bytes
	count  uint64 // records, missing ones included
	oldest int64  // received of the first record, nanoseconds; 0 where there is none
	newest int64

	dropped bool        // retention has removed it; guarded by Log.mu
	retired []io.Closer // index files no longer used; guarded by Log.mu, closed with the rest

	// active is the index of the segment that is written to; guarded by Log.mu. Nil once the segment is full.
	active *memIndex
	// full is the index of a full segment; nil while it is written to.
	full atomic.Pointer[fullIndex]
}

// fullIndex is the index of a full segment: a file, or memory until the keeper has written it. It does not change.
type fullIndex struct {
	disk *diskIndex
	mem  *memIndex
}

// last is the sequence number of the newest record; first-1 where there is none.
func (s *segment) last() uint64 { return s.first + s.count - 1 }

// acquire keeps the files open until release. It reports false where they are closed already.
func (s *segment) acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives back what acquire took.
func (s *segment) release() error {
	if s.refs.Add(-1) > 0 {
		return nil
	}
	err := s.file.Close()
	for _, c := range s.retired { // nobody else is left to touch it
		err = errors.Join(err, c.Close())
	}
	if x := s.full.Load(); x != nil && x.disk != nil {
		err = errors.Join(err, x.disk.close())
	}
	return err
}

// indexBytes is the size of the index file, also of one that is still to be written.
func (s *segment) indexBytes() int64 {
	x := s.full.Load()
	switch {
	case x == nil:
		return 0
	case x.disk != nil:
		return x.disk.size
	}
	return indexSize(x.mem)
}

// find appends the numbers of records whose id has this hash.
func (x *fullIndex) find(dst []uint32, hash uint64) ([]uint32, error) {
	if x.disk != nil {
		return x.disk.find(dst, hash)
	}
	return x.mem.find(dst, hash), nil
}

// count is the number of records that the index knows of, missing ones included. The segment may have lost more at its end.
func (x *fullIndex) count() uint64 {
	if x.disk != nil {
		return uint64(x.disk.count)
	}
	return uint64(len(x.mem.offsets))
}

// offset gives where record number i begins, or false where it is missing.
func (x *fullIndex) offset(i uint64) (int64, bool, error) {
	if x.disk != nil {
		return x.disk.offset(i)
	}
	off, ok := x.mem.offset(i)
	return off, ok, nil
}

const (
	segmentSuffix = ".seg"
	indexSuffix   = ".idx"
	tempSuffix    = ".tmp"
)

// segmentPath names the file of the segment that begins with first.
func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d", first)+segmentSuffix)
}

// indexPath names the index of the segment in path.
func indexPath(path string) string { return strings.TrimSuffix(path, segmentSuffix) + indexSuffix }

// parseSegmentName reads what segmentPath made, without the directory.
func parseSegmentName(name string) (first uint64, ok bool) {
	num, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(num) != 20 {
		return 0, false
	}
	first, err := strconv.ParseUint(num, 10, 64)
	return first, err == nil && first > 0
}

// encodeSegmentHead makes the head of a segment file.
func encodeSegmentHead(id fedmsg.LogID, first uint64) []byte {
	b := make([]byte, segmentHead)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], format)
	copy(b[12:24], id)
	binary.LittleEndian.PutUint64(b[24:], first)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

// decodeSegmentHead reads the head of a segment file. It fails with errBroken, or with CodeFormat where a newer version
// wrote it.
func decodeSegmentHead(file durable.File) (id fedmsg.LogID, first uint64, err error) {
	var b [segmentHead]byte
	if n, err := file.ReadAt(b[:], 0); n < segmentHead {
		if err != nil && n == 0 && !isEOF(err) {
			return "", 0, err
		}
		return "", 0, errBroken
	}
	if string(b[:8]) != segmentMagic || crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return "", 0, errBroken
	}
	if f := binary.LittleEndian.Uint32(b[8:]); f > format {
		return "", 0, formatError(f)
	}
	return fedmsg.LogID(b[12:24]), binary.LittleEndian.Uint64(b[24:]), nil
}

func formatError(found uint32) error {
	return fedmsg.Errorf(fedmsg.CodeFormat, "the log has format %d, this version of fedmsg knows formats up to %d; run the newer version that wrote it", found, format)
}
