// Package postgres is where the archive in a PostgreSQL database will be. It is not built yet: Open says so.
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

// Open refuses.
func Open(context.Context, string, Options) (archive.Store, error) {
	return nil, fedmsg.Errorf(fedmsg.CodeUsage, "this version keeps archives in SQLite only, not in PostgreSQL")
}
