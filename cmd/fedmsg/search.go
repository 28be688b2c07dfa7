package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// search looks for the messages of a suspect.
type search struct {
	*program
	who         *suspect
	since       time.Time
	until       time.Time // zero: the end
	json        bool
	out         *bufio.Writer
	line        []byte
	all, found  int
	damaged     int             // places in the log
	topics      map[string]*int // counts; a map may take over the key of a later assignment, which must not be an entry's
	first, last fedmsg.Position
}

// between reads the time in which to look.
func (s *search) between(since, until string, now time.Time) (err error) {
	if s.since, err = client.ParseSince(since, now); err != nil {
		return err
	}
	if until == "" {
		return nil
	}
	if s.until, err = client.ParseSince(until, now); err == nil && !s.since.Before(s.until) {
		err = fedmsg.Errorf(fedmsg.CodeUsage, "--until %s is not after --since %s", s.until.Format(time.RFC3339), s.since.Format(time.RFC3339))
	}
	return err
}

// run looks through the log in dir.
func (s *search) run(ctx context.Context, dir, signer string) error {
	s.out = bufio.NewWriterSize(s.stdout, 64<<10)
	var m *meter
	if !ops.Terminal(s.stdout) { // where the lines themselves would be seen to pass
		m = s.newMeter()
	}
	var failed error
	err := commitlog.Walk(dir, commitlog.WalkOptions{
		Since: s.since,
		Visit: func(e *fedmsg.Entry) bool {
			if !s.until.IsZero() && !e.Received.Before(s.until) || ctx.Err() != nil {
				return false
			}
			s.all++
			if s.who.signed(e) {
				failed = s.print(e)
			}
			return failed == nil
		},
		Damage: func(f commitlog.Finding) {
			m.clear()
			s.damaged++
			s.note("fedmsg keys compromised: %s: %s", string(f.Kind), f.Text)
		},
		Progress: func(done, all int64) {
			m.show("looked through %s of %s in %s, found %d messages", ops.ByteSize(done), ops.ByteSize(all), ops.Printable(dir), s.found)
		},
	})
	m.clear()
	if ferr := s.out.Flush(); failed == nil && ferr != nil {
		failed = ferr
	}
	switch {
	case err != nil:
		return err
	case failed != nil:
		return fedmsg.WrapError(fedmsg.CodeInternal, failed, "cannot print the messages")
	case ctx.Err() != nil:
		return interrupted(ctx, nil)
	}
	return s.sum(dir, signer)
}

// print writes the line of an entry.
func (s *search) print(e *fedmsg.Entry) error {
	if s.found++; s.found == 1 {
		s.first = e.Position
	}
	s.last = e.Position
	n := s.topics[e.Topic]
	if n == nil {
		n = new(int)
		s.topics[strings.Clone(e.Topic)] = n // the entry's memory is used again
	}
	*n++
	if s.json {
		return s.printJSON(e)
	}
	verdict := string(e.Verdict)
	if verdict == "" {
		verdict = "-"
	}
	s.line = append(e.Position.AppendTo(s.line[:0]), ' ')
	s.line = append(e.Received.AppendFormat(s.line, time.RFC3339Nano), ' ')
	s.line = append(ops.AppendPrintable(s.line, e.ID), ' ')
	s.line = append(ops.AppendPrintable(s.line, e.Topic), ' ')
	s.line = append(ops.AppendPrintable(s.line, verdict), '\n')
	_, err := s.out.Write(s.line)
	return err
}

func (s *search) printJSON(e *fedmsg.Entry) error {
	return json.NewEncoder(s.out).Encode(struct {
		Position fedmsg.Position `json:"position"`
		Received time.Time       `json:"received"`
		ID       string          `json:"id"`
		Topic    string          `json:"topic"`
		Signer   string          `json:"signer"`
		Verdict  fedmsg.Verdict  `json:"verdict"`
	}{e.Position, e.Received, e.ID, e.Topic, e.Signer, e.Verdict})
}

// sum tells what was found.
func (s *search) sum(dir, signer string) error {
	if s.found == 0 {
		s.note("of %d messages received since %s none has to do with %s", s.all, s.since.Format(time.RFC3339), signer)
	} else {
		s.note("of %d messages received since %s, %d have to do with %s, from %s to %s:",
			s.all, s.since.Format(time.RFC3339), s.found, signer, s.first.String(), s.last.String())
	}
	topics := slices.SortedFunc(maps.Keys(s.topics), func(a, b string) int {
		return cmp.Or(*s.topics[b]-*s.topics[a], cmp.Compare(a, b))
	})
	for _, topic := range topics {
		s.note("%8d %s", *s.topics[topic], topic)
	}
	if s.damaged > 0 {
		return fedmsg.Errorf(fedmsg.CodeDamaged, "the log in %s is damaged in %d %s, named above; what stood there may be of this signer too; see `fedmsg check log`",
			dir, s.damaged, plural(s.damaged, "place", "places"))
	}
	return nil
}

// plural gives the word for n of something.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
