package deliver

import (
	"time"
)

// save saves the place, if it is behind.
func (r *runner) save() {
	r.writeUrgent()
	r.mu.Lock()
	p, how := r.through, r.progress
	r.progress = none
	r.mu.Unlock()
	r.redeem() // before the place says that nothing is to be done any more
	r.saved = r.now()
	if how == none || p.IsZero() {
		return
	}
	if how == delivered && r.answered() {
		r.relieve(true)
	}
	err := r.place.Save(p)
	r.mu.Lock()
	if err == nil {
		r.kept = p
	} else {
		r.progress = max(r.progress, passed) // it is tried again, not at once
	}
	r.mu.Unlock()
	if now := r.now(); err != nil && now.Sub(r.saveFailed) >= troubleEvery {
		r.saveFailed = now
		r.logger.Error("cannot save the place of a sink, which is tried again; after a crash it would repeat what was delivered since", "error", err)
	}
}

// answered reports whether the destination has taken something in this session.
func (r *runner) answered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session != nil && r.session.progressed
}

// saveAt saves what is due, and says when something else will be.
func (r *runner) saveAt() time.Time {
	return sooner(sooner(r.placeAt(), r.obituaryAt()), sooner(r.timesAt(false), r.notesAt()))
}

// placeAt saves the place if it is due, and else says when it will be.
func (r *runner) placeAt() time.Time {
	r.mu.Lock()
	p := r.progress
	r.mu.Unlock()
	if p == none {
		return time.Time{}
	}
	every := saveEvery
	if p == passed {
		every = passEvery
	}
	at := r.saved.Add(every)
	if r.now().Before(at) {
		return at
	}
	r.save()
	return time.Time{}
}

// saveIdle is saveAt where nothing is left to do: if nothing is open either, what was delivered is saved now.
func (r *runner) saveIdle() time.Time {
	r.mu.Lock()
	now := r.window.n == 0 && r.progress == delivered
	r.mu.Unlock()
	if now {
		r.save()
	}
	return r.saveAt()
}

// sooner is the earlier of two times, of which the zero ones are none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
