// Package sqlite keeps the archive in one SQLite file.
//
// It promises what package archive asks of a store, that reading never waits for the writer, and that people may ask the file with
// the program sqlite3 while a node writes to it: the tables explain themselves (`sqlite3 FILE .schema`). It does not promise that
// older versions read what a newer one wrote: the file has a format number, and one that is too new is refused.
//
// Several processes may have the file open; those that write take turns.
package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Options are those of a store.
type Options struct {
	ReadOnly bool // for fedmsg query straight on a file
	Readers  int  // connections that read, 1 to 64; 0 is 4
	Logger   *slog.Logger
}

// How long a writer waits for one of another process, and how long at once: in that time it does not see that its context ended.
const (
	busyTime = 10 * time.Second
	busyStep = 20 * time.Millisecond
)

// Store is an archive in a file. Any number of goroutines may read; writers take turns by themselves.
type Store struct {
	file     string
	source   string // what connections that read open: the file, or a URI of it
	flags    sqlite.OpenFlags
	patience time.Duration // with other processes that write
	log      *slog.Logger
	readers  *sqlitex.Pool
	topics   texts // of terms, for messages.topic
	names    texts // of names
	counts   topicCounts
	codec    *block.Codec
	rooms    sync.Pool    // *[openBlocks]openBlock, of unpackers that have ended
	copies   atomic.Int32 // backups that are being made

	mu     sync.Mutex   // held while writing
	writer *sqlite.Conn // guarded by mu; nil where the file is only read, and behind Close
}

var _ archive.Store = (*Store)(nil)

// Open opens the file, and makes it where it is missing and may be written. A file that is no archive, is damaged or cannot be
// reached is CodeUnavailable; one of a newer version is CodeFormat.
func Open(ctx context.Context, file string, o Options) (archive.Store, error) {
	if o.Readers == 0 {
		o.Readers = 4
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
	s := &Store{
		file: file, patience: busyTime, log: o.Logger, codec: codec,
		topics: texts{query: "SELECT name FROM terms WHERE term = ?"},
		names:  texts{query: "SELECT text FROM names WHERE name = ?"},
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(s.fault(ctx, "open the archive", err), s.Close())
	}
	return s, nil
}

// open connects. Whatever it has opened when it fails, Close frees.
func (s *Store) open(ctx context.Context, o Options) (err error) {
	s.source, s.flags = s.file, sqlite.OpenReadWrite
	if o.ReadOnly {
		if s.source, s.flags, err = readOnly(s.file); err != nil {
			return err
		}
	} else if err := s.openWriter(ctx); err != nil {
		return err
	}
	s.readers, err = sqlitex.NewPool(s.source, sqlitex.PoolOptions{Flags: s.flags, PoolSize: o.Readers, PrepareConn: prepareReader})
	if err != nil {
		return err
	}
	return s.read(ctx, "open the archive", checkFormat)
}

// openWriter makes the file where there is none, for the owner's eyes only, and brings it to the newest format.
func (s *Store) openWriter(ctx context.Context) error {
	f, err := os.OpenFile(s.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if s.writer, err = sqlite.OpenConn(s.file, sqlite.OpenReadWrite); err != nil {
		return err
	}
	s.writer.SetBusyTimeout(busyStep)
	s.writer.SetInterrupt(ctx.Done())
	defer s.writer.SetInterrupt(nil)
	return s.untilFree(ctx, func() error { return prepareWriter(s.writer) })
}

// Close frees the file. It waits for who is reading or writing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
		s.readers = nil
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
		s.writer = nil
	}
	s.codec.Close()
	return errors.Join(errs...)
}

// size gives the bytes of the file and of what SQLite keeps beside it.
func (s *Store) size() (int64, error) {
	var sum int64
	for _, name := range databaseFiles(s.file) {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		sum += info.Size()
	}
	return sum, nil
}
