package deliver

import (
	"errors"
	"maps"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// bury puts what was given up with the dead letters. Where they have no room the session ends.
func (r *runner) bury() {
	r.mu.Lock()
	if r.window.bad == 0 {
		r.mu.Unlock()
		return
	}
	var letters []deadletter.Letter
	for i := range r.window.n {
		if it := r.window.at(i); it.fate == bad {
			letters = append(letters, r.letter(it))
		}
	}
	r.mu.Unlock()
	for _, l := range letters {
		if r.buryOne(l) {
			r.obituary.add(&l, r.now(), r.logger)
		}
	}
}

func (r *runner) buryOne(l deadletter.Letter) bool {
	r.burying.Lock()
	defer r.burying.Unlock()
	added, err := r.inter(&l)
	return r.buried(l, err) && added
}

// inter adds a letter, unless its entry was redacted meanwhile, which is told of as skipped. The caller, which is run, holds burying:
// who redacts asks for the letters behind it, and finds what was added before.
func (r *runner) inter(l *deadletter.Letter) (added bool, err error) {
	if r.isRedacted(l.Entry) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.noteSkip(l.Entry.Position.Seq, l.Entry.Position.Seq, reasonRedacted)
		return false, nil
	}
	_, err = r.dead.Add(*l)
	return err == nil, err
}

// letter is the dead letter of an item. The caller holds mu.
func (r *runner) letter(it *item) deadletter.Letter {
	e := it.entry
	return deadletter.Letter{
		Of: r.cfg.Name, Kind: deadletter.KindSink, Time: r.now().UTC(), Code: codeOf(it.err), Reason: sentence(it.err),
		Attempts: max(1, r.marks[e.Position.Seq].attempts), Topic: e.Topic, ID: e.ID, Entry: e,
	}
}

// codeOf is the code of why something was not delivered; most of what other sides say has none.
func codeOf(err error) fedmsg.Code {
	if coded, ok := errors.AsType[*fedmsg.Error](err); ok && coded.Code != "" {
		return coded.Code
	}
	return fedmsg.CodeUnavailable
}

// buried goes on from a letter that was added or needs none, or keeps it until there is room. It reports whether it went on.
func (r *runner) buried(l deadletter.Letter, err error) bool {
	seq := l.Entry.Position.Seq
	r.mu.Lock()
	defer r.mu.Unlock()
	it := r.window.find(seq)
	if it == nil || it.fate != bad {
		return false
	}
	if err != nil {
		r.window.keep(it)
		r.unburied = append(r.unburied, l)
		if r.session != nil {
			r.session.drain(halted, err)
		}
		return false
	}
	delete(r.marks, seq)
	r.window.settle(it)
	r.window.pop()
	r.advance(delivered)
	r.tellWaiters(seq)
	return true
}

// buryAgain tries to put the rest with the dead letters, and says why that is not done.
func (r *runner) buryAgain() error {
	for len(r.unburied) > 0 {
		added, err := r.buryLate(&r.unburied[0])
		if err != nil {
			r.halt(err)
			return err
		}
		if added {
			r.obituary.add(&r.unburied[0], r.now(), r.logger)
		}
		r.unburied = r.unburied[1:]
	}
	r.unburied = nil
	r.goOn()
	return nil
}

func (r *runner) buryLate(l *deadletter.Letter) (added bool, err error) {
	r.burying.Lock()
	defer r.burying.Unlock()
	if added, err = r.inter(l); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.markSettled(l.Entry.Position.Seq)
	r.tellWaiters(l.Entry.Position.Seq)
	return added, nil
}

// redeem removes the dead letters of entries that were delivered after all.
func (r *runner) redeem() {
	r.mu.Lock()
	letters := maps.Clone(r.redeemed)
	r.mu.Unlock()
	if len(letters) == 0 {
		return
	}
	for _, number := range letters {
		if err := r.dead.Remove(number); err != nil && fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
			r.logger.Warn("cannot remove the dead letter of an entry that was delivered", "number", number, "error", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for seq := range letters {
		delete(r.redeemed, seq)
	}
}
