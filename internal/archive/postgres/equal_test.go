package postgres_test

import (
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/archive/postgres"
	"github.com/federated-messaging/fedmsg/internal/archive/sqlite"
)

// TestBothStoresEqual asks SQLite and PostgreSQL the same 300 random questions, 10,000 with --long: they answer alike, and as the
// model does.
func TestBothStoresEqual(t *testing.T) {
	t.Parallel()
	file, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "archive.sqlite"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	database, err := postgres.Open(t.Context(), server.URI("postgres"), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	archivetest.Equal(t, map[string]archive.Store{"sqlite": file, "postgres": database})
}
