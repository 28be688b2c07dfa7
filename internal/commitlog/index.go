package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// An index file, all of it derived from its full segment:
//
//	 0  8  magic and format
//	 8  8  first sequence number
//	16  8  bytes of the segment
//	24  8  received of the first record that can be read, 32: of the last
//	40  4  number of records, missing ones included; 44: bits that choose a bucket
//	48  4  bytes of the filter; 52: CRC-32C of the filter
//	56  4  reserved; 60: CRC-32C of the head up to here
//	64     filter
//	       offsets: where each record begins in the segment, 4 bytes each, 0 where it is missing
//	       directory: where each bucket begins among the buckets, 4 bytes each, and where the last ends
//	       buckets: hash (8) and record number (4) of each id whose hash begins with the bucket's number, sorted, then a
//	       CRC-32C over all that and the bucket's number
//
// Only the filter is read when the log is opened. The rest is checked as it is used: a bucket by its CRC, an offset by the
// record that stands there. A looked-up id costs three reads: two numbers of the directory, the bucket, the record.
const (
	indexMagic   = "FMINDEX\x01"
	indexHead    = 64
	bucketEntry  = 12
	bucketTarget = 32 // ids a bucket, about
)

// errIndex tells that an index file cannot be used and must be made again.
var errIndex = errors.New("index does not match its checksum or segment")

// diskIndex is an open index file. It is safe for concurrent use: nothing in it changes.
type diskIndex struct {
	file           durable.File
	size           int64
	first          uint64
	segmentBytes   int64
	oldest, newest int64
	count          uint32
	bucketBits     uint32
	filter         bloom
}

// encodeIndex makes the index file of a segment.
func encodeIndex(m *memIndex, first uint64, segmentBytes, oldest, newest int64) []byte {
	le := binary.LittleEndian
	order := make([]uint32, 0, m.used)
	filter := newBloom(m.used)
	for i, off := range m.offsets {
		if off != 0 {
			order = append(order, uint32(i))
			filter.add(m.hashes[i])
		}
	}
	slices.SortFunc(order, func(a, b uint32) int {
		if m.hashes[a] != m.hashes[b] {
			if m.hashes[a] < m.hashes[b] {
				return -1
			}
			return 1
		}
		return int(a) - int(b)
	})
	bucketBits := bucketBitsFor(m.used)
	b := make([]byte, indexHead, indexSize(m))
	b = filter.appendTo(b)
	copy(b, indexMagic)
	le.PutUint64(b[8:], first)
	le.PutUint64(b[16:], uint64(segmentBytes))
	le.PutUint64(b[24:], uint64(oldest))
	le.PutUint64(b[32:], uint64(newest))
	le.PutUint32(b[40:], uint32(len(m.offsets)))
	le.PutUint32(b[44:], bucketBits)
	le.PutUint32(b[48:], uint32(8*len(filter)))
	le.PutUint32(b[52:], crc32.Checksum(b[indexHead:], castagnoli))
	le.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	for _, off := range m.offsets {
		b = le.AppendUint32(b, off)
	}
	return appendBuckets(b, m, order, bucketBits)
}

// bucketBitsFor gives how many bits choose a bucket where there are n ids.
func bucketBitsFor(n int) uint32 { return uint32(max(0, bits.Len(uint(n/bucketTarget))-1)) }

// indexSize is how many bytes encodeIndex makes.
func indexSize(m *memIndex) int64 {
	buckets := int64(1) << bucketBitsFor(m.used)
	return indexHead + 8*int64(bloomWords(m.used)) + 4*int64(len(m.offsets)) + 4*(buckets+1) + bucketEntry*int64(m.used) + 4*buckets
}

// appendBuckets appends directory and buckets of the record numbers in order.
func appendBuckets(b []byte, m *memIndex, order []uint32, bucketBits uint32) []byte {
	le := binary.LittleEndian
	dir := len(b)
	b = append(b, make([]byte, 4*(1<<bucketBits+1))...)
	start := len(b)
	next := 0
	for bucket := range uint32(1) << bucketBits {
		from := len(b)
		le.PutUint32(b[dir+4*int(bucket):], uint32(from-start))
		for next < len(order) && bucketOf(m.hashes[order[next]], bucketBits) == bucket {
			b = le.AppendUint64(b, m.hashes[order[next]])
			b = le.AppendUint32(b, order[next])
			next++
		}
		b = le.AppendUint32(b, bucketSum(b[from:], bucket))
	}
	le.PutUint32(b[dir+4<<bucketBits:], uint32(len(b)-start))
	return b
}

// bucketOf gives the bucket of a hash: its first bits.
func bucketOf(hash uint64, bucketBits uint32) uint32 { return uint32(hash >> (64 - bucketBits)) }

// bucketSum is the CRC of a bucket's entries. The number goes in too, so that a wrong directory is noticed.
func bucketSum(entries []byte, bucket uint32) uint32 {
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], bucket)
	return crc32.Update(crc32.Checksum(n[:], castagnoli), castagnoli, entries)
}

// openIndex opens an index file and checks its head and filter. It closes file when it fails.
func openIndex(file durable.File) (*diskIndex, error) {
	x, err := readIndexHead(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return x, nil
}

func readIndexHead(file durable.File) (*diskIndex, error) {
	le := binary.LittleEndian
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	var head [indexHead]byte
	if size < indexHead {
		return nil, errIndex
	}
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if string(head[:8]) != indexMagic || crc32.Checksum(head[:60], castagnoli) != le.Uint32(head[60:]) {
		return nil, errIndex
	}
	x := &diskIndex{
		file: file, size: size, first: le.Uint64(head[8:]), segmentBytes: int64(le.Uint64(head[16:])),
		oldest: int64(le.Uint64(head[24:])), newest: int64(le.Uint64(head[32:])),
		count: le.Uint32(head[40:]), bucketBits: le.Uint32(head[44:]),
	}
	filterLen := int64(le.Uint32(head[48:]))
	if filterLen%filterBlock != 0 || filterLen > size-indexHead || x.bucketBits > 26 {
		return nil, errIndex
	}
	b := make([]byte, filterLen)
	if _, err := file.ReadAt(b, indexHead); err != nil {
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != le.Uint32(head[52:]) {
		return nil, errIndex
	}
	x.filter = readBloom(b)
	if x.bucketsAt() > size {
		return nil, errIndex
	}
	return x, nil
}

func (x *diskIndex) offsetsAt() int64 { return indexHead + 8*int64(len(x.filter)) }
func (x *diskIndex) dirAt() int64     { return x.offsetsAt() + 4*int64(x.count) }
func (x *diskIndex) bucketsAt() int64 { return x.dirAt() + 4*(1<<x.bucketBits+1) }

// find appends the numbers of the records whose id has this hash, oldest first. It fails with errIndex where the file is
// damaged.
func (x *diskIndex) find(dst []uint32, hash uint64) ([]uint32, error) {
	if !x.filter.has(hash) {
		return dst, nil
	}
	le := binary.LittleEndian
	bucket := bucketOf(hash, x.bucketBits)
	var ends [8]byte
	if _, err := x.file.ReadAt(ends[:], x.dirAt()+4*int64(bucket)); err != nil {
		return dst, fmt.Errorf("%w: %w", errIndex, err)
	}
	from, to := int64(le.Uint32(ends[:])), int64(le.Uint32(ends[4:]))
	if to < from+4 || to > x.size-x.bucketsAt() || (to-from-4)%bucketEntry != 0 {
		return dst, errIndex
	}
	b := make([]byte, to-from)
	if _, err := x.file.ReadAt(b, x.bucketsAt()+from); err != nil {
		return dst, fmt.Errorf("%w: %w", errIndex, err)
	}
	entries := b[:len(b)-4]
	if bucketSum(entries, bucket) != le.Uint32(b[len(b)-4:]) {
		return dst, errIndex
	}
	for ; len(entries) > 0; entries = entries[bucketEntry:] {
		if le.Uint64(entries) == hash {
			dst = append(dst, le.Uint32(entries[8:]))
		}
	}
	return dst, nil
}

// offset gives where record number i begins in the segment, or false where it is missing.
func (x *diskIndex) offset(i uint64) (int64, bool, error) {
	if i >= uint64(x.count) {
		return 0, false, nil
	}
	var b [4]byte
	if _, err := x.file.ReadAt(b[:], x.offsetsAt()+4*int64(i)); err != nil {
		return 0, false, fmt.Errorf("%w: %w", errIndex, err)
	}
	off := binary.LittleEndian.Uint32(b[:])
	return int64(off), off != 0, nil
}

func (x *diskIndex) close() error { return x.file.Close() }
