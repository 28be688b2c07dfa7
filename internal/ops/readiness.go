package ops

import (
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// Readiness says whether a process can do its work right now. The zero value is starting.
type Readiness struct {
	mu  sync.Mutex
	set bool   // guarded by mu; Set was called
	why string // guarded by mu; why it is not ready, empty when it is
}

// Set makes the process ready, or not ready for the reason given, as in "the node is stopping".
func (r *Readiness) Set(whyNot string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set, r.why = true, whyNot
}

// Err is nil when the process is ready, and otherwise an [fedmsg.Error] with CodeUnavailable that says why not.
func (r *Readiness) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.set:
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is starting; try again soon")
	case r.why != "":
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s", r.why)
	}
	return nil
}
