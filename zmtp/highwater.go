package zmtp

import "math"

// room tells whether one more message may be added, and moves those on that are too far behind, if that is how it is made.
func (r *ring) room() bool {
	if r.fits() {
		return true
	}
	r.survey()
	if r.fits() {
		return true
	}
	if r.blocking {
		return false
	}
	room := true
	for _, c := range r.busy {
		switch {
		case !r.late(c):
		case c.writing.Load():
			c.skip()
		default:
			// Its peer is not slow: this process has not come to write to it. Soon it will.
			room = false
		}
	}
	return room
}

func (r *ring) fits() bool {
	return len(r.busy) == 0 || r.next-r.floor < r.messages && r.total-r.floorBytes < r.bytes
}

func (r *ring) late(c *cursor) bool {
	number, bytes := c.position()
	return r.next-number >= r.messages || r.total-bytes >= r.bytes
}

// survey finds out where the slowest is.
func (r *ring) survey() {
	r.floor, r.floorBytes, r.atFloor = math.MaxUint64, r.total, 0
	for _, c := range r.busy {
		number, bytes := c.position()
		if number < r.floor {
			r.floor, r.floorBytes, r.atFloor = number, bytes, 0
		}
		if number == r.floor {
			r.atFloor++
		}
	}
}

// moved is called when a cursor has left a position, to let those who wait for it go on.
func (r *ring) moved(from uint64) {
	if len(r.busy) == 0 && r.quiet != nil {
		close(r.quiet)
		r.quiet = nil
	}
	if r.space == nil {
		return
	}
	if !r.blocking {
		r.release()
		return
	}
	if from > r.floor {
		return
	}
	if r.atFloor--; r.atFloor > 0 {
		return
	}
	r.survey()
	// Room for a few messages only would make the sender wait again at once.
	if len(r.busy) == 0 || r.next-r.floor <= r.messages/2 && r.total-r.floorBytes <= r.bytes/2 {
		r.release()
	}
}

// release lets those who wait in send look again.
func (r *ring) release() {
	if r.space != nil {
		close(r.space)
		r.space = nil
	}
}
