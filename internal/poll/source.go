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
	TopicPrefix, Environment string // of the node, put before short topics
	Dir                      string // where the rows of the last answer are kept; empty where nothing will be asked
}

// Source polls one table.
type Source struct {
	c      Config
	asker  asker
	topics map[rowset.Kind]string
	store  *rowset.Store
	numbers
}

var _ receive.Source = (*Source)(nil)

// NewSource checks address and configuration, and opens nothing.
func NewSource(s receive.Config, c Config, o Options) (*Source, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	asked := c // with what was left out, of which nobody is to be told that it was unwanted
	asked.MaxBytes, asked.Timeout = either(c.MaxBytes, defaultMaxBytes), either(c.Timeout, defaultTimeout)
	a, err := newAsker(&s, &asked)
	if err != nil {
		return nil, err
	}
	source := &Source{c: c.withDefaults(), asker: a, topics: c.topics(o.TopicPrefix, o.Environment)}
	limits := fedmsg.DefaultLimits()
	for _, kind := range [...]rowset.Kind{rowset.Added, rowset.Changed, rowset.Removed} {
		topic := source.topics[kind]
		if err := limits.CheckTopic(topic); err != nil {
			return nil, fault("poll.topic gives the topic %q: %s", topic, err)
		}
		if !allowed(s.Topics, topic) {
			return nil, fault("poll.topic gives the topic %s, which is not among topics: all of it would be refused", topic)
		}
	}
	source.store = rowset.Open(o.Dir, c.shape())
	return source, nil
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
		if err := s.poll(ctx, in); err != nil {
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
	answer, err := s.store.NewAnswer(s.c.MaxRows)
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
		differs, err = s.keep(answer)
	}
	if err != nil {
		return false, err
	}
	if r, ok := s.asker.(rememberer); ok {
		r.remember()
	}
	return differs, nil
}

// keep compares an answer.
func (s *Source) keep(answer *rowset.Answer) (bool, error) {
	before, known, err := s.store.Known()
	if err != nil {
		return false, err
	}
	if before > 0 && answer.Rows() == 0 && s.c.Empty == EmptyRefuse {
		return false, fedmsg.Errorf(fedmsg.CodeUnavailable, "the answer has no rows, and the one before had %d; if that is right, allow it with poll.empty = \"publish\"", before)
	}
	differs, err := s.store.Put(answer, !known && s.c.First == FirstQuiet)
	if err == nil {
		s.counted(answer.Rows())
	}
	return differs, err
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

// Changes gives the messages of what is pending.
func (s *Source) Changes(tell func(rowset.Kind, wire.Carried) error) error {
	return s.store.Changes(func(c rowset.Change) error {
		return tell(c.Kind, wire.Carried{Topic: s.topics[c.Kind], ID: idPrefix + c.ID, Body: c.Body})
	})
}
