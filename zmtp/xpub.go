package zmtp

import (
	"context"
	"slices"
	"sync"
)

// XPub is a Pub that is told of subscriptions.
type XPub struct {
	*Pub
	inbox   *inbox[struct{}]
	changes *lane[struct{}]

	mu      sync.Mutex // guards what follows
	wanted  Prefixes   // by all peers together, counted
	told    Prefixes   // what Receive has said is wanted
	pending map[string]struct{}
}

// NewXPub makes an XPub.
func NewXPub(o Options) *XPub {
	x := &XPub{inbox: newInbox[struct{}](o), pending: make(map[string]struct{})}
	x.changes = x.inbox.lane(struct{}{})
	x.Pub = newPub(XPUB, o, func(p *Pub, c *Conn) {
		p.serve(c, func(c *Conn, keep func([]Incoming) []Incoming) { receive(c, laneOf(c, x.inbox, struct{}{}), keep) })
	})
	x.heeded = x.note
	return x
}

// Receive waits for the next change of what all subscribers together want: the first subscription to a prefix, the last
// cancellation of it; or for a message that an XSUB peer sent upstream. What was changed and changed back before it was called
// is not told.
func (x *XPub) Receive(ctx context.Context) (Incoming, error) {
	for {
		i, _, err := x.inbox.take(ctx)
		if err != nil {
			return Incoming{}, err
		}
		if !i.Subscribe {
			x.received.Add(1)
			return i, nil
		}
		if x.settle(&i) {
			return i, nil
		}
	}
}

// Close ends everything, waiting for what is queued as long as Options.Linger says, and for the goroutines. It may be called
// several times.
func (x *XPub) Close() error {
	err := x.Pub.Close()
	x.inbox.close()
	return err
}

// note hears of what one peer wants, or no longer. What waits to be told is the prefixes for which something may have changed,
// each once, so that it is bounded by what is wanted.
func (x *XPub) note(i Incoming) {
	x.mu.Lock()
	defer x.mu.Unlock()
	changed, prefix := false, i.Message[0]
	if i.Cancel {
		changed = x.wanted.Remove(prefix)
	} else {
		changed = x.wanted.Add(prefix)
	}
	if _, waits := x.pending[string(prefix)]; waits || !changed {
		return
	}
	x.pending[string(prefix)] = struct{}{}
	x.changes.put([]Incoming{{Message: Message{slices.Clone(prefix)}, Subscribe: true}})
}

// settle makes of a prefix for which something may have changed what has, and tells whether it has.
func (x *XPub) settle(i *Incoming) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	prefix := i.Message[0]
	delete(x.pending, string(prefix))
	wanted := x.wanted.Has(prefix)
	if wanted == x.told.Has(prefix) {
		return false
	}
	if wanted {
		x.told.Add(prefix)
	} else {
		x.told.Remove(prefix)
	}
	i.Subscribe, i.Cancel = wanted, !wanted
	return true
}
