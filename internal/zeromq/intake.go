package zeromq

import (
	"context"
	"log/slog"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// publishedDoor is the way into the log for what somebody published.
type publishedDoor interface {
	// SubmitPublished fixes the order of the messages, each its frames, and gives a ticket with one outcome for each; refusals
	// are outcomes. It may block while too much waits to become durable, until ctx ends. The frames belong to the caller again
	// when it returns.
	SubmitPublished(ctx context.Context, from fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket
}

// intake hands what peers published to the door. Nobody waits at the other end for an answer, so it decides alone what becomes
// of a refusal: what only the node's state is the reason of is tried again for as long as the node runs, which holds the peer
// back; anything else is counted, and gone. Its methods may be called by several goroutines at once.
type intake struct {
	live     publishedDoor // for what comes as it is published
	replayed publishedDoor // for what was published long ago
	counts   *counts
	logger   *slog.Logger

	mu      sync.Mutex
	waiting int   // calls of take that try something again; guarded by mu
	why     error // the newest reason of one; guarded by mu
}

// arrival is a message on its way to the door.
type arrival struct {
	from     fedmsg.Sender
	frames   [][]byte
	replayed bool // published long ago: its age says nothing
}

// take puts arrivals through the door and returns when the fate of each is decided: on disk, or refused for good. The order of
// each sender's is kept. What is under way when ctx ends is waited for, and nothing is tried again; the error then says that some
// were not stored.
func (in *intake) take(ctx context.Context, arrivals []arrival) error {
	in.counts.received.Add(float64(len(arrivals)))
	left, why := in.attempt(ctx, arrivals)
	if len(left) == 0 {
		return nil
	}
	in.hold(1, why)
	defer func() { in.hold(-1, why) }()
	var wait backoff.Backoff
	for len(left) > 0 {
		if wait.Wait(ctx) != nil {
			return fedmsg.WrapError(fedmsg.CodeUnavailable, why, "%d messages could not be stored before the node stopped", len(left))
		}
		left, why = in.attempt(ctx, left)
	}
	return nil
}

// attempt submits all and waits for all. It gives those that are to be tried again, in order, and why. Of each sender one group is
// under way at a time: where some of it are to be tried again, those behind it must wait.
func (in *intake) attempt(ctx context.Context, arrivals []arrival) (left []arrival, why error) {
	ctx = context.WithoutCancel(ctx) // what is here already is taken also when the node stops; the log answers for each
	held := map[fedmsg.Sender]bool{}
	for groups := grouped(arrivals); len(groups) > 0; {
		var now, later [][]arrival
		begun := map[fedmsg.Sender]bool{}
		for _, g := range groups {
			switch from := g[0].from; {
			case held[from]:
				left = append(left, g...)
			case begun[from]:
				later = append(later, g)
			default:
				begun[from], now = true, append(now, g)
			}
		}
		again, err := in.submit(ctx, now)
		for _, a := range again {
			held[a.from], why = true, err
		}
		left, groups = append(left, again...), later
	}
	return left, why
}

// submit is attempt for groups that do not wait for one another.
func (in *intake) submit(ctx context.Context, groups [][]arrival) (left []arrival, why error) {
	tickets := make([]fedmsg.Ticket, len(groups))
	for i, g := range groups {
		messages := make([][][]byte, len(g))
		for k := range g {
			messages[k] = g[k].frames
		}
		door := in.live
		if g[0].replayed {
			door = in.replayed
		}
		tickets[i] = door.SubmitPublished(ctx, g[0].from, messages...)
	}
	for i, g := range groups {
		outcomes, err := tickets[i].Wait(ctx)
		if err != nil {
			left, why = append(left, g...), err
			continue
		}
		for k, o := range outcomes {
			switch {
			case o.Err == nil:
			case waits(o.Err):
				left, why = append(left, g[k]), o.Err
			default: // of which the door tells the operator
				in.counts.refuse(o.Err)
			}
		}
	}
	return left, why
}

// waits reports whether a refused message may be taken later without anybody sending it again. That a revocation list is out of
// date is a matter of one authority's messages, and those of others must not wait for it.
func waits(err error) bool {
	code := fedmsg.CodeOf(err)
	return code.Retryable() && code != fedmsg.CodeStaleCRL
}

// grouped puts together what one submission can have: an arrival joins the newest group of its sender, or begins another where
// it goes through another door, so that no sender's messages overtake one another.
func grouped(arrivals []arrival) [][]arrival {
	var groups [][]arrival
	newest := map[fedmsg.Sender]int{}
	for _, a := range arrivals {
		i, known := newest[a.from]
		if !known || groups[i][0].replayed != a.replayed {
			i = len(groups)
			groups = append(groups, nil)
			newest[a.from] = i
		}
		groups[i] = append(groups[i], a)
	}
	return groups
}

// hold counts the calls that wait, and tells the operator of the first and when the last is over.
func (in *intake) hold(change int, why error) {
	in.mu.Lock()
	in.waiting, in.why = in.waiting+change, why
	n := in.waiting
	in.mu.Unlock()
	switch {
	case change > 0 && n == 1:
		in.logger.Warn("messages wait, and who sent them is held back", "error", why)
	case change < 0 && n == 0:
		in.logger.Info("messages wait no longer")
	}
}

// held is why messages wait, or nil.
func (in *intake) held() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.waiting == 0 {
		return nil
	}
	return in.why
}

// checks is the health of the way in: a warning while messages wait.
func (in *intake) checks(name, place string) []ops.Check {
	err := in.held()
	if err == nil {
		return nil
	}
	_, why := fedmsg.Public(err)
	return []ops.Check{{Name: name, Status: ops.Warning, Text: "messages that came by " + place + " wait, and who sent them is held back: " + why}}
}
