package delivertest

import (
	"time"

	"github.com/federated-messaging/fedmsg"
)

// faultCase is a call that fails now and then.
type faultCase struct {
	name  string
	at    call
	fate  fate
	every int
}

// faultCases are the pairs of *failed* and *failed but it happened*.
func faultCases() []faultCase {
	return []faultCase{
		{"open fails", callOpen, fails, 1}, {"open fails but it happened", callOpen, happened, 1},
		{"send fails", callSend, fails, 7}, {"send fails but it happened", callSend, happened, 7},
		{"flush fails", callFlush, fails, 2}, {"flush fails but it happened", callFlush, happened, 2},
		{"close fails but it happened", callClose, happened, 1}, {"session is lost", callSend, loses, 7},
	}
}

// survives: whatever fails, everything arrives, and no entry is blamed.
func survives(r *rig, c faultCase) {
	if c.at == callClose { // only what fails is closed
		r.config.IdleTimeout = 20 * time.Millisecond
	}
	r.between.fail(c.at, c.fate, c.every, 4)
	r.start()
	var want []*fedmsg.Entry
	for range 12 {
		left := r.between.pending()
		want = append(want, r.add(10)...)
		r.await(want)
		if c.at == callClose && left > 0 {
			r.eventually("the idle session to be closed", func() string {
				if r.between.pending() == left {
					return "it is open"
				}
				return ""
			})
		}
	}
	r.settled(0)
	if left := r.between.pending(); left > 0 {
		r.t.Errorf("%d of the faults did not come about", left)
	}
}
