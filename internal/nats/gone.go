package nats

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// askTime bounds the questions about what is at fault.
const askTime = 5 * time.Second

// isNobody reports whether the server says that nobody listens on the subject: no stream has it.
func isNobody(m *nats.Msg) bool { return len(m.Data) == 0 && m.Header.Get("Status") == "503" }

func (s *sink) noStream() error {
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "no stream of %s takes the subject; make one, or widen the subjects of one", s.address)
}

// nobody tells why nobody took an entry: of a stream that is gone no entry is at fault, and of a subject that no stream there has
// it is the entry.
func (s *streamSession) nobody(seq uint64) error {
	s.mu.Lock()
	subject, ok := s.sent.subject(seq)
	over := s.closed || !ok
	s.mu.Unlock()
	if over {
		return nil // nobody is told
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	js, err := s.sink.jetStreamOf(s.link.Conn)
	if err != nil {
		return s.sink.noStream()
	}
	if s.sink.stream != "" {
		return s.sink.named(ctx, js, subject)
	}
	return s.sink.unnamed(ctx, js, subject)
}

// named looks after the stream that the address names.
func (s *sink) named(ctx context.Context, js jetstream.JetStream, subject string) error {
	stream, err := js.Stream(ctx, s.stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return s.gone(s.stream)
	case err != nil:
		return deliver.NotNow(s.failed(err))
	case slices.ContainsFunc(stream.CachedInfo().Config.Subjects, func(pattern string) bool { return takes(pattern, subject) }):
		return deliver.NotNow(fedmsg.Errorf(fedmsg.CodeUnavailable, "the stream %s of %s does not answer for now", s.stream, s.address))
	}
	return s.noStream()
}

// unnamed looks after the streams that took something before, and then for one that takes the subject now. In this order, because
// the stream may be made again meanwhile: it is either still gone, or there when it is looked for by the subject.
func (s *sink) unnamed(ctx context.Context, js jetstream.JetStream, subject string) error {
	for _, name := range s.took.all() {
		if _, err := js.Stream(ctx, name); errors.Is(err, jetstream.ErrStreamNotFound) {
			return s.gone(name)
		}
	}
	if account, err := js.AccountInfo(ctx); err == nil && account.Streams == 0 {
		return deliver.NotNow(fedmsg.Errorf(fedmsg.CodeNotFound, "%s has no streams; make one, with the subjects of this sink's topics", s.address))
	}
	if name, err := js.StreamNameBySubject(ctx, subject); err == nil {
		return deliver.NotNow(fedmsg.Errorf(fedmsg.CodeUnavailable, "the stream %s of %s does not answer for now", name, s.address))
	}
	return s.noStream()
}

func (s *sink) gone(name string) error {
	return deliver.NotNow(fedmsg.Errorf(fedmsg.CodeNotFound, "the stream %s of %s is gone; make it again, with the subjects of this sink's topics", name, s.address))
}

// takes reports whether the subject fits a stream's pattern.
func takes(pattern, subject string) bool {
	want, words := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, w := range want {
		switch {
		case i == len(words):
			return false
		case w == ">":
			return true
		case w != "*" && w != words[i]:
			return false
		}
	}
	return len(want) == len(words)
}

// maxTook bounds the names that are kept.
const maxTook = 16

// took has the names of the streams that took something, the newest last.
type took struct {
	mu    sync.Mutex
	names []string // guarded by mu
}

func (t *took) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.names, name) {
		return
	}
	if len(t.names) == maxTook {
		t.names = slices.Delete(t.names, 0, 1)
	}
	t.names = append(t.names, strings.Clone(name))
}

func (t *took) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.names)
}
