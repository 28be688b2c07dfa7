package zeromq

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// lastWords is how long subscribers have, when the node stops, to take what is stored and not yet written to them.
const lastWords = time.Second

// longestPrefix bounds one subscription, which is far more than any topic has.
const longestPrefix = 64 << 10

// publisher is one socket on which the log is published. Each subscriber is a reader of the log.
type publisher struct {
	setup
	listener *zmtp.Listener
	chunks   chunks
	buffers  sync.Pool     // of *chunk, for subscribers that read the log by themselves
	counted  atomic.Uint64 // number of the newest entry that metrics were told of
	unsigned atomic.Uint64 // published without the embedded signature that the format is read for
	omitted  atomic.Uint64 // could not be said in the format
	noticed  atomic.Int64  // when the operator was told of one of those

	stopping  chan struct{} // closed when subscribers have to come to their end
	upTo      atomic.Uint64 // the last entry that they still get then
	lastWords time.Duration // in so long

	mu          sync.Mutex
	subscribers map[*subscriber]struct{} // guarded by mu
	closed      bool                     // stopping is closed; guarded by mu
}

// openPublisher opens a socket on which the log is published.
func openPublisher(u setup) (edge, error) {
	// A subscriber that is busy for long reads nothing, heartbeats neither, and must not be cut off for that. Whoever is gone
	// without a word is found by TCP's own, or by WriteTimeout.
	u.zmtp.Heartbeat = -1
	u.zmtp.MaxMessage = longestPrefix // a peer needs no more memory, and anybody may be one
	ln, err := u.listen(zmtp.PUB)
	if err != nil {
		return nil, err
	}
	p := &publisher{setup: u, listener: ln, stopping: make(chan struct{}), lastWords: lastWords, subscribers: make(map[*subscriber]struct{})}
	scope := u.topics
	if u.curve && scope == nil {
		scope = []fedmsg.Pattern{fedmsg.MatchAll()} // that of the client holds
	}
	p.chunks.encoder = encoder{format: u.format, scope: scope, omit: p.omit, made: p.made}
	p.chunks.most = u.cfg.ChunkBytes
	p.chunks.cursor = u.deps.Feed.Cursor(u.deps.Feed.Last().Seq)
	p.buffers.New = func() any { return &chunk{messages: make([]byte, 0, chunkBytes)} }
	p.warn()
	return p, nil
}

// run serves subscribers until stop.
func (p *publisher) run() error {
	if err := p.listener.Serve(p.serve); err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "%s lets nobody in any more", p.endpoint)
	}
	return nil
}

// serve gives one subscriber what it wants until one of them leaves.
func (p *publisher) serve(c *zmtp.Conn) {
	s := newSubscriber(p, c)
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.subscribers[s] = struct{}{}
	}
	p.mu.Unlock()
	if closed {
		return
	}
	p.counts.peers.Inc()
	s.run()
	p.counts.peers.Dec()
	p.mu.Lock()
	delete(p.subscribers, s)
	left := len(p.subscribers)
	p.mu.Unlock()
	if left == 0 {
		p.chunks.forget()
	}
}

// addr is where it listens.
func (p *publisher) addr() string { return p.listener.URI() }

// stop lets subscribers take what is stored by now, as long as they are quick, and ends them.
func (p *publisher) stop(ctx context.Context) error {
	p.upTo.Store(p.deps.Feed.Last().Seq)
	p.mu.Lock()
	p.closed = true
	close(p.stopping) // first: who wakes and does not see it sleeps again
	for s := range p.subscribers {
		s.cursor.Wake()
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, p.lastWords)
	defer cancel()
	all := p.all()
	for _, s := range all {
		select {
		case <-s.done:
		case <-ctx.Done():
		}
	}
	left := 0
	for _, s := range all {
		select {
		case <-s.done:
		default:
			left++
		}
	}
	if left > 0 {
		p.logger.Warn("subscribers had not taken all when the node stopped", "subscribers", left)
	}
	err := p.listener.Close()
	for _, s := range p.all() {
		<-s.done // its connection is closed
	}
	return err
}

// all gives the subscribers that are connected.
func (p *publisher) all() []*subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*subscriber, 0, len(p.subscribers))
	for s := range p.subscribers {
		all = append(all, s)
	}
	return all
}
