// Package sqlite keeps the archive in one SQLite file.
package sqlite

import (
	"context"
	"log/slog"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Options are those of a store.
type Options struct {
	ReadOnly bool // for fedmsg query straight on a file
	Readers  int  // connections that read, 1 to 64; 0 is 4
	Logger   *slog.Logger
}

// Open opens the file, and makes it where it is missing and may be written.
func Open(ctx context.Context, file string, o Options) (archive.Store, error) { panic("not built") }
