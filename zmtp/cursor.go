package zmtp

import (
	"slices"
	"sync"
	"sync/atomic"
)

// cursor is a reader's place in a ring. What is not said otherwise is guarded by the ring's lock.
type cursor struct {
	r    *ring
	wake chan struct{} // has a token when there is something to do after it was idle

	page  *page // nil while it is idle
	at    int   // index of the next message in page
	place int   // of the cursor in r.idle or r.busy
	view  *page // what is being written
	over  bool

	// writing is true while the peer is the one to wait for. It is set with the lock, and unset without.
	writing atomic.Bool

	mu       sync.Mutex // may be taken while the ring's is held; not the other way round
	prefixes Prefixes   // what is wanted; guarded by mu

	// Of the goroutine that walks.
	pieces [][]byte
	picked int
	spare  []byte
}

// join makes an idle cursor. Who makes it calls walk in a goroutine, and leave at the end.
func (r *ring) join() *cursor {
	c := &cursor{r: r, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.place = len(r.idle)
	r.idle = append(r.idle, c)
	return c
}

// leave takes the cursor out of the ring and ends its walk, unless that is in a write.
func (c *cursor) leave() {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.over = true
	c.rest()
	c.remove(&c.r.idle)
	c.rouse()
}

// rouse wakes the goroutine that walks, if it is idle.
func (c *cursor) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *cursor) wants(topic []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prefixes.Match(topic)
}

// position tells the number of the next message and the bytes that stand before it.
func (c *cursor) position() (number, bytes uint64) {
	return c.page.number(c.at), c.page.before + uint64(c.page.begin(c.at))
}

// enter begins with a message of a page.
func (c *cursor) enter(p *page, at int) {
	c.remove(&c.r.idle)
	if len(c.r.busy) == 0 {
		// Nobody is before this message, so that nothing has to be looked for until the limits are reached.
		c.r.floor, c.r.floorBytes, c.r.atFloor = p.number(at), p.before+uint64(p.begin(at)), 0
	}
	c.place = len(c.r.busy)
	c.r.busy = append(c.r.busy, c)
	c.page, c.at = p, at
	p.cursors++
}

// rest makes the cursor idle.
func (c *cursor) rest() {
	if c.page == nil {
		return
	}
	from, _ := c.position()
	c.page.cursors--
	c.page = nil
	c.remove(&c.r.busy)
	c.place = len(c.r.idle)
	c.r.idle = append(c.r.idle, c)
	if len(c.r.busy) == 0 {
		c.r.trim(0) // all are idle, and no page is needed at all
	} else {
		c.r.trim(1)
	}
	c.r.moved(from)
}

// remove takes it out of one of the ring's lists.
func (c *cursor) remove(list *[]*cursor) {
	s := *list
	last := len(s) - 1
	s[c.place] = s[last]
	s[c.place].place = c.place
	s[last] = nil
	*list = s[:last]
}

// turn goes on to the next page, if there is one.
func (c *cursor) turn() bool {
	pages := c.r.pages
	i, _ := slices.BinarySearchFunc(pages, c.page.first, func(p *page, first uint64) int { return int(int64(p.first - first)) })
	if i+1 >= len(pages) {
		return false
	}
	c.page.cursors--
	c.page, c.at = pages[i+1], 0
	c.page.cursors++
	if i == 0 {
		c.r.trim(1)
	}
	return true
}

// skip moves a cursor that is too far behind on, an eighth further than it must so that it is not moved for each message, and
// counts what it misses.
func (c *cursor) skip() {
	r := c.r
	from, _ := c.position()
	messages, bytes := r.messages-max(1, r.messages/8), r.bytes-max(1, r.bytes/8)
	c.mu.Lock()
	for {
		if c.at == len(c.page.starts) && !c.turn() {
			break
		}
		number, before := c.position()
		if r.next-number <= messages && r.total-before <= bytes {
			break
		}
		if c.prefixes.Match(topic(c.page.data, c.page.starts[c.at])) {
			r.dropped++
		}
		c.at++
	}
	c.mu.Unlock()
	r.moved(from)
}

// take waits until there is something, and gives all that is there of one page. It is good until the next take.
func (c *cursor) take() (data []byte, starts []uint32, ok bool) {
	r := c.r
	r.mu.Lock()
	defer r.mu.Unlock()
	c.release()
	for {
		switch {
		case c.over:
			return nil, nil, false
		case c.page == nil:
			r.mu.Unlock()
			<-c.wake
			r.mu.Lock()
		case c.at < len(c.page.starts):
			data, starts = c.grab()
			return data, starts, true
		case !c.turn():
			c.rest()
		}
	}
}

// grab makes a view of what stands in the page from the cursor on.
func (c *cursor) grab() (data []byte, starts []uint32) {
	from, _ := c.position()
	p := c.page
	data, starts = p.data, p.starts[c.at:]
	p.views++
	c.view, c.at = p, len(p.starts)
	c.writing.Store(true)
	c.r.moved(from)
	return data, starts
}

// release gives the view up.
func (c *cursor) release() {
	if c.view != nil {
		c.view.views--
		c.r.reuse(c.view)
		c.view = nil
	}
	c.r.sent += uint64(c.picked)
	c.picked = 0
}
