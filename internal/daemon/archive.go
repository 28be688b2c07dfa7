package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/postgres"
	"github.com/federated-messaging/fedmsg/internal/archive/sqlite"
	"github.com/federated-messaging/fedmsg/internal/archiver"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/redact"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// ArchiveFile is the file of the archive in a state directory, where SQLite keeps it.
func ArchiveFile(state string) string { return filepath.Join(state, "archive.sqlite") }

// archivePlace is the name of the file of the archive's place, among those of other readers.
const archivePlace = "archive"

// newArchive makes the archive of the configuration, which opens its store later: one that cannot be used keeps no node from starting.
// It is nil where there is none; then nothing is kept in the log for it any more.
func newArchive(c *config.Config, log *commitlog.Log, live *feed.Feed, rules *redact.Rules, ledger *redact.Ledger, r prometheus.Registerer, logger *slog.Logger) (*archiver.Archiver, error) {
	place := filepath.Join(ReadersDir(c.State), archivePlace)
	if c.Archive.Store == archiver.StoreNone {
		if err := os.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
			logger.Warn("cannot remove the place of the archive, for which the log is kept", "error", err)
		}
		return nil, nil
	}
	return archiver.New(archiver.Deps{
		Log: log, Feed: live, Redaction: rules.Read, Ledger: ledger, Registerer: r, Logger: logger, Place: place,
		Gaps: filepath.Join(c.State, "archive-"+c.Archive.Kind()+".gaps"),
		Open: func(ctx context.Context) (archive.Store, error) {
			if c.Archive.IsPostgres() {
				return openPostgres(ctx, c, live, logger)
			}
			return sqlite.Open(ctx, ArchiveFile(c.State), sqlite.Options{Logger: logger})
		},
	})
}

// openPostgres has the password read each time, so that a changed one counts.
func openPostgres(ctx context.Context, c *config.Config, live *feed.Feed, logger *slog.Logger) (archive.Store, error) {
	files := remote.Files{Credentials: c.Archive.PasswordFile}
	return postgres.Open(ctx, c.Archive.Store, postgres.Options{Log: live.Log(), Password: files.Secret, Logger: logger})
}

// archiveChecks says how the archive is, where there is one.
func archiveChecks(a *archiver.Archiver) func() []ops.Check {
	if a == nil {
		return func() []ops.Check { return nil }
	}
	return a.Checks
}

// searchable is the archive as package httpapi asks for it, where there is one.
func searchable(a *archiver.Archiver) httpapi.Archive {
	if a == nil {
		return nil
	}
	return a
}
