package main

import (
	"iter"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// searchMeter says on a terminal how far a search is.
type searchMeter struct {
	*meter
	found int
	bytes int64
	at    time.Time // when the last that was found was received
}

// searchMeter makes the meter of a search, which is silent where the messages themselves are seen to pass.
func (p *program) searchMeter() *meter {
	if ops.Terminal(p.stdout) {
		return nil
	}
	return p.newMeter()
}

// show writes how far it is.
func (s *searchMeter) show() {
	if s.found == 0 {
		s.meter.show("searching; nothing was found so far")
		return
	}
	s.meter.show("found %d %s, %s, the last of %s", s.found, plural(s.found, "message", "messages"), ops.ByteSize(s.bytes), s.at.Local().Format(timeLayout))
}

// count passes entries on and counts them.
func (s *searchMeter) count(entries iter.Seq2[fedmsg.Entry, error]) iter.Seq2[fedmsg.Entry, error] {
	return func(yield func(fedmsg.Entry, error) bool) {
		for e, err := range entries {
			if err != nil {
				s.clear()
			} else {
				s.found++
				s.bytes += int64(len(e.Envelope))
				s.at = e.Received
				s.show()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
