package mesh

// remembered is how many of the newest messages of a service are remembered by their marks.
const remembered = 1024

// recent remembers the marks of the newest messages.
type recent struct {
	slots map[uint64]numbered // by number modulo remembered; nil before the first
}

// numbered is a number with its mark.
type numbered struct{ seq, mark uint64 }

// put remembers one more, instead of an older one.
func (r *recent) put(seq, mark uint64) {
	if r.slots == nil {
		r.slots = make(map[uint64]numbered)
	}
	r.slots[seq%remembered] = numbered{seq, mark}
}

// mark gives the mark of the message with the number, if it is remembered.
func (r *recent) mark(seq uint64) (mark uint64, known bool) {
	n := r.slots[seq%remembered]
	return n.mark, n.seq == seq && seq != 0
}
