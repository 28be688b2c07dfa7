package zeromq

import (
	"context"
	"sync"

	"github.com/federated-messaging/fedmsg/mesh"
)

// What may wait between the mesh and the door. Beyond it the publishers are held back.
const (
	maxQueued      = 512
	maxQueuedBytes = 8 << 20
)

// meshQueue is what came from the mesh and is not yet on its way to the disk. One goroutine puts, one takes.
type meshQueue struct {
	mu    sync.Mutex
	list  []mesh.Message // guarded by mu
	bytes int            // of list; guarded by mu
	more  chan struct{}  // has one element when something was put
	room  chan struct{}  // has one element when all was taken
}

func newMeshQueue() *meshQueue {
	return &meshQueue{more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds a message when there is room, and reports whether it did before ctx ended.
func (q *meshQueue) put(ctx context.Context, m mesh.Message) bool {
	size := 0
	for _, frame := range m.Frames {
		size += len(frame)
	}
	for !q.add(m, size) {
		select {
		case <-q.room:
		case <-ctx.Done():
			return false
		}
	}
	signal(q.more)
	return true
}

// add puts the message if there is room; a first one always has.
func (q *meshQueue) add(m mesh.Message, size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) > 0 && (len(q.list) >= maxQueued || q.bytes+size > maxQueuedBytes) {
		return false
	}
	q.list, q.bytes = append(q.list, m), q.bytes+size
	return true
}

// all takes everything.
func (q *meshQueue) all() []mesh.Message {
	q.mu.Lock()
	list := q.list
	q.list, q.bytes = nil, 0
	q.mu.Unlock()
	signal(q.room)
	return list
}

// signal wakes who waits for c, now or at its next look.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
