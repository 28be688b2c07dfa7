package zmtp

// The sizes of the slabs that the slices of messages are cut out of.
const (
	minSlab = 4
	maxSlab = 256
)

// assembly puts frames together to messages.
type assembly struct {
	maxBytes, maxFrames int

	slab  [][]byte // slab[first:] is the message that is not whole yet
	first int
	bytes int // of that message
}

// add takes a frame. It gives the message if that was the last frame of it.
func (a *assembly) add(flags byte, body []byte) (Message, error) {
	if len(a.slab)-a.first >= a.maxFrames {
		return nil, protocolError("a message of more than %d frames came, which is the limit", a.maxFrames)
	}
	if len(a.slab) == cap(a.slab) {
		a.grow()
	}
	a.slab = append(a.slab, body)
	if flags&flagMore != 0 {
		a.bytes += len(body)
		return nil, nil
	}
	m := a.slab[a.first:len(a.slab):len(a.slab)]
	a.first, a.bytes = len(a.slab), 0
	return m, nil
}

// begun reports whether a part of a message is there.
func (a *assembly) begun() bool { return a.first < len(a.slab) }

// grow goes on in a new slab. Those that messages were cut out of belong to who has these.
func (a *assembly) grow() {
	have := a.slab[a.first:]
	size := min(max(2*cap(a.slab), minSlab), maxSlab)
	next := make([][]byte, len(have), max(size, 2*len(have)))
	copy(next, have)
	a.slab, a.first = next, 0
}

// rest gives back the memory while nothing comes.
func (a *assembly) rest() {
	if a.first == len(a.slab) {
		a.slab, a.first = nil, 0
	}
}
