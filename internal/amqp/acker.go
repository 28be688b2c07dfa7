package amqp

import (
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

// acker acknowledges what is settled, many messages at once where many are. Items are settled in the order of their tags, so
// that the newest stands for all before it.
type acker struct {
	newest atomic.Uint64 // the tag of the newest that is settled
	wake   chan struct{}
	done   chan struct{}
	ended  chan struct{}
}

func newAcker(ch *amqp.Channel) *acker {
	a := &acker{wake: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
	go a.run(ch) // ends with stop
	return a
}

// settled notes that the message with the tag is on disk. It never blocks, and does nothing after stop.
func (a *acker) settled(tag uint64) {
	a.newest.Store(tag)
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// stop acknowledges what is settled by now and ends.
func (a *acker) stop() {
	close(a.done)
	<-a.ended
}

func (a *acker) run(ch *amqp.Channel) {
	defer close(a.ended)
	var acked uint64
	for last := false; !last; {
		select {
		case <-a.wake:
		case <-a.done:
			last = true
		}
		if tag := a.newest.Load(); tag > acked {
			if ch.Ack(tag, true) != nil {
				<-a.done // the connection has ended, which Run sees too
				return
			}
			acked = tag
		}
	}
}
