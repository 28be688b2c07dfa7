package httpapi

import (
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// aheadEvery is the least time between two notices of readers that are ahead: one reader may try again each second.
const aheadEvery = time.Minute

// aheadNotice tells the operator of readers who have been given entries that this log does not have: where no position was
// saved beside the log, they alone know that it was restored from an older copy. The zero value is ready.
type aheadNotice struct {
	mu   sync.Mutex
	last time.Time // under mu
	held int       // readers that were not told of since; under mu
}

// tell logs that gap was given to a reader, unless it is not of the kind, or another one was logged a short time before.
func (n *aheadNotice) tell(t *streams, gap *fedmsg.Gap, now time.Time) {
	if gap == nil || gap.Reason != fedmsg.GapAhead || gap.From.Log != gap.To.Log { // that of an ancestor is known: the log was adopted
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.last.IsZero() && now.Sub(n.last) < aheadEvery {
		n.held++
		return
	}
	t.deps.logger.Warn("a reader's position lies beyond the end of the log", "position", gap.From.String(), "end", gap.To.String(), "more_like_it", n.held,
		"cure", "if the log was restored from an older copy, stop the node and run `fedmsg log adopt`")
	n.last, n.held = now, 0
}
