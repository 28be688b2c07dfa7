package archiver

import (
	"time"

	"github.com/federated-messaging/fedmsg"
)

// state is what there is to tell of an archiver.
type state struct {
	through   uint64    // number up to which the archive has everything that the log could give
	oldest    time.Time // when the first entry was received that is read and not in the store; zero without one
	busySince time.Time // when the store was given what it is at; zero while it is at nothing
	trouble   error     // why the archive does not go on; nil while it does
	since     time.Time // when that began
	missed    uint64    // entries since the start that the log could not give
	missedTo  uint64    // number of the last of them
	ahead     bool      // the archive has entries that the log should have and has not
	stopping  bool
}

// Status is what there is to tell of an archive for people and programs.
type Status struct {
	Position fedmsg.Position `json:"position"`          // the archive has everything up to it
	Lag      uint64          `json:"lag"`               // entries of the log behind it
	LagTime  float64         `json:"lag_seconds"`       // how long the oldest of them has waited at least; 0 without one
	Missed   uint64          `json:"missed,omitempty"`  // entries since the start of the node that the log could not give
	Trouble  string          `json:"trouble,omitempty"` // why the archive does not go on
	Since    time.Time       `json:"since,omitzero"`    // when that began
}

// Status tells how it is.
func (a *Archiver) Status() Status {
	s := a.snapshot()
	last := a.deps.Feed.Last().Seq
	out := Status{Position: a.at(s.through), Lag: last - min(s.through, last), Missed: s.missed, Since: s.since}
	if s.trouble != nil {
		_, out.Trouble = fedmsg.Public(s.trouble)
	}
	if waits := s.waits(); out.Lag > 0 && !waits.IsZero() {
		out.LagTime = max(0, time.Since(waits).Seconds())
	}
	return out
}

func (a *Archiver) snapshot() state {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// waits gives since when something waits to be put into the store, as far as it is known; zero where nothing does.
func (s *state) waits() time.Time {
	if s.oldest.IsZero() || !s.since.IsZero() && s.since.Before(s.oldest) {
		return s.since
	}
	return s.oldest
}

// busy notes since when the store is at work; the zero time is that it is not.
func (a *Archiver) busy(since time.Time) {
	a.mu.Lock()
	a.state.busySince = since
	a.mu.Unlock()
}

// miss writes down and tells of entries that the log cannot give. A gap that is met again, because the store failed behind it, is not
// told of again.
func (a *Archiver) miss(gap *fedmsg.Gap) error {
	if err := a.note(*gap); err != nil {
		return err
	}
	a.mu.Lock()
	again := gap.To.Seq <= a.state.missedTo
	n := gap.To.Seq - min(gap.From.Seq, gap.To.Seq) + 1
	if !again {
		a.state.missedTo = gap.To.Seq
		a.state.missed += n
	}
	a.mu.Unlock()
	if again {
		return nil
	}
	a.metrics.missed.Add(float64(n))
	a.deps.Logger.Warn("the log cannot give these entries, so that the archive has not got them", "from", gap.From.String(), "to", gap.To.String(), "reason", string(gap.Reason))
	return nil
}
