package deliver

import (
	"context"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// DeadList gives dead letters without their contents: of one sink, or of all where name is empty, at most limit from each; those of
// sinks that are not configured any more come last, and are marked as left.
func (s *Set) DeadList(name string, after uint64, limit int) ([]deadletter.Letter, error) {
	runners := s.runners
	if name != "" {
		r, err := s.find(name)
		if err != nil && s.left.Has(name) {
			return s.left.List(name, after, limit)
		}
		if err != nil {
			return nil, err
		}
		runners = []*runner{r}
	}
	var all []deadletter.Letter
	for _, r := range runners {
		r.burying.Lock() // what is being added is in the list then
		list, err := r.dead.List(after, limit)
		r.burying.Unlock()
		if err != nil {
			return nil, err
		}
		for i := range list { // a damaged letter tells neither
			list[i].Of, list[i].Kind = r.cfg.Name, deadletter.KindSink
		}
		all = append(all, list...)
	}
	if name != "" {
		return all, nil
	}
	left, err := s.left.List("", after, limit)
	return append(all, left...), err
}

// DeadGet gives one with its contents.
func (s *Set) DeadGet(name string, number uint64) (deadletter.Letter, error) {
	r, err := s.find(name)
	if err != nil && s.left.Has(name) {
		return s.left.Get(name, number)
	}
	if err != nil {
		return deadletter.Letter{}, err
	}
	return r.dead.Get(number)
}

// DeadDrop removes one for good. Its entry is told of as skipped then, unless the sink has been moved back and sends it again.
func (s *Set) DeadDrop(name string, number uint64) error {
	r, err := s.find(name)
	if err != nil && s.left.Has(name) {
		return s.left.Remove(name, number)
	}
	if err != nil {
		return err
	}
	if err := r.drop(number); err != nil {
		return err
	}
	r.nudge() // there is room again
	return nil
}

func (r *runner) drop(number uint64) error {
	r.burying.Lock()
	defer r.burying.Unlock()
	p, err := r.dead.At(number)
	if err != nil {
		return err
	}
	r.mu.Lock()
	over := !p.IsZero() && r.isSettled(p.Seq) && r.redeemed[p.Seq] == 0
	if over {
		r.note(line{Kind: lineSkip, From: p.Seq, To: p.Seq, Reason: reasonDropped})
	}
	r.mu.Unlock()
	if over {
		_, _ = r.flushNotes() // what cannot be written stays noted; the letter may be what fills the disk
	}
	return r.dead.Remove(number)
}

// DeadRetry tries one again, out of order, and returns when its fate is known or ctx ends: nil when it was delivered, and gone then.
func (s *Set) DeadRetry(ctx context.Context, name string, number uint64) error {
	r, err := s.find(name)
	if err != nil && s.left.Has(name) {
		return s.left.Retry(name, number)
	}
	if err != nil {
		return err
	}
	l, err := r.dead.Get(number)
	if err != nil {
		return err
	}
	if l.Entry == nil {
		return fedmsg.Errorf(fedmsg.CodeDamaged, "dead letter %d of sink %s holds no entry that can be sent", number, name)
	}
	if !r.filter.Match(l.Entry.Topic) { // its topics may be others than those with which it was given up
		return fedmsg.Errorf(fedmsg.CodeForbidden, "dead letter %d is on %s, which the topics of sink %s leave out now; drop the letter, or widen the topics", number, l.Entry.Topic, name)
	}
	req := r.request(func() error { return r.retryLetter(ctx, l) }, false)
	select {
	case err := <-req.done:
		return err
	case <-ctx.Done():
		return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "what becomes of dead letter %d of sink %s is not known yet; look at it again", number, name)
	}
}

// retryLetter sends one letter in a session of its own.
func (r *runner) retryLetter(ctx context.Context, l deadletter.Letter) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.isRedacted(l.Entry) {
		return fedmsg.Errorf(fedmsg.CodeRedacted, "dead letter %d of sink %s is not delivered: its message was redacted", l.Number, r.cfg.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.AnswerTimeout)
	defer cancel()
	r.setSolo(cancel)
	err := r.sendAlone(ctx, l.Entry)
	r.setSolo(nil)
	if err == nil {
		r.noteDone(l.Entry.Position)
		err = r.dead.Remove(l.Number)
		r.logger.Info("delivered a dead letter", "number", l.Number, "id", l.ID)
		return err
	}
	if !IsNotNow(err) {
		l.Attempts++
	}
	l.Time, l.Reason = r.now().UTC(), sentence(err)
	l.Code = codeOf(err)
	if err := r.dead.Put(l); err != nil {
		r.logger.Warn("cannot note another attempt with a dead letter", "number", l.Number, "error", err)
	}
	return fedmsg.WrapError(l.Code, err, "dead letter %d of sink %s was not delivered: %s", l.Number, r.cfg.Name, l.Reason)
}

// setSolo says how Stop ends what is sent outside of sessions.
func (r *runner) setSolo(cancel context.CancelFunc) {
	r.mu.Lock()
	r.solo = cancel
	stopping := r.stopping
	r.mu.Unlock()
	if stopping && cancel != nil {
		cancel()
	}
}

// sendAlone sends one entry in a session of its own, and gives its fate.
func (r *runner) sendAlone(ctx context.Context, e *fedmsg.Entry) error {
	sole := &soleListener{seq: e.Position.Seq, fate: make(chan error, 1), of: r}
	conn, err := r.sink.Open(ctx, &Answers{sole})
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // its fate is known by then
	if err := conn.Send(ctx, e); err != nil {
		return err
	}
	if err := conn.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-sole.fate:
		return err
	case <-ctx.Done():
		return errSilent
	}
}

// soleListener hears the answers of a session with one entry.
type soleListener struct {
	seq  uint64
	fate chan error // capacity 1; the first word counts
	of   *runner
}

func (s *soleListener) done(seq uint64, err error) {
	if seq == s.seq {
		s.say(err)
	}
}

func (s *soleListener) doneThrough(seq uint64) {
	if seq >= s.seq {
		s.say(nil)
	}
}

func (s *soleListener) remark(seq uint64, text string) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.heed(seq, text)
}

func (s *soleListener) lost(err error) {
	if err == nil {
		err = errClosed
	}
	s.say(err)
}

func (s *soleListener) say(err error) {
	select {
	case s.fate <- err:
	default: // it is known
	}
}
