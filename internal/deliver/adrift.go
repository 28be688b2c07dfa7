package deliver

import (
	"errors"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/place"
)

// A sink is adrift when its saved place cannot be read: nobody but a person can say where it stood. It delivers nothing then, and is
// stopped until an operator moves it to a position, which is saved as its place. No other sink and no publisher is touched.

// openPlace reads the place, or leaves the sink adrift.
func (r *runner) openPlace(path string) {
	file, err := place.Open(path, r.cfg.Hold)
	if err == nil {
		r.place = file
		return
	}
	r.place, r.adrift = place.Anew(path, r.cfg.Hold), err
}

// goAdrift has a sink without a place stand where it had come at least, as the file of times knows, so that what is behind that is told
// of as pending.
func (r *runner) goAdrift(path string) {
	least := r.records.times.last
	if least.seq > r.log.End().Seq { // it is an older copy of the log
		least = checkpoint{}
	}
	r.through = fedmsg.Position{Log: r.logs.own, Seq: least.seq}
	r.read = least.seq
	cure := "--to beginning delivers again what the log still has, --to now leaves out what came since"
	if least.seq > 0 {
		cure = fmt.Sprintf("by %s it had come to %[2]s at least: --to %[2]s may deliver some again and leaves out nothing", least.at.Format(time.RFC3339), r.through)
	}
	r.halt(fedmsg.WrapError(fedmsg.CodeOf(r.adrift), errors.Unwrap(r.adrift),
		"its saved place %s is damaged or cannot be read; write a new one by `fedmsg sink rewind %s --to POSITION`: %s", path, r.cfg.Name, cure))
}

// regain notes that the sink gets a place again. What that is behind may have been delivered before, or not. The caller holds mu.
func (r *runner) regain(to fedmsg.Position) {
	switch from := r.through.Seq; {
	case to.Seq > from:
		r.note(line{Kind: lineForgot, From: from + 1, To: to.Seq, Reason: reasonAdrift})
	case to.Seq < from:
		r.note(line{Kind: lineBack, From: to.Seq, To: from})
	}
}

func (r *runner) isAdrift() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.adrift != nil
}

// Adrift is why sinks do not know where they stand, with the files that are to be mended; nil when all know it. It is for one who would
// rather not run such a set.
func (s *Set) Adrift() error {
	var errs []error
	for _, r := range s.runners {
		r.mu.Lock()
		errs = append(errs, r.adrift)
		r.mu.Unlock()
	}
	return errors.Join(errs...)
}
