package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// stopList is what runs and how each is stopped. It is filled while the node is built and walked in reverse, so that each
// stage stops before what it uses. It belongs to the goroutine that builds and stops the node.
type stopList struct{ stages []stage }

type stage struct {
	name string
	stop func(context.Context) error
}

// push adds a stage that was just started.
func (l *stopList) push(name string, stop func(context.Context) error) {
	l.stages = append(l.stages, stage{name, stop})
}

// stop stops every stage, the last one first, all under the deadline of ctx. When one hangs, the error names it and those
// that wait behind it, which are then left as they are: they may be in use by what hangs, and the process ends anyway.
func (l *stopList) stop(ctx context.Context, log *slog.Logger) error {
	stages := slices.Clone(l.stages)
	slices.Reverse(stages)
	l.stages = nil
	var faults []error
	for i, s := range stages {
		done := make(chan error, 1)
		go func() { done <- s.stop(ctx) }()
		select {
		case err := <-done:
			if err != nil {
				log.Error("stopping failed", "stage", s.name, "error", err)
				faults = append(faults, fmt.Errorf("stopping %s: %w", s.name, err))
			}
		case <-ctx.Done():
			err := hung(s.name, stages[i+1:])
			log.Error("stopping hangs", "stage", s.name)
			return errors.Join(append(faults, err)...)
		}
	}
	return errors.Join(faults...)
}

func hung(name string, rest []stage) error {
	text := fmt.Sprintf("the node did not stop in time: %s hangs", name)
	if len(rest) > 0 {
		names := make([]string, len(rest))
		for i, s := range rest {
			names[i] = s.name
		}
		text += "; not stopped behind it: " + strings.Join(names, ", ")
	}
	return fedmsg.Errorf(fedmsg.CodeTimeout, "%s", text)
}
