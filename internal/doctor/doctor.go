// Package doctor examines a node and the machine that it runs on: what the configuration says against what is.
//
// It promises that each finding says what was looked at and, where something is wrong, the cure; that it changes nothing; that it
// works beside a node that runs and without one, which it says first; and that no check takes longer than its time, also one that
// hangs. It decides nothing: who asks for an examination judges what to do.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// Finding is what a check says of one thing that it looked at.
type Finding struct {
	Check  string     `json:"check"`     // the check's name
	Status ops.Status `json:"status"`    // ok, warning or failed
	Looked string     `json:"looked_at"` // a file, an address, a key, a sink
	Text   string     `json:"text"`      // a sentence for people; it may hold text from outside
	Cure   string     `json:"cure,omitempty"`
}

// Check looks at one part of a node or of its machine.
type Check interface {
	// Name is a constant word, as in "clock".
	Name() string
	// Look tells what it finds, with or without the name. It changes nothing, and returns soon after ctx has ended. It may be
	// called beside other checks.
	Look(ctx context.Context) []Finding
}

// Report is an examination: as bad as its worst finding.
type Report struct {
	Status   ops.Status `json:"status"`
	Time     time.Time  `json:"time"`
	Node     string     `json:"node"`    // the node's address
	Running  bool       `json:"running"` // whether it answers
	Findings []Finding  `json:"findings"`
}

// Run makes all checks at the same time, each for at most so long, and gives their findings in the order of the checks. One that
// does not answer in time, as at a file system that hangs, is told as failed; its goroutine, which nothing can stop, ends with the
// program.
func Run(ctx context.Context, each time.Duration, checks ...Check) []Finding {
	ctx, cancel := context.WithTimeout(ctx, each)
	defer cancel()
	late := make(chan struct{})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(late) }) })()
	found := make([]chan []Finding, len(checks))
	for i, c := range checks {
		found[i] = make(chan []Finding, 1)
		go func() { found[i] <- c.Look(ctx) }()
	}
	var all []Finding
	for i, c := range checks {
		for _, f := range await(late, found[i], each) {
			f.Check = c.Name()
			all = append(all, f)
		}
	}
	return all
}

// grace is what checks have for their answers behind the end of their time: those that heed it say more than that it is over. All
// have it together, so that many that hang take no longer than one.
const grace = time.Second

// await gives what a check found, or that it hangs.
func await(late <-chan struct{}, found <-chan []Finding, each time.Duration) []Finding {
	select {
	case list := <-found:
		return list
	case <-late:
	}
	select {
	case list := <-found:
		return list
	default:
		return []Finding{failed("the check itself", fmt.Sprintf("it has no answer after %s", each), "look for a disk or file system that hangs (dmesg, mount), or give it more time with --timeout")}
	}
}

// worst is how bad the worst of the findings is.
func worst(all []Finding) ops.Status {
	checks := make([]ops.Check, len(all))
	for i := range all {
		checks[i].Status = all[i].Status
	}
	return ops.NewReport(checks...).Status
}

func ok(looked, format string, args ...any) Finding {
	return Finding{Status: ops.OK, Looked: looked, Text: fmt.Sprintf(format, args...)}
}

func warning(looked, text, cure string) Finding {
	return Finding{Status: ops.Warning, Looked: looked, Text: text, Cure: cure}
}

func failed(looked, text, cure string) Finding {
	return Finding{Status: ops.Failed, Looked: looked, Text: text, Cure: cure}
}

// check is a Check made of a function.
type check struct {
	name string
	look func(context.Context) []Finding
}

var _ Check = check{}

func (c check) Name() string                       { return c.name }
func (c check) Look(ctx context.Context) []Finding { return c.look(ctx) }
