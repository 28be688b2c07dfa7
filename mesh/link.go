package mesh

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// packet is what a link hands to its service: that it is connected, or messages.
type packet struct {
	up       bool
	arrivals []arrival
}

// link is the way to one address of a service: a connection that is made again whenever it breaks.
type link struct {
	service  string
	uri      string
	key      *zmtp.CurveKey // of the service; as in options
	prefixes []string
	options  zmtp.Options
	seed     maphash.Seed
	report   func(Event)
	tell     func(context.Context, packet) bool // waits; false when ctx ended

	cancel  context.CancelFunc // ends it
	retired atomic.Bool        // the address is no longer announced
	dusk    *time.Timer        // calls cancel a while after that; owned by the listener
}

const (
	// batchSize is how many messages are handed on at once.
	batchSize = 128
	// farewell is how long a connection whose address is no longer announced may still bring what was sent before.
	farewell = 2 * time.Second
)

// retire lets the link end: no new connection is made, and the one that there is has a while to bring what was sent before.
func (l *link) retire() {
	if !l.retired.Swap(true) {
		l.dusk = time.AfterFunc(farewell, l.cancel)
	}
}

// revive takes that back. It may be too late; then the link ends and is to be made anew.
func (l *link) revive() {
	if l.retired.Load() && l.dusk.Stop() {
		l.retired.Store(false)
	}
}

// run holds the connection until ctx ends or the link is retired.
func (l *link) run(ctx context.Context) {
	defer l.cancel()
	retry := backoff.Backoff{Policy: backoff.Policy{First: l.options.ReconnectMin, Max: l.options.ReconnectMax}}
	var told EventKind
	for ctx.Err() == nil && !l.retired.Load() {
		conn, err := zmtp.Dial(ctx, l.uri, zmtp.SUB, l.options)
		if err == nil {
			err = l.listen(ctx, conn, func() {
				told = EndpointUp
				retry.Reset()
			})
		}
		if ctx.Err() != nil || l.retired.Load() {
			break
		}
		if kind := kindOf(err); kind != told {
			told = kind
			l.report(Event{Kind: kind, Service: l.service, Endpoint: l.uri, Err: err})
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry.Next()):
		}
	}
	if l.retired.Load() {
		l.report(Event{Kind: EndpointGone, Service: l.service, Endpoint: l.uri})
	}
}

// kindOf tells a host that nobody knows from one that is not there.
func kindOf(err error) EventKind {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return EndpointUnresolvable
	}
	return EndpointDown
}

// listen subscribes and hands on what comes, until the connection ends.
func (l *link) listen(ctx context.Context, conn *zmtp.Conn, up func()) error {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close() //nolint:errcheck // it ends
	for _, p := range l.prefixes {
		if err := conn.Subscribe([]byte(p), false); err != nil {
			return err
		}
	}
	up()
	l.report(Event{Kind: EndpointUp, Service: l.service, Endpoint: l.uri})
	if !l.tell(ctx, packet{up: true}) {
		return ctx.Err()
	}
	batch := make([]zmtp.Incoming, 0, batchSize)
	for {
		var err error
		if batch, err = conn.Receive(batch[:0]); err != nil {
			return err
		}
		if arrivals := l.arrivals(batch); len(arrivals) > 0 && !l.tell(ctx, packet{arrivals: arrivals}) {
			return ctx.Err()
		}
		clear(batch)
	}
}

// arrivals makes messages of what came. What is none is told of and passed over.
func (l *link) arrivals(batch []zmtp.Incoming) []arrival {
	all := make([]arrival, 0, len(batch))
	for _, in := range batch {
		if in.Subscribe || in.Cancel {
			continue
		}
		a, err := arrive(in.Message, l.seed)
		if err != nil {
			l.report(Event{Kind: Malformed, Service: l.service, Endpoint: l.uri, Err: err})
			continue
		}
		a.Service, a.Endpoint = l.service, l.uri
		all = append(all, a)
	}
	return all
}

// The second frames of messages that have four.
const (
	fedmsg2 = "FEDMSG2"
	fedpub1 = "FEDPUB1"
)

// arrive makes a message of its frames.
func arrive(frames zmtp.Message, seed maphash.Seed) (arrival, error) {
	var envelope []byte
	switch {
	case len(frames) == 2:
		envelope = frames[1]
	case len(frames) == 4 && string(frames[1]) == fedmsg2:
		envelope = frames[2]
	case len(frames) == 4 && string(frames[1]) == fedpub1:
	default:
		return arrival{}, fmt.Errorf("a message of %d frames is none of this bus", len(frames))
	}
	a := arrival{Message: Message{Topic: string(frames[0]), Frames: frames}}
	for _, f := range frames {
		a.size += len(f)
	}
	if t := tell(envelope); t.seq > 0 {
		a.SeqID, a.mark = t.seq, markOf(seed, t.id)
	}
	return a, nil
}
