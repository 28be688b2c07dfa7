package peer

import (
	"context"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// What is handed on at once, at most; one entry is always taken.
const (
	maxBatch      = 512     // entries
	maxBatchBytes = 4 << 20 // of these
)

// following is one stream from another node. It belongs to the goroutine that runs it, but for the place.
type following struct {
	source *source
	in     *receive.Intake
	place  *savedPlace
	batch  []receive.Item
	bytes  int             // of the batch
	last   fedmsg.Position // of the last that was given
	own    bool            // it was one of this node's own, or redacted, and is in no batch
	origin fedmsg.LogID    // of the last entry
	failed error           // of Submit, behind which nothing is handed on
	size   int             // of the last batch, about which the next will have
}

// run follows until ctx ends, the connection is lost or the node refuses.
func (f *following) run(ctx context.Context, c *client.Client, o client.FollowOptions) error {
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	var lost error
	o.Connected = f.in.Connected
	o.Lost = func(err error, _ time.Duration) {
		lost = err
		cancel() // the runner of sources connects again
	}
	o.Rest = func() { f.submit(ctx) }
	o.Passed = func(p fedmsg.Position) {
		f.submit(ctx)
		f.place.passed(p)
	}
	for e, err := range c.Follow(streaming, o) {
		gap, missing := err.(*fedmsg.Gap)
		switch {
		case missing:
			f.in.Remark(told(gap, f.source.uri))
		case err != nil:
			return err
		default:
			f.take(&e)
			if f.full() {
				f.submit(ctx)
			}
		}
		if f.failed != nil {
			return f.failed
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return lost
}

// take puts an entry into the batch, unless it has come from this node's own log, or was redacted: that, its own entry tells. The first node's position stays its origin along a
// row of nodes.
func (f *following) take(e *fedmsg.Entry) {
	f.last = e.Position
	if f.own = e.Redacted || e.Origin.Log != "" && e.Origin.Log == f.in.Own(); f.own {
		return
	}
	if f.batch == nil {
		f.batch = make([]receive.Item, 0, min(2*f.size+1, maxBatch))
	}
	m := wire.Carried{Envelope: e.Envelope, Signatures: e.Signatures, Origin: e.Origin, Topic: e.Topic}
	if m.Origin.IsZero() {
		m.Origin = e.Position
	}
	if m.Origin.Log != f.origin { // the name would keep the whole chunk of memory in which the entry came
		f.origin = fedmsg.LogID(strings.Clone(string(m.Origin.Log)))
	}
	m.Origin.Log = f.origin
	f.add(m)
}

func (f *following) add(m wire.Carried) {
	f.batch = append(f.batch, receive.Item{Message: m})
	f.bytes += m.Size()
}

// full reports whether the batch is to be handed on before another entry is taken.
func (f *following) full() bool { return len(f.batch) >= maxBatch || f.bytes >= maxBatchBytes }

// submit hands the batch on, if there is something in it. Behind an error it hands on nothing.
func (f *following) submit(ctx context.Context) {
	if f.failed != nil {
		return
	}
	if len(f.batch) == 0 {
		if f.own {
			f.own = false
			f.place.passed(f.last)
		}
		return
	}
	f.own = false
	f.batch[len(f.batch)-1].Settled = f.place.under(f.last)
	f.failed = f.in.Submit(ctx, f.batch...)
	f.batch, f.bytes, f.size = nil, 0, len(f.batch)
}

// told is a gap as operators are told of it.
func told(g *fedmsg.Gap, uri string) string {
	why := string(g.Reason)
	switch g.Reason {
	case fedmsg.GapTrimmed:
		why = "its retention has removed them"
	case fedmsg.GapDamaged:
		why = "they are damaged there"
	case fedmsg.GapOtherLog:
		why = "its log is another one than before; reading goes on from its beginning"
	case fedmsg.GapAhead:
		why = "its log was restored from an older copy"
	}
	return "the node at " + uri + " does not give the entries from " + g.From.String() + " to " + g.To.String() + ": " + why
}
