package archivetest_test

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
)

// kept is a store in memory that outlives being closed.
type kept struct{ archive.Store }

func (kept) Close() error { return nil }

// TestMemory holds the store in memory against the contract of all stores.
func TestMemory(t *testing.T) {
	t.Parallel()
	archivetest.Run(t, func(*testing.T) archivetest.Target {
		store := kept{archivetest.NewMemory()}
		return archivetest.Target{Open: func(*testing.T) archive.Store { return store }}
	})
}
