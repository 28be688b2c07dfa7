package mesh

import (
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
)

// kept is one message that can be asked for.
type kept struct {
	seq    uint64
	id     string
	at     time.Time
	answer []byte // the frame of the answer
}

// history keeps the newest messages of a publisher, in memory. Any goroutine may call its methods.
type history struct {
	most, mostBytes int // bounds of what is kept

	mu    sync.RWMutex
	ring  []kept // guarded by mu; the oldest at start, round; numbers without holes
	start int    // guarded by mu
	count int    // guarded by mu
	bytes int    // guarded by mu; of the answers
}

// newHistory makes one for so many messages and bytes, at least for one message.
func newHistory(most, mostBytes int) *history {
	return &history{most: max(most, 1), mostBytes: mostBytes}
}

// add keeps one more, and lets the oldest go for which there is no room. Its number is the one behind the last.
func (h *history) add(k kept) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == len(h.ring) && h.count < h.most {
		h.grow()
	}
	for h.count > 0 && (h.count == len(h.ring) || h.bytes+len(k.answer) > h.mostBytes) {
		h.bytes -= len(h.ring[h.start].answer)
		h.ring[h.start] = kept{}
		h.start = (h.start + 1) % len(h.ring)
		h.count--
	}
	h.ring[(h.start+h.count)%len(h.ring)] = k
	h.count++
	h.bytes += len(k.answer)
}

// grow makes room for more. The caller holds mu.
func (h *history) grow() {
	ring := make([]kept, min(h.most, max(64, 2*len(h.ring))))
	for i := range h.count {
		ring[i] = h.ring[(h.start+i)%len(h.ring)]
	}
	h.ring, h.start = ring, 0
}

// find gives the answer to a query, in the order of the numbers. No more than mostBytes are given at once, but always one
// message.
func (h *history) find(q *replay.Query, mostBytes int) ([][]byte, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var frames [][]byte
	bytes := 0
	from, to := h.window(q)
	for i := from; i < to; i++ {
		k := &h.ring[(h.start+i)%len(h.ring)]
		if !q.Match(k.seq, k.id, k.at) {
			continue
		}
		if bytes += len(k.answer); bytes > mostBytes && len(frames) > 0 {
			return nil, replay.ErrTooLarge
		}
		frames = append(frames, k.answer)
	}
	if len(frames) == 0 {
		return nil, replay.ErrNoMatch
	}
	return frames, nil
}

// window gives the part of the ring that a query can be about. The caller holds mu.
func (h *history) window(q *replay.Query) (from, to int) {
	if h.count == 0 {
		return 0, 0
	}
	if q.All || len(q.IDs) > 0 || !q.Time.Empty() {
		return 0, h.count
	}
	first := h.ring[h.start].seq
	low, high := uint64(1<<63), uint64(0)
	if !q.Range.Empty() {
		low, high = q.Range.From, q.Range.To
	}
	if n := len(q.Seqs); n > 0 {
		low, high = min(low, q.Seqs[0]), max(high, q.Seqs[n-1])
	}
	low, high = max(low, first), min(high, first+uint64(h.count)-1)
	if low > high {
		return 0, 0
	}
	return int(low - first), int(high-first) + 1
}
