package nats

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// streamSession publishes to JetStream. It does what the library's asynchronous publisher does, but for one thing: that one
// sends again by itself what no stream took, behind what was sent meanwhile.
type streamSession struct {
	session
	inbox string // answers come on it, with the number of the entry behind it
}

var _ deliver.Session = (*streamSession)(nil)

func (s *sink) openStream(ctx context.Context, answers *deliver.Answers) (deliver.Session, error) {
	sess := &streamSession{session: session{sink: s, answers: answers, asking: make(chan struct{}, 1), gate: newGate()}}
	l, err := s.dial(ctx, events{closed: sess.lost, problem: sess.problem})
	if err != nil {
		return nil, err
	}
	sess.link, sess.inbox = l, l.NewInbox()+"."
	if err := sess.listen(ctx); err != nil {
		l.close()
		return nil, err
	}
	return sess, nil
}

// listen subscribes to the answers, and looks whether there is a stream.
func (s *streamSession) listen(ctx context.Context) error {
	if _, err := s.link.Subscribe(s.inbox+"*", s.answered); err != nil {
		return s.sink.failed(err)
	}
	if err := s.link.settled(); err != nil {
		return s.sink.failed(err)
	}
	return s.sink.checkStream(ctx, s.link.Conn)
}

// Send publishes an entry.
func (s *streamSession) Send(ctx context.Context, e *fedmsg.Entry) error {
	return s.publish(ctx, e, s.inbox+strconv.FormatUint(e.Position.Seq, 10))
}

// Flush leaves it to the library, which writes what is in its buffer at once.
func (s *streamSession) Flush(context.Context) error { return nil }

// answered takes the answer to one entry.
func (s *streamSession) answered(m *nats.Msg) {
	seq, err := strconv.ParseUint(m.Subject[len(s.inbox):], 10, 64)
	if err != nil {
		return
	}
	verdict, full := s.sink.judge(m)
	defer func() { s.gate.answered(verdict == nil) }()
	if isNobody(m) {
		s.asking <- struct{}{} // a moment: it sends, which the end of the connection ends
		defer func() { <-s.asking }()
		verdict = s.nobody(seq)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if deliver.IsNotNow(verdict) {
		s.answers.Lost(verdict)
		s.closed = true
		return
	}
	e, ok := s.sent.take(seq)
	if !ok {
		return
	}
	if full {
		s.sink.full.Store(&e)
		s.answers.Lost(verdict) // no entry is at fault
		s.closed = true
		return
	}
	if verdict == nil && e.lossy {
		s.answers.Remark(seq, lossyRemark)
	}
	s.answers.Done(seq, verdict)
}

// problem tells the entry on a subject that is not permitted, which the server gives no other answer to.
func (s *streamSession) problem(_ *nats.Subscription, err error) {
	subject, ok := refusedSubject(err)
	if !ok {
		s.lost(s.sink.failed(err))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.sent.oldest(subject)
	if ok && !s.closed {
		s.sent.take(e.seq)
		s.answers.Done(e.seq, s.notPermitted(subject, err))
		s.gate.answered(false)
	}
}

// publishAnswer is what a stream answers.
type publishAnswer struct {
	Stream string       `json:"stream"`
	Error  *streamFault `json:"error"`
}

// streamFault is an error of the JetStream API.
type streamFault struct {
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

// judge reads an answer: nil is that the stream has it, or had it before. Full tells that there was no room for it.
func (s *sink) judge(m *nats.Msg) (verdict error, full bool) {
	if isNobody(m) {
		return s.noStream(), false
	}
	var a publishAnswer
	if err := json.Unmarshal(m.Data, &a); err != nil || a.Error == nil && a.Stream == "" {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s gave an answer that is none of JetStream; is another service listening on the subject?", s.address), false
	}
	switch {
	case a.Error == nil && s.stream != "" && a.Stream != s.stream:
		return deliver.Permanent(fedmsg.Errorf(fedmsg.CodeConfig, "the subject is one of the stream %s, which has the message now, and not of %s; see stream in the sink's address", a.Stream, s.stream)), false
	case a.Error == nil:
		s.took.add(a.Stream)
		return nil, false
	}
	err := fedmsg.Errorf(fedmsg.CodeUnavailable, "a stream of %s refuses it: %s", s.address, a.Error.Description)
	if a.Error.isOfMessage() {
		return deliver.Permanent(err), false
	}
	return err, a.Error.isFull()
}
