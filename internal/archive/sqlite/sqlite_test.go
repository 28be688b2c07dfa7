package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
)

// TestStore holds the store against the contract of package archive and against its model.
func TestStore(t *testing.T) {
	t.Parallel()
	archivetest.Run(t, func(t *testing.T) archivetest.Target {
		file := filepath.Join(t.TempDir(), "archive.sqlite")
		return archivetest.Target{Open: func(t *testing.T) archive.Store {
			s, err := Open(t.Context(), file, Options{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}}
	})
}
