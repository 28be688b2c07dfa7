package zeromq

import (
	"context"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// submitBatch bounds the requests of one submitter that are on their way to the disk together. A REQ has one at a time; a
// DEALER may send many before it reads the first answer.
const submitBatch = 64

// submission is one socket that takes submissions. Each submitter has a goroutine of its own: those of several share the
// commits of the log, and each has its answers in the order of its requests.
type submission struct {
	setup
	listener *zmtp.Listener
	door     Door
	places   chan struct{} // one for each request that waits to be on disk

	patience context.Context // ends when stop waits no longer
	abandon  context.CancelFunc
	askers   askers
}

// openSubmission opens a socket that takes submissions.
func openSubmission(u setup) (edge, error) {
	ln, err := u.listen(zmtp.REP)
	if err != nil {
		return nil, err
	}
	s := &submission{
		setup: u, listener: ln, door: u.deps.Door(u.verify, false), places: make(chan struct{}, u.cfg.MaxRequests),
	}
	s.patience, s.abandon = context.WithCancel(context.Background())
	return s, nil
}

// run serves submitters until stop.
func (s *submission) run() error {
	if err := s.listener.Serve(s.serve); err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "%s lets nobody in any more", s.endpoint)
	}
	return nil
}

// serve answers one submitter until it leaves.
func (s *submission) serve(c *zmtp.Conn) {
	s.counts.peers.Inc()
	defer s.counts.peers.Dec()
	defer s.askers.leave(c)
	from := s.from(c.Peer())
	batch := make([]zmtp.Incoming, 0, submitBatch)
	for s.askers.idle(c) {
		var err error
		if batch, err = c.Receive(batch[:0]); err != nil || !s.askers.begin(c) {
			return
		}
		err = c.Write(s.answer(from, batch))
		s.askers.answered()
		if err != nil {
			return
		}
		clear(batch)
	}
}

// from is who a submitter is to the door.
func (s *submission) from(p zmtp.Peer) fedmsg.Sender {
	from := senderOf(p)
	if from.IsZero() && s.scheme == "tcp" && s.loopback {
		from.Kind = fedmsg.SenderLoopback // who may publish while environment is dev
	}
	return from
}

// answer has what came stored and gives the replies, as they stand on the wire.
func (s *submission) answer(from fedmsg.Sender, batch []zmtp.Incoming) []byte {
	requests := make([]request, 0, len(batch))
	var messages [][][]byte
	for i := range batch {
		s.counts.received.Inc()
		q, ok := parseRequest(batch[i].Message)
		if !ok {
			s.counts.refuse(malformed()) // without an envelope it is not known where to send an answer
			continue
		}
		if q.parts != nil {
			messages = append(messages, q.parts)
		} else {
			s.counts.refuse(malformed())
		}
		requests = append(requests, q)
	}
	results := s.submit(from, messages)
	var b []byte
	for i := range requests {
		q := &requests[i]
		if q.parts == nil {
			b = q.appendMalformed(b)
			continue
		}
		if results[0].Err != nil {
			s.counts.refuse(results[0].Err)
		} else {
			s.counts.sent.Inc()
		}
		b = q.appendResult(b, s.deps.Name, &results[0])
		results = results[1:]
	}
	return b
}

// submit gives what became of each message.
func (s *submission) submit(from fedmsg.Sender, messages [][][]byte) []fedmsg.Outcome {
	results := make([]fedmsg.Outcome, 0, len(messages))
	for len(messages) > 0 {
		n := s.take(len(messages))
		results = append(results, s.submitNow(from, messages[:n])...)
		for range n {
			<-s.places
		}
		messages = messages[n:]
	}
	return results
}

// take waits for a place, and takes up to n where they are free.
func (s *submission) take(n int) int {
	s.places <- struct{}{}
	for got := 1; got < n; got++ {
		select {
		case s.places <- struct{}{}:
		default:
			return got
		}
	}
	return n
}

// submitNow is submit for messages that have their places.
func (s *submission) submitNow(from fedmsg.Sender, messages [][][]byte) []fedmsg.Outcome {
	ctx, cancel := context.WithTimeout(s.patience, s.cfg.AcceptTimeout)
	defer cancel()
	results, err := s.door.SubmitParts(ctx, from, messages...).Wait(ctx)
	if err == nil {
		return results
	}
	results = make([]fedmsg.Outcome, len(messages))
	for i := range results {
		results[i].Err = unknownFate(messages[i], err)
	}
	return results
}

// addr is where it listens.
func (s *submission) addr() string { return s.listener.URI() }

// checks has nothing to say: who submits is told himself.
func (s *submission) checks() []ops.Check { return nil }

// stop answers the requests that have begun, and ends the submitters.
func (s *submission) stop(ctx context.Context) error {
	answered := s.askers.close()
	var err error
	select {
	case <-answered:
	case <-ctx.Done():
		err = fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "%s did not stop in time: %d submissions were not answered", s.endpoint, len(s.places))
	}
	s.abandon()
	closeErr := s.listener.Close()
	<-answered
	if err == nil {
		err = closeErr
	}
	return err
}
