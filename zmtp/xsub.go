package zmtp

import (
	"context"
	"sync"
)

// XSub is a Sub that can also send messages upstream, to XPUB peers. It gives what comes without looking whether it was
// asked for.
type XSub struct {
	*Sub
	ring *ring
}

// NewXSub makes an XSub.
func NewXSub(o Options) *XSub {
	x := &XSub{ring: newRing(o)}
	x.Sub = newSub(XSUB, o, func(_ *Sub, c *Conn) { x.serve(c) })
	x.drain = x.ring.drained
	return x
}

// Send sends a message upstream to all peers. As with a Pub, a peer that does not keep up misses some.
func (x *XSub) Send(ctx context.Context, frames ...[]byte) error { return x.ring.send(ctx, frames) }

// Close ends everything, waiting for what is queued as long as Options.Linger says, and for the goroutines. It may be called
// several times.
func (x *XSub) Close() error {
	x.ring.close()
	return x.Sub.Close()
}

// Stats tells what it has done so far.
func (x *XSub) Stats() Stats {
	s := x.Sub.Stats()
	s.Sent, s.Dropped = x.ring.counts()
	return s
}

// serve is that of a Sub, and writes what is sent.
func (x *XSub) serve(c *Conn) {
	cursor := x.ring.join()
	cursor.prefixes.Add(nil)
	var walk sync.WaitGroup
	walk.Go(func() { cursor.walk(c) })
	x.Sub.serve(c, messages)
	cursor.leave()
	walk.Wait()
}

// messages takes out what is not one.
func messages(batch []Incoming) []Incoming {
	rest := batch[:0]
	for _, i := range batch {
		if !i.Subscribe && !i.Cancel {
			rest = append(rest, i)
		}
	}
	return rest
}
