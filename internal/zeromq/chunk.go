package zeromq

import (
	"cmp"
	"slices"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// chunkBytes is how much is encoded into one chunk, and so written at once; a message may be larger.
const chunkBytes = 64 << 10

// passedAtOnce bounds the entries that are looked at for one chunk where most are not wanted.
const passedAtOnce = 4096

// chunk is consecutive entries as they stand on the wire, one behind the other. Behind the messages that it has, more may come;
// those that are there never change.
type chunk struct {
	first    uint64 // number of the first entry that it speaks of
	messages []byte
	marks    []mark // one for each message
	room     int    // bytes of memory that chunks counts for it
}

// mark is where a message stands.
type mark struct {
	seq        uint64 // of the entry
	at         uint32 // where the message begins
	topic, end uint32 // where the topic begins and ends
}

// piece is what a subscriber gets of a chunk.
type piece struct {
	messages []byte
	marks    []mark
	upTo     uint64 // number of the last entry that it speaks of
	own      *chunk // that was made for this subscriber alone; else nil
}

// topic is the topic frame of the message.
func (p *piece) topic(m *mark) []byte { return p.messages[m.topic:m.end] }

// message is where the i-th message begins and ends. The marks count from the beginning of the chunk, and messages has it all.
func (p *piece) message(i int) (from, to int) {
	if i+1 < len(p.marks) {
		return int(p.marks[i].at), int(p.marks[i+1].at)
	}
	return int(p.marks[i].at), len(p.messages)
}

// all is all messages of the piece together.
func (p *piece) all() []byte {
	if len(p.marks) == 0 {
		return nil
	}
	return p.messages[p.marks[0].at:]
}

// chunks are the recent ones of a socket, one behind the other without a hole, shared by all its subscribers. Whoever comes
// first to where they end encodes what there is, and the others find it.
type chunks struct {
	encoder
	most int // bytes of all chunks together

	mu     sync.Mutex
	run    []*chunk     // guarded by mu
	bytes  int          // room of all in run; guarded by mu
	cursor *feed.Cursor // stands where the run ends; guarded by mu
}

// after gives what comes behind the entry with number seq: false where nothing has come yet, or where the chunks no longer
// have it and it is not in the feed's memory either.
func (k *chunks) after(seq uint64) (piece, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if seq > k.cursor.Position().Seq { // nobody has been here: what lies between is wanted by nobody who is near
		k.clear()
		k.cursor.Skip(seq)
	}
	if seq == k.cursor.Position().Seq {
		k.extend()
	}
	last := k.cursor.Position().Seq
	if seq == last || len(k.run) == 0 || seq+1 < k.run[0].first {
		return piece{}, false
	}
	i, found := slices.BinarySearchFunc(k.run, seq+1, func(c *chunk, seq uint64) int { return cmp.Compare(c.first, seq) })
	if !found {
		i-- // it lies within the one before
	}
	if i+1 < len(k.run) {
		last = k.run[i+1].first - 1
	}
	return k.run[i].after(seq, last), true
}

// after gives what of the chunk lies behind the entry with number seq.
func (c *chunk) after(seq, upTo uint64) piece {
	from, _ := slices.BinarySearchFunc(c.marks, seq+1, func(m mark, s uint64) int {
		if m.seq < s {
			return -1
		}
		return 1
	})
	return piece{messages: c.messages[:len(c.messages):len(c.messages)], marks: c.marks[from:len(c.marks):len(c.marks)], upTo: upTo}
}

// extend encodes what has come since, up to the end of a chunk. The caller has mu.
func (k *chunks) extend() {
	for range passedAtOnce {
		it, ok := k.cursor.Recent()
		if !ok {
			return
		}
		wanted := k.wants(it.Entry)
		if !wanted && len(k.run) > 0 {
			continue
		}
		c := k.place(it.Entry)
		if wanted {
			k.add(c, it.Entry)
		}
		k.bytes += cap(c.messages) - c.room
		c.room = cap(c.messages)
		if len(c.messages) >= chunkBytes {
			return
		}
	}
}

// place gives the chunk that the entry goes into, and lets the oldest go where there are too many. The caller has mu.
func (k *chunks) place(e *fedmsg.Entry) *chunk {
	if len(k.run) > 0 {
		if c := k.run[len(k.run)-1]; len(c.messages) == 0 || len(c.messages)+size(e) <= cap(c.messages) {
			return c
		}
	}
	c := &chunk{first: e.Position.Seq, messages: make([]byte, 0, max(chunkBytes, size(e)))}
	k.run = append(k.run, c)
	for len(k.run) > 1 && k.bytes+cap(c.messages) > k.most {
		k.bytes -= k.run[0].room
		k.run[0] = nil
		k.run = k.run[1:]
	}
	return c
}

// clear forgets all chunks. Subscribers keep what they are writing.
func (k *chunks) clear() { k.run, k.bytes = nil, 0 }

// forget is clear for when nobody listens any more.
func (k *chunks) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clear()
}
