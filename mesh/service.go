package mesh

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// What a service has ready for a consumer that does not take it; beyond it its publisher has to wait.
const (
	maxPending      = 1024
	maxPendingBytes = 8 << 20
)

// listener listens to one service: it has a link for each address, follows the numbers, and asks for what is missing. It
// belongs to one goroutine, that of run.
type listener struct {
	key  string
	o    *SubscribeOptions
	seed maphash.Seed
	out  chan<- []item

	now     Service
	options zmtp.Options // for its connections
	links   map[string]*link
	wg      sync.WaitGroup // of the links and the requester

	packets chan packet
	ends    chan *link
	done    <-chan struct{} // closed when run ends
	updates chan Service    // what the service is now; without an address it is gone
	jobs    chan job
	answers chan answer

	tracker *tracker
	catchup *catchup
	asking  bool
	gone    bool // the service is
	lastly  bool // what is asked now is asked behind the last that was heard of a service that is gone
	over    bool // and it was answered
	silent  bool // the replay server did not answer
	pending []item
	bytes   int // of the frames of pending
}

// newListener makes a listener. A tracker of an earlier one of the same service may be given.
func newListener(key string, o *SubscribeOptions, since time.Time, seed maphash.Seed, out chan<- []item, t *tracker) *listener {
	s := &listener{
		key: key, o: o, seed: seed, out: out, links: make(map[string]*link),
		packets: make(chan packet, 4), ends: make(chan *link), updates: make(chan Service, 1), jobs: make(chan job, 1), answers: make(chan answer, 1),
		tracker: t,
	}
	s.catchup = &catchup{t: t, times: usual(), alone: true, since: since, start: true}
	s.catchup.patience = o.Patience
	return s
}

// newTracker makes the tracker of a service that is heard for the first time.
func newTracker(key, name string, o *SubscribeOptions) *tracker {
	t := &tracker{service: name, limit: o.Waiting, limitBytes: o.WaitingBytes}
	after, known := o.After[key]
	switch {
	case known && after > 0:
		t.stage, t.last = following, after
	case known || o.Oldest:
		t.stage = oldest
	}
	return t
}

// run listens until ctx ends, or the service is gone and nothing of it is left to give.
func (s *listener) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.wg.Wait()
	defer cancel()
	s.done = ctx.Done()
	s.wg.Go(func() { (&requester{seed: s.seed}).run(ctx, s.jobs, s.answers) })
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		timer.Reset(s.think(time.Now()))
		if s.ended() {
			return
		}
		packets, out := s.packets, s.out
		if len(s.pending) == 0 {
			out = nil
		}
		if len(s.pending) >= maxPending || s.bytes >= maxPendingBytes {
			packets = nil
		}
		select {
		case out <- s.pending:
			s.pending, s.bytes = nil, 0
		case p := <-packets:
			s.take(p, time.Now())
		case a := <-s.answers:
			s.answered(a, time.Now())
		case now := <-s.updates:
			s.update(ctx, now)
		case l := <-s.ends:
			delete(s.links, l.uri)
			s.connect(ctx)
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// idle is how long nothing happens by itself where nothing is to happen.
const idle = time.Hour

// think asks what is to be asked now, and gives the wait until there may be more. Then it collects what can be given.
func (s *listener) think(now time.Time) time.Duration {
	wait := time.Duration(idle)
	if !s.asking {
		q, ok, again := s.catchup.next(now)
		if ok {
			s.asking, s.lastly = true, s.gone && len(s.links) == 0
			s.jobs <- job{question: q, service: s.now.Name, uri: s.now.Replay, options: s.options} // there is room: one is asked at a time
		}
		if again > 0 {
			wait = again
		}
	}
	for _, it := range s.tracker.out {
		if it.gap != nil || s.o.wants(it.message.Topic) {
			s.pending = append(s.pending, it)
			for _, frame := range it.message.Frames {
				s.bytes += len(frame)
			}
		}
	}
	s.tracker.out = nil
	return wait
}

// take takes what a link hands over.
func (s *listener) take(p packet, now time.Time) {
	if p.up {
		s.catchup.connected(now)
		return
	}
	for _, a := range p.arrivals {
		s.tracker.take(a)
	}
	s.catchup.heard(now)
}

// answered takes what came of a question.
func (s *listener) answered(a answer, now time.Time) {
	s.asking = false
	_, said := errors.AsType[replay.Error](a.err)
	s.over = s.lastly && (a.err == nil || said)
	s.reportReplay(a.err)
	s.catchup.answered(a.question, a.asked, a.err, now)
}

// ended reports whether the service is gone and nothing of it is left to give. What may have come since the subscription began
// is asked for once more, and where nobody answers only for a while.
func (s *listener) ended() bool {
	_, _, missing := s.tracker.missing()
	open := missing || len(s.tracker.doubts) > 0 || s.tracker.held && !s.over && !s.catchup.dead
	return s.gone && len(s.links) == 0 && len(s.pending) == 0 && !open
}

// update takes what is known of the service now. Without a name it is gone.
func (s *listener) update(ctx context.Context, now Service) {
	s.lastly, s.over = false, false
	if s.gone = now.Name == ""; s.gone {
		now = s.now // whom to ask is not forgotten
		now.Addresses = nil
	}
	s.now, s.options = now, connectionOptions(s.o, &now)
	s.catchup.alone = !s.o.Replay || now.Replay == ""
	if s.catchup.reorder = 0; len(now.Addresses) > 1 {
		s.catchup.reorder = usual().reorder
	}
	// Whoever hears only a part of the topics cannot tell what is missing, unless there is somebody who can be asked.
	s.tracker.loose = s.catchup.alone && len(s.o.Prefixes) > 0
	s.connect(ctx)
}

// connect makes the links that are missing, and lets those end that should not be, or that go to another key; these are made anew
// when they have.
func (s *listener) connect(ctx context.Context) {
	for uri, l := range s.links {
		if slices.Contains(s.now.Addresses, uri) && sameKey(l.key, s.now.ServerKey) {
			l.revive()
		} else {
			l.retire()
		}
	}
	for _, uri := range s.now.Addresses {
		if s.links[uri] == nil {
			s.links[uri] = s.link(ctx, uri)
		}
	}
}

// sameKey reports whether two keys are the same, or both are none.
func sameKey(a, b *zmtp.CurveKey) bool { return a == b || a != nil && b != nil && *a == *b }

// link makes a link and starts it.
func (s *listener) link(ctx context.Context, uri string) *link {
	ctx, cancel := context.WithCancel(ctx)
	l := &link{
		service: s.now.Name, uri: uri, key: s.now.ServerKey, options: s.options, seed: s.seed, report: s.o.Report, cancel: cancel,
		prefixes: s.o.Prefixes,
		tell: func(ctx context.Context, p packet) bool {
			select {
			case s.packets <- p:
				return true
			case <-ctx.Done():
				return false
			}
		},
	}
	if len(l.prefixes) == 0 || !s.catchup.alone { // what is not wanted is numbered too, and would have to be asked for
		l.prefixes = []string{""}
	}
	s.wg.Go(func() {
		l.run(ctx)
		select {
		case s.ends <- l:
		case <-s.done:
		}
	})
	return l
}

// reportReplay tells when the replay server goes away or comes back.
func (s *listener) reportReplay(err error) {
	if _, said := errors.AsType[replay.Error](err); said {
		err = nil
	}
	if silent := err != nil; silent != s.silent {
		s.silent = silent
		kind := ReplayUp
		if silent {
			kind = ReplayFailed
		}
		s.o.Report(Event{Kind: kind, Service: s.now.Name, Endpoint: s.now.Replay, Err: err})
	}
}

// connectionOptions are the options for connections to a service: encrypted where its key is known.
func connectionOptions(o *SubscribeOptions, s *Service) zmtp.Options {
	options := o.ZMTP
	client, isCurve := options.Security.(zmtp.CurveClient)
	switch {
	case s.ServerKey != nil:
		client.ServerKey = *s.ServerKey
		options.Security = client
	case isCurve && client.ServerKey == (zmtp.CurveKey{}):
		options.Security = nil
	}
	return options
}
