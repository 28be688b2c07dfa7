package commitlog

// memIndex knows the records of one segment while no index file does: of the segment that is written to, and of a full one
// until the keeper has written its file. Record number i is sequence number first+i. It is not safe for concurrent use.
type memIndex struct {
	offsets []uint32 // by record number; 0 where the record is missing (it was damaged), which is inside the segment's head
	hashes  []uint64 // of the ids, by record number
	table   []uint32 // open addressing by hash: record number + 1, or 0; its length is a power of two
	used    int

	// partial tells that the disk could not read some of the records. Such an index is not written to a file: it is made
	// again when the disk can.
	partial bool
}

// add takes the next record.
func (m *memIndex) add(offset int64, hash uint64) {
	if 4*(m.used+1) > 3*len(m.table) {
		m.grow()
	}
	m.offsets = append(m.offsets, uint32(offset))
	m.hashes = append(m.hashes, hash)
	m.insert(hash, uint32(len(m.offsets)))
	m.used++
}

// addMissing takes n records that are known to have been there and cannot be read.
func (m *memIndex) addMissing(n uint64) {
	for range n {
		m.offsets = append(m.offsets, 0)
		m.hashes = append(m.hashes, 0)
	}
}

func (m *memIndex) grow() {
	m.table = make([]uint32, max(1024, 2*len(m.table)))
	for i, h := range m.hashes {
		if m.offsets[i] != 0 {
			m.insert(h, uint32(i+1))
		}
	}
}

func (m *memIndex) insert(hash uint64, entry uint32) {
	mask := uint64(len(m.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if m.table[i] == 0 {
			m.table[i] = entry
			return
		}
	}
}

// find appends the numbers of the records whose id has this hash, oldest first.
func (m *memIndex) find(dst []uint32, hash uint64) []uint32 {
	if len(m.table) == 0 {
		return dst
	}
	mask := uint64(len(m.table) - 1)
	for i := hash & mask; m.table[i] != 0; i = (i + 1) & mask {
		if n := m.table[i] - 1; m.hashes[n] == hash {
			dst = append(dst, n)
		}
	}
	return dst
}

// findOffsets gives where the records begin whose id has this hash.
func (m *memIndex) findOffsets(hash uint64) (offsets []int64) {
	for _, n := range m.find(nil, hash) {
		offsets = append(offsets, int64(m.offsets[n]))
	}
	return offsets
}

// offset gives where record number i begins, or false where it is missing.
func (m *memIndex) offset(i uint64) (int64, bool) {
	if i >= uint64(len(m.offsets)) || m.offsets[i] == 0 {
		return 0, false
	}
	return int64(m.offsets[i]), true
}
