// Package postgres keeps the archive in a PostgreSQL database.
//
// It promises what package archive asks of a store, that rows and the place in the log are one transaction, so that each entry of a log
// is in it once whatever is killed when, that one node at a time writes a log, and that reading never waits for the writer. Everything
// is in the schema fedmsg of the database, whose tables say what they are for (\d+ in psql). It does not promise that older versions
// read what a newer one wrote: the schema has a format number, and one that is too new is refused.
//
// Several nodes may keep their logs in one database: they write by turns.
package postgres

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Options are those of a store.
type Options struct {
	ReadOnly bool         // nothing is made or changed
	Log      fedmsg.LogID // the log that is written; nobody else may write it meanwhile. Empty: none, as for imports
	Readers  int          // connections that read, 1 to 64; 0 is 8
	Logger   *slog.Logger

	// Password gives that of the user, which is never in the URI. It is asked at each connection, by any goroutine, so that a changed
	// one counts; its error is that of what needed the connection. Optional; empty is none.
	Password func() (string, error)
}

// Store is an archive in a database. Any number of goroutines may read; writers take turns by themselves.
type Store struct {
	log     *slog.Logger
	readers *pgxpool.Pool
	codec   *block.Codec
	topics  texts[string] // of terms, for messages.topic
	sources texts[source] // of sources
	known   topicCache
	outline recent[outline]
	size    recent[int64] // bytes of all tables

	mu     sync.Mutex // held while writing
	writer *pgx.Conn  // guarded by mu; nil where the database is only read, and behind Close
	open   openBlock  // guarded by mu; the block that the next rows go on with
	memory memory     // guarded by mu
}

var _ archive.Store = (*Store)(nil)

// Open connects to the database that a URI names, as postgres://USER@HOST/NAME, and makes the archive's schema where it is missing and
// may be written. A database that cannot be used is CodeUnavailable, and so is a log that another node writes; a schema of a newer
// version is CodeFormat.
func Open(ctx context.Context, uri string, o Options) (archive.Store, error) {
	if o.Readers == 0 {
		o.Readers = 8
	}
	if o.Readers < 0 || o.Readers > 64 {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the archive is read over 1 to 64 connections, not %d", o.Readers)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	codec, err := block.NewCodec()
	if err != nil {
		return nil, err
	}
	s := &Store{log: o.Logger, codec: codec}
	s.topics.query = "SELECT term, name FROM terms WHERE term = ANY($1)"
	s.sources.query = "SELECT source, log, sender, signer, verdict, origin_log, not_ijson FROM sources WHERE source = ANY($1)"
	if err := s.connect(ctx, uri, o); err != nil {
		return nil, errors.Join(fault(ctx, "open the archive", err), s.Close())
	}
	return s, nil
}

// Close ends all connections. It waits for who is reading or writing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers != nil {
		s.readers.Close()
		s.readers = nil
	}
	var err error
	if s.writer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		if !s.writer.IsClosed() {
			err = s.writer.Close(ctx)
		}
		s.writer = nil
	}
	s.codec.Close()
	return err
}
