package commitlog

import "time"

// maxClockStep is the largest difference between the wall clock and the time that has passed which is not worth a warning.
const maxClockStep = time.Second

// clock gives receive times that never decrease. It belongs to the writer.
type clock struct {
	now    func() time.Time
	newest int64     // nanoseconds of the newest entry
	before time.Time // what now gave last
}

// next gives the time for the entries of one write in nanoseconds, by how much the wall clock stepped since the last call,
// and how far it is behind the newest entry.
func (c *clock) next() (nanos int64, step, behind time.Duration) {
	t := c.now()
	if !c.before.IsZero() {
		wall := t.Round(0).Sub(c.before.Round(0)) // without the monotonic reading
		step = wall - t.Sub(c.before)
		if wall == t.Sub(c.before) && wall < 0 {
			step = wall // a clock without monotonic reading shows only steps back
		}
	}
	c.before = t
	nanos = t.UnixNano()
	if nanos < c.newest {
		behind = time.Duration(c.newest - nanos)
		nanos = c.newest
	}
	c.newest = nanos
	return nanos, step, behind
}
