package poll

import (
	"context"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/rowset"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// SourceInFlight is what this kind proposes for in_flight of a source.
const SourceInFlight = 1024

// idPrefix begins the ids of messages, so that people see where they come from.
const idPrefix = "poll-"

// Options are what a [Source] needs beside its own configuration.
type Options struct {
	TopicPrefix, Environment string        // of the node, put before short topics
	Limits                   fedmsg.Limits // of messages; with Body zero, fedmsg.DefaultLimits
	Dir                      string        // where the rows of the last answer are kept; empty where nothing will be asked
}

// Source polls one table.
type Source struct {
	c      Config
	asker  asker
	topics map[rowset.Kind]string
	limits rowset.Limits
	store  *rowset.Store
	numbers

	redactions int // that were there when the rows were last looked through for them, and one; belongs to Run
}

var _ receive.Source = (*Source)(nil)

// NewSource checks address and configuration, and opens nothing.
func NewSource(s receive.Config, c Config, o Options) (*Source, error) {
	faults := []error{c.validate()}
	asked := c // with what was left out, of which nobody is to be told that it was unwanted
	asked.MaxBytes, asked.Timeout = either(c.MaxBytes, defaultMaxBytes), either(c.Timeout, defaultTimeout)
	a, err := newAsker(&s, &asked, o.Dir)
	faults = append(faults, err)
	source := &Source{c: c.withDefaults(), asker: a, topics: c.topics(o.TopicPrefix, o.Environment)}
	limits := o.Limits
	if limits.Body == 0 {
		limits = fedmsg.DefaultLimits()
	}
	source.limits = rowset.Limits{Rows: source.c.MaxRows, RowBytes: limits.Body / rowShare, Check: passes(limits, source.topics[rowset.Added])}
	if c.Topic != "" || c.Added != "" && c.Changed != "" && c.Removed != "" { // else validate tells of it
		faults = append(faults, source.judgeTopics(limits, s.Topics))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	source.store = rowset.Open(o.Dir, c.shape())
	return source, nil
}

// judgeTopics refuses topics with which everything would be refused.
func (s *Source) judgeTopics(limits fedmsg.Limits, may []fedmsg.Pattern) error {
	for _, kind := range [...]rowset.Kind{rowset.Added, rowset.Changed, rowset.Removed} {
		topic := s.topics[kind]
		if err := limits.CheckTopic(topic); err != nil {
			return fault("poll.topic gives the topic %q: %s", topic, err)
		}
		if !allowed(may, topic) {
			return fault("poll.topic gives the topic %s, which is not among topics: all of it would be refused", topic)
		}
	}
	return nil
}

// rowShare is what part of a body a row may be at most: there are a key, the row and what was different before, with a null for each
// column that is new, so that every change fits.
const rowShare = 4

// passes gives a check of rows with something nested in them, which the door may refuse: it makes a message of them as the door does.
func passes(l fedmsg.Limits, topic string) func(row []byte) error {
	d := wire.Decoder{Limits: l}
	var body []byte
	return func(row []byte) error {
		body = append(append(append(body[:0], `{"row":`...), row...), '}')
		_, err := d.Carried(&wire.Carried{Topic: topic, ID: idPrefix, Body: body})
		return err
	}
}

func allowed(patterns []fedmsg.Pattern, topic string) bool {
	for _, p := range patterns {
		if p.Match(topic) {
			return true
		}
	}
	return false
}

// Patience is how long the runner of such a source waits before it asks again behind a failure, first and at most, where the
// configuration leaves it open: soon, and then as seldom as ever.
func Patience(c Config) (first, most time.Duration) {
	every := either(c.Every, defaultEvery)
	return min(every, 5*time.Second), every
}

// Run asks until ctx ends or an answer is none.
func (s *Source) Run(ctx context.Context, in *receive.Intake) error {
	defer in.Drain()
	if err := s.publish(ctx, in); err != nil { // what was found before the node ended
		return err
	}
	for {
		again := time.NewTimer(s.c.Every)
		err := s.withhold(in)
		if err == nil {
			err = s.poll(ctx, in)
		}
		if err != nil {
			again.Stop()
			return err
		}
		in.Connected()
		select {
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		case <-again.C:
		}
	}
}

// redactions is what is known of what was redacted. [receive.Intake] is one.
type redactions interface {
	Redactions() int // how many there are
	Redacted(id string) bool
}

// withhold takes out of what is kept what was redacted since it was called last.
func (s *Source) withhold(known redactions) error {
	n := known.Redactions() + 1
	if n == s.redactions {
		return nil
	}
	err := s.store.Withhold(func(id string) bool { return known.Redacted(idPrefix + id) })
	if err == nil {
		s.redactions = n
	}
	return err
}

// poll asks once, and publishes what is different.
func (s *Source) poll(ctx context.Context, in *receive.Intake) error {
	differs, err := s.Look(ctx)
	if err != nil || !differs {
		return err
	}
	return s.publish(ctx, in)
}

// Look asks once and keeps what came beside what was kept before, if it differs.
func (s *Source) Look(ctx context.Context) (differs bool, err error) {
	began := time.Now()
	defer func() { s.asked(began, err) }()
	kept, err := s.store.Kept()
	if err != nil {
		return false, err
	}
	remembers, ok := s.asker.(rememberer)
	if ok && !kept.Known {
		remembers.forget()
	}
	answer, err := s.store.NewAnswer(s.limits)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, answer.Close()) }()
	limited, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	same, err := s.asker.ask(limited, answer.Add)
	if err != nil {
		return false, err
	}
	if !same {
		differs, err = s.keep(ctx, answer, kept)
	}
	if err != nil {
		return false, err
	}
	if ok {
		remembers.remember()
	}
	return differs, nil
}

// keep compares an answer.
func (s *Source) keep(ctx context.Context, answer *rowset.Answer, kept rowset.Kept) (bool, error) {
	if answer.Rows() == 0 && s.c.Empty == EmptyRefuse {
		switch {
		case !kept.Known: // or all rows of the next one would be new
			return false, fedmsg.Errorf(fedmsg.CodeUnavailable, "the answer has no rows, and there is none before it to compare with; if that is right, allow it with poll.empty = \"publish\"")
		case kept.Rows > 0:
			return false, fedmsg.Errorf(fedmsg.CodeUnavailable, "the answer has no rows, and the one before had %d; if that is right, allow it with poll.empty = \"publish\"", kept.Rows)
		}
	}
	differs, err := s.store.Put(ctx, answer, rowset.Telling{Quiet: s.quiet(kept), Topics: s.topics})
	if err == nil {
		s.counted(answer.Rows())
	}
	return differs, err
}

// quiet reports whether nothing is to be told of an answer: of the very first one, and behind other key columns or others left out.
func (s *Source) quiet(kept rowset.Kept) bool {
	return !kept.Known && (kept.Any || s.c.First == FirstQuiet)
}

// publish hands on what is pending, waits until all of it is on disk, and says that it has been dealt with. Without anything pending it
// does nothing.
func (s *Source) publish(ctx context.Context, in *receive.Intake) error {
	pending, err := s.store.Pending()
	if err != nil || !pending {
		return err
	}
	var item *receive.Item // the last one, which is settled behind all others
	err = s.Changes(func(kind rowset.Kind, m wire.Carried) error {
		s.changed(kind)
		was := item
		item = &receive.Item{Message: m}
		if was == nil {
			return nil
		}
		return in.Submit(ctx, *was)
	})
	if err != nil {
		return err
	}
	if item != nil {
		settled := make(chan struct{})
		item.Settled = func() { close(settled) }
		if err := in.Submit(ctx, *item); err != nil {
			return err
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.store.Commit()
}

// Changes gives the messages of what is pending, on the topics of when it was found: some of it may be in the log already.
func (s *Source) Changes(tell func(rowset.Kind, wire.Carried) error) error {
	return s.store.Changes(func(c rowset.Change) error {
		topic := either(c.Topic, s.topics[c.Kind])
		return tell(c.Kind, wire.Carried{Topic: topic, ID: idPrefix + c.ID, Body: c.Body})
	})
}
