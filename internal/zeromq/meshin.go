package zeromq

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/mesh"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// saveEvery is how often it is saved up to where the mesh was heard. What was heard since then is asked for again after a crash.
const saveEvery = time.Second

// meshSocket is what the node listens to by one element of zeromq.subscribe: one publisher, or all that a file or domain names.
// One goroutine listens, another hands on, so that what comes while the disk writes makes the next batch.
type meshSocket struct {
	setup
	options mesh.SubscribeOptions
	intake  *intake
	news    *meshNews
	queue   *meshQueue
	taken   map[string]bool // names that those of a file may not have, as the operator gave them to others; nil for one service

	open  context.Context    // ends when the edge stops
	cease context.CancelFunc // ends open
	begun atomic.Bool        // run was called
	done  chan struct{}      // closed when run has nothing left to do

	lost bool // something could not be stored, and what comes behind it must not pass for the end; of the one who hands on
}

// openMeshIn prepares to listen to publishers of the mesh. It connects to nobody yet.
func openMeshIn(u setup) (edge, error) {
	s := &meshSocket{
		setup: u, news: newMeshNews(&u), queue: newMeshQueue(), done: make(chan struct{}),
		intake: &intake{live: u.deps.Door(u.verify, false), replayed: u.deps.Door(u.verify, true), counts: u.counts, logger: u.calm},
	}
	s.options = mesh.SubscribeOptions{
		Prefixes: u.prefixes, Resolver: u.cfg.Resolver, Replay: true, After: u.heard.after(u.address), ZMTP: u.zmtp, Report: s.news.event,
	}
	if err := s.publishers(); err != nil {
		return nil, err
	}
	s.open, s.cease = context.WithCancel(context.Background())
	return s, nil
}

// publishers says to whom it is listened.
func (s *meshSocket) publishers() error {
	switch s.scheme {
	case "file":
		s.options.File = s.path // each line of which may have the key of its service
		s.taken = s.cfg.named()
		return s.proveTo()
	case "srv":
		s.options.Domains, s.options.After = []string{s.path}, nil // each record has numbers of its own, and nobody to ask
		return nil
	}
	one := mesh.Service{Name: s.service(), Addresses: []string{s.address}, Replay: s.endpoint.replay}
	s.options.Services = []mesh.Service{one}
	if s.serverKey == "" {
		return nil
	}
	key, err := zmtp.ParseCurveKey(s.serverKey)
	if err != nil {
		return err // validation has refused it already
	}
	s.options.Services[0].ServerKey = &key
	return s.proveTo()
}

// proveTo lets publishers that have a CURVE key know this node by its own.
func (s *meshSocket) proveTo() error {
	if s.deps.Curve == nil {
		return nil // the mesh makes up a key
	}
	keys, err := s.deps.Curve()
	s.options.ZMTP.Security = zmtp.CurveClient{Keys: keys}
	return err
}

// run listens until stop.
func (s *meshSocket) run() error {
	s.begun.Store(true)
	defer close(s.done)
	ended := make(chan error, 1)
	go func() { ended <- s.listen() }()
	return s.handOn(ended)
}

// listen puts what the mesh says into the queue, until the edge stops or the mesh cannot go on.
func (s *meshSocket) listen() error {
	for m, err := range mesh.Subscribe(s.open, s.options) {
		gap, isGap := errors.AsType[*mesh.Gap](err)
		switch {
		case isGap:
			s.news.gap(gap)
		case err != nil && s.open.Err() != nil:
			return nil
		case err != nil:
			return err
		case !s.queue.put(s.open, m):
			return nil
		}
	}
	return nil
}

// handOn puts what is in the queue through the door, until listen has ended and nothing is left.
func (s *meshSocket) handOn(ended <-chan error) error {
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	for {
		select {
		case <-s.queue.more:
			s.take(s.queue.all())
		case <-save.C:
			s.save()
		case err := <-ended:
			s.take(s.queue.all())
			s.save()
			return err
		}
	}
}

// take puts messages through the door. What is decided about them need not be asked for again.
func (s *meshSocket) take(messages []mesh.Message) {
	if len(messages) == 0 {
		return
	}
	all := make([]arrival, len(messages))
	for i, m := range messages {
		all[i] = arrival{s.from(m.Service), m.Frames, m.Replayed}
	}
	if err := s.intake.take(s.open, all); err != nil {
		s.lost = true
		s.logger.Warn("what the mesh said last is not stored; what is numbered is asked for at the next start", "error", err)
	}
	for _, m := range messages {
		if !s.lost && m.SeqID != 0 && s.scheme != "srv" {
			s.heard.note(s.address, m.Service, m.SeqID)
		}
	}
}

// from is who a service is to the door. Whoever writes the list may call himself as he likes, but not as the operator calls another
// way in: then only what a signer signed may pass.
func (s *meshSocket) from(service string) fedmsg.Sender {
	if s.taken[service] {
		service = ""
	}
	return fedmsg.Sender{Kind: fedmsg.SenderZeroMQ, Name: service}
}

// save keeps up to where the mesh was heard.
func (s *meshSocket) save() { s.news.saved(s.heard.save()) }

// stop ends the listening and waits until what has come is decided.
func (s *meshSocket) stop(ctx context.Context) error {
	s.cease()
	if !s.begun.Load() {
		return nil
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fedmsg.Errorf(fedmsg.CodeTimeout, "%s does not stop: what came from there is not stored yet", s.endpoint)
	}
}

// addr is empty: it only connects.
func (s *meshSocket) addr() string { return "" }

// checks tells of what waits, who cannot be heard, and what was missed.
func (s *meshSocket) checks() []ops.Check {
	return append(s.intake.checks("zeromq-subscribe", s.address), s.news.checks()...)
}
