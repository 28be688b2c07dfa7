package deliver

// accuse counts an attempt of the entry, and gives it up behind the last one. The caller holds mu.
func (r *runner) accuse(it *item, err error) {
	if r.attempt(it) < r.cfg.Attempts {
		r.window.keep(it)
		return
	}
	r.window.spoil(it, err)
	r.notify()
}

func (r *runner) attempt(it *item) int {
	if r.marks == nil {
		r.marks = map[uint64]mark{}
	}
	seq := it.entry.Position.Seq
	m := r.marks[seq]
	m.attempts++
	r.marks[seq] = m
	return m.attempts
}

// judge decides what follows from the end of a session.
func (r *runner) judge(s *session) {
	r.mu.Lock()
	why, err := s.why, s.err
	if s.progressed || r.now().Sub(s.began) >= r.cfg.RetryMax {
		r.retry.Reset()
	}
	if r.window.open > 0 || why == blamed || why == away {
		r.tally.retried++
	}
	r.blame.probe = 0
	if why == lost {
		r.suspect(s)
	}
	r.mu.Unlock()
	switch why {
	case blamed, lost, silent, away:
		r.bury()
		r.wait(err)
	}
}

// wait says when the next session is opened, behind one that ended or could not be opened.
func (r *runner) wait(err error) {
	now := r.now()
	r.until = now.Add(r.retry.Next())
	r.become(StateWaiting, err)
	r.complain(err)
}

// markSettled keeps in mind that an entry behind the place is settled. The caller, which is run, holds mu.
func (r *runner) markSettled(seq uint64) {
	if r.marks == nil {
		r.marks = map[uint64]mark{}
	}
	if !r.marks[seq].settled {
		r.before++
	}
	r.marks[seq] = mark{settled: true}
}

// reread goes back to the place, to read again what was under way in the session that ended. What was settled behind the place is
// marked, so that it is not sent again.
func (r *runner) reread() {
	r.mu.Lock()
	if r.window.n == 0 {
		r.mu.Unlock()
		return
	}
	for i := range r.window.n {
		it := r.window.at(i)
		seq := it.entry.Position.Seq
		if it.fate != settled {
			continue
		}
		r.markSettled(seq)
	}
	r.window.clear()
	after := r.through
	r.mu.Unlock()
	r.open(after)
}
