// Package postgres keeps the archive in a PostgreSQL database.
package postgres

import (
	"context"
	"log/slog"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Options are those of a store.
type Options struct {
	Log      fedmsg.LogID // the log that is written; empty only reads
	Readers  int          // connections that read; 0 is 8
	Password string       // out of a file; never in the URI
	Logger   *slog.Logger
}

// Open connects to a database, postgres://USER@HOST/NAME, makes or migrates its tables, and takes the right to write for its log.
func Open(ctx context.Context, uri string, o Options) (archive.Store, error) { panic("not built") }
