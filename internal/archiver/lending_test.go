package archiver

import (
	"context"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
)

// slow is a store in which one is until go is closed.
type slow struct {
	archive.Store
	in, leave chan struct{}
	closed    chan struct{}
}

func (s *slow) Topics(context.Context) (*archive.Topics, error) {
	close(s.in)
	<-s.leave
	select {
	case <-s.closed:
		return nil, errStore
	default:
		return archive.NewTopics(nil), nil
	}
}

func (s *slow) Close() error {
	close(s.closed)
	return nil
}

// TestStoreIsClosedBehindItsUsers closes a store while one is in it.
func TestStoreIsClosedBehindItsUsers(t *testing.T) {
	t.Parallel()
	var l lending
	s := &slow{Store: archivetest.NewMemory(), in: make(chan struct{}), leave: make(chan struct{}), closed: make(chan struct{})}
	l.open(s)
	got := make(chan error, 1)
	go func() {
		_, err := l.Topics(t.Context())
		got <- err
	}()
	<-s.in
	ended := make(chan error, 1)
	go func() { ended <- l.close(errStore) }()
	for l.usable() == nil { //nolint:revive // it is taken back in a moment
	}
	if _, err := l.Extent(t.Context()); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("using a store that was taken back: %v, want %s", err, fedmsg.CodeUnavailable)
	}
	close(s.leave)
	if err := <-got; err != nil {
		t.Errorf("who was in the store: %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	select {
	case <-s.closed:
	default:
		t.Error("the store is not closed")
	}
}
