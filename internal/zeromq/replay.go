package zeromq

import (
	"context"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	query "github.com/federated-messaging/fedmsg/internal/replay"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// replayPlaces bounds the answers of one socket that are made or written at a time, and with maxAnswer their memory.
const replayPlaces = 16

// replayer is one socket of the old replay protocol. Each asker has a goroutine of its own; what it asks for is looked up one
// after the other, as a question may mean to read much of the log.
type replayer struct {
	setup
	listener *zmtp.Listener
	answers  answers
	turn     chan struct{} // one for who looks up
	askers   askers

	patience context.Context // ends when stop waits no longer
	abandon  context.CancelFunc
}

// openReplay opens a socket of the old replay protocol.
func openReplay(u setup) (edge, error) {
	ln, err := u.listen(zmtp.REP)
	if err != nil {
		return nil, err
	}
	r := &replayer{setup: u, listener: ln, turn: make(chan struct{}, 1)}
	r.answers.places, r.answers.grace = make(chan struct{}, replayPlaces), u.cfg.WriteTimeout/30
	r.patience, r.abandon = context.WithCancel(context.Background())
	if !r.curve && len(r.topics) == 0 {
		r.logger.Warn("nothing may be read here: beyond this machine only what topics= names is", "cure", "add topics=, as in topics=%23 for everything, or curve=yes")
	}
	return r, nil
}

// run serves askers until stop.
func (r *replayer) run() error {
	if err := r.listener.Serve(r.serve); err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "%s lets nobody in any more", r.endpoint)
	}
	return nil
}

// serve answers one asker until it leaves.
func (r *replayer) serve(c *zmtp.Conn) {
	r.counts.peers.Inc()
	defer r.counts.peers.Dec()
	defer r.askers.leave(c)
	scope := r.scope(c)
	batch := make([]zmtp.Incoming, 0, 1)
	for r.askers.idle(c) {
		var err error
		if batch, err = c.Receive(batch[:0]); err != nil || !r.askers.begin(c) {
			return
		}
		for i := range batch {
			if err == nil {
				err = r.answer(c, scope, batch[i].Message)
			}
		}
		r.askers.answered()
		if err != nil {
			return
		}
		clear(batch)
	}
}

// scope is what an asker may see: of each one pattern must match.
func (r *replayer) scope(c *zmtp.Conn) (all [][]fedmsg.Pattern) {
	if !r.curve || r.topics != nil {
		all = append(all, r.topics)
	}
	if r.curve {
		all = append(all, r.clients.scope(c.Peer()))
	}
	return all
}

// answer answers one request. An asker that does not take its answer is cut off: its place is one of few.
func (r *replayer) answer(c *zmtp.Conn, scope [][]fedmsg.Pattern, m zmtp.Message) error {
	r.counts.received.Inc()
	q, ok := parseRequest(m)
	if !ok { // without an envelope it is not known where to send an answer
		r.counts.refuse(malformed())
		return nil
	}
	r.answers.enter()
	defer r.answers.leave(c)
	frames, err := r.find(scope, m[len(q.back):])
	if err != nil {
		frames = [][]byte{query.AppendError(nil, err)}
	} else {
		r.counts.sent.Add(float64(len(frames)))
	}
	r.answers.write(c)
	cut := time.AfterFunc(2*r.cfg.WriteTimeout, func() { c.Close() })
	defer cut.Stop()
	return c.Write(zmtp.AppendMessage(nil, append(q.back[:len(q.back):len(q.back)], frames...)...))
}

// find gives the envelopes that a request asks for.
func (r *replayer) find(scope [][]fedmsg.Pattern, request [][]byte) (frames [][]byte, err error) {
	if len(request) != 1 {
		r.counts.refuse(malformed())
		return nil, query.ErrNotObject
	}
	asked, err := query.ParseQuery(request[0])
	if err != nil {
		r.counts.refuse(malformed())
		return nil, err
	}
	select {
	case r.turn <- struct{}{}:
	case <-r.patience.Done():
		return nil, r.patience.Err()
	}
	defer func() { <-r.turn }()
	l := lookup{ctx: r.patience, deps: r.deps, format: r.format, scope: scope, most: r.cfg.ReplayMessages, found: map[uint64][]byte{}}
	frames, err = l.all(&asked)
	if _, said := errors.AsType[query.Error](err); err != nil && !said {
		r.calm.Error("could not answer what was asked for on the replay socket", "error", err)
	}
	return frames, err
}

// addr is where it listens.
func (r *replayer) addr() string { return r.listener.URI() }

// checks has nothing to say: who asks is told himself.
func (r *replayer) checks() []ops.Check { return nil }

// stop answers what has begun, and ends the askers.
func (r *replayer) stop(ctx context.Context) error {
	answered := r.askers.close()
	var err error
	select {
	case <-answered:
	case <-ctx.Done():
		err = fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "%s did not stop in time: %d answers were not taken", r.endpoint, len(r.answers.places))
	}
	r.abandon()
	closeErr := r.listener.Close()
	<-answered
	if err == nil {
		err = closeErr
	}
	return err
}
