package stomp

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// SinkInFlight and SourceInFlight are what this kind proposes for in_flight.
const (
	SinkInFlight   = 1024
	SourceInFlight = 1024
)

// Sink sends entries to one server.
type Sink struct {
	server   *server
	places   places
	form     carry.Form
	fixed    []byte   // the headers that all messages have
	commands []string // names that no publisher's header has
	pace     *pace
}

var _ deliver.Sink = (*Sink)(nil)

// NewSink checks the address and options of a sink and opens nothing.
func NewSink(c deliver.Config, logger *slog.Logger) (deliver.Sink, error) {
	s := &Sink{commands: commands(), pace: newPace()}
	var err error
	if s.server, err = parse(c.To, c.Files(), optFormat, optPersistent, optAs); err != nil {
		return nil, err
	}
	e := s.server.endpoint
	s.places, err = parsePlaces(e, optDestination)
	if e.OneOf(optFormat, "envelope", "body") == "body" {
		s.form = carry.Body
	}
	s.fixed = appendHeader(s.fixed, "content-type", "application/json")
	if e.Flag(optPersistent, true) { // without the header ActiveMQ keeps a message in memory only
		s.fixed = appendHeader(s.fixed, "persistent", "true")
	}
	if e.OneOf(optAs, "bytes", "text") == "text" { // what has a content-length is bytes to ActiveMQ otherwise, which programs with JMS may not await
		s.fixed = appendHeader(s.fixed, "amq-msg-type", "text")
	}
	return s, errors.Join(e.Err(), err)
}

// Open connects.
func (s *Sink) Open(ctx context.Context, answers *deliver.Answers) (deliver.Session, error) {
	n := &session{sink: s, answers: answers, ended: make(chan struct{})}
	c, err := s.server.dial(ctx, 4<<10, maxAnswer, n.lost)
	if err != nil {
		return nil, err
	}
	n.conn = c
	if strings.HasPrefix(c.server, "ActiveMQ/") {
		n.group = newGroup()
	}
	go n.read()
	return n, nil
}

// maxAnswer bounds what a server may write below an error.
const maxAnswer = 64 << 10
