package ops

// Status is how well something does.
type Status string

// The statuses, from good to bad.
const (
	OK      Status = "ok"      // as it should be
	Warning Status = "warning" // it works, and somebody should look
	Failed  Status = "failed"  // it does not do its work
)

// worse reports whether s is worse than t.
func (s Status) worse(t Status) bool { return s.rank() > t.rank() }

func (s Status) rank() int {
	switch s {
	case OK:
		return 0
	case Warning:
		return 1
	}
	return 2 // an unknown word must not look healthy
}

// Check is what one part says of itself.
type Check struct {
	Name   string `json:"name"` // a constant word, as in "log" or "clock"
	Status Status `json:"status"`
	Text   string `json:"text"` // a sentence for people, with the cure where it is known; no insides, for it is shown to whoever asks
}

// Report is the health of the whole: as bad as its worst check.
type Report struct {
	Status Status  `json:"status"`
	Checks []Check `json:"checks"`
}

// NewReport makes the report of these checks, in their order.
func NewReport(checks ...Check) Report {
	r := Report{Status: OK, Checks: checks}
	for _, c := range checks {
		if c.Status.worse(r.Status) {
			r.Status = c.Status
		}
	}
	return r
}

// Gather asks each part for its checks and makes the report.
func Gather(parts ...func() []Check) Report {
	var checks []Check
	for _, part := range parts {
		checks = append(checks, part()...)
	}
	return NewReport(checks...)
}

// Healthy reports whether nothing failed: a warning is for people, not for whoever takes a node out of service.
func (r Report) Healthy() bool { return !r.Status.worse(Warning) }
