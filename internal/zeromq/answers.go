package zeromq

import (
	"slices"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/zmtp"
)

// answers bounds how many answers there are at a time. While one waits for its place, whoever takes his for too long gives way.
type answers struct {
	places chan struct{}
	grace  time.Duration // in which an answer can be taken in any case

	mu      sync.Mutex
	written []written // being written, those that were begun first in front; guarded by mu
}

// written is an answer that its asker is taking.
type written struct {
	to    *zmtp.Conn
	since time.Time
}

// enter waits for a place, which leave gives back.
func (a *answers) enter() {
	for {
		select {
		case a.places <- struct{}{}:
			return
		case <-time.After(a.grace):
			a.cut()
		}
	}
}

// cut ends the connection of who has been taking his answer for the longest, if that is too long.
func (a *answers) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.written) > 0 && time.Since(a.written[0].since) >= a.grace {
		a.written[0].to.Close()
		a.written = a.written[1:]
	}
}

// write begins to write an answer.
func (a *answers) write(to *zmtp.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written = append(a.written, written{to, time.Now()})
}

// leave gives a place back.
func (a *answers) leave(to *zmtp.Conn) {
	a.mu.Lock()
	a.written = slices.DeleteFunc(a.written, func(w written) bool { return w.to == to })
	a.mu.Unlock()
	<-a.places
}
