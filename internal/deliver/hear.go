package deliver

import (
	"time"
)

// What sessions tell. Every method takes mu, and none waits for anything.

func (s *session) done(seq uint64, err error) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.closed {
		return
	}
	it := r.window.find(seq)
	if it == nil || it.fate != sent {
		return
	}
	r.heard = r.now()
	switch {
	case err == nil:
		r.deliver(it)
		r.settled(seq)
	case IsPermanent(err):
		r.window.spoil(it, err)
		r.notify()
	case IsNotNow(err):
		r.window.keep(it)
		s.drain(away, err)
		r.notify()
	default:
		r.accuse(it, err)
		s.drain(blamed, err)
		r.notify()
	}
}

func (s *session) doneThrough(seq uint64) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.closed {
		return
	}
	any := false
	for i := range r.window.n {
		it := r.window.at(i)
		if it.entry.Position.Seq > seq {
			break
		}
		if it.fate == sent {
			r.deliver(it)
			any = true
		}
	}
	if any {
		r.heard = r.now()
		r.settled(seq)
	}
}

// deliver settles an item that is delivered. The caller holds mu.
func (r *runner) deliver(it *item) {
	r.window.settle(it)
	r.tally.delivered++
	seq := it.entry.Position.Seq
	if len(r.marks) > 0 {
		delete(r.marks, seq)
	}
	if number := r.letters[seq]; number != 0 {
		delete(r.letters, seq)
		if r.redeemed == nil {
			r.redeemed = map[uint64]uint64{}
		}
		r.redeemed[seq] = number
		r.notify()
	}
}

// settled goes on from one or more entries that were delivered. The caller holds mu.
func (r *runner) settled(seq uint64) {
	r.blame.guessed = false
	if last := r.window.pop(); last > 0 {
		first := r.progress != delivered
		r.advance(delivered)
		if first {
			r.notify() // the place is to be saved
		}
	}
	if len(r.waiters) > 0 {
		r.tellWaiters(seq)
	}
	if r.window.open == 0 || r.starved && r.window.n <= r.cfg.InFlight*3/4 && r.window.bytes < maxWindowSize {
		r.notify()
	}
}

func (s *session) remark(seq uint64, text string) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.closed {
		r.heed(seq, text)
	}
}

// heed counts a remark, and has it written down and one in a while logged. The caller holds mu.
func (r *runner) heed(seq uint64, text string) {
	r.tally.remarked++
	r.noteRemark(seq, text)
	if len(r.notes) == 1 {
		r.notify() // they are to be written in a while
	}
}

func (s *session) lost(err error) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.closed || s.over {
		return
	}
	if err == nil {
		err = errClosed
	}
	s.over = true
	if !s.draining {
		s.why, s.err = lost, err
		if IsNotNow(err) {
			s.why = away
		}
	}
	s.interrupt()
	r.notify()
}

// interrupt ends what keeps run from closing a session that is over: a Send that waits for room. The caller holds mu.
func (s *session) interrupt() {
	if s.r.parked == awake {
		s.cancel()
	}
}

// drain has nothing more sent, and the session over when all is answered, or in a short time. The caller holds mu.
func (s *session) drain(why ending, err error) {
	if s.over || s.draining {
		return
	}
	s.draining, s.why, s.err = true, why, err
	s.hurry = time.AfterFunc(drainTime, s.hurried)
	s.r.notify()
}

// hurried ends the draining. What is under way may take until Close returns, but what keeps run from getting there may not.
func (s *session) hurried() {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.closed {
		return
	}
	s.over = true
	s.interrupt()
	r.notify()
}

// watchSilence ends the session when nothing is answered for too long. The caller holds mu.
func (s *session) watchSilence() {
	if s.watching {
		return
	}
	s.watching = true
	if s.watch == nil {
		s.watch = time.AfterFunc(s.r.cfg.AnswerTimeout, s.listen)
		return
	}
	s.watch.Reset(s.r.cfg.AnswerTimeout)
}

func (s *session) listen() {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.watching = false
	if s.closed || s.over || r.window.open == 0 {
		return
	}
	if left := r.heard.Add(r.cfg.AnswerTimeout).Sub(r.now()); left > 0 {
		s.watching = true
		s.watch.Reset(left)
		return
	}
	s.over = true
	if !s.draining {
		s.why, s.err = silent, errSilent
	}
	s.cancel()
	r.notify()
}
