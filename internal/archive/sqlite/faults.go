package sqlite

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// fault gives what went wrong a code and, where there is one, the cure. What SQLite says and the file's name stay inside, with the
// operator. Where ctx ended it, its error can be found by errors.Is.
func (s *Store) fault(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if coded, ok := errors.AsType[*fedmsg.Error](err); ok {
		return coded
	}
	if cause := ctx.Err(); cause != nil {
		return fedmsg.WrapError(fedmsg.CodeTimeout, cause, "cannot %s: there was no time left", what)
	}
	code := fedmsg.CodeUnavailable
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull {
		code = fedmsg.CodeStorageFull // what is there can be read all the same
	}
	inside := fmt.Errorf("%s: %w", s.file, err)
	return fedmsg.WrapError(code, inside, "cannot %s: %s", what, reason(err))
}

// reason says in words what a store's operator can do about an error.
func reason(err error) string {
	if errors.Is(err, block.ErrDamaged) {
		return damaged
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultFormat:
		return damaged
	case sqlite.ResultNotADB:
		return "its file is no SQLite database, or its beginning is damaged; move it away with its -wal and -shm, then put a backup there or import an export: " +
			"what the log still has is taken in again by itself"
	case sqlite.ResultFull:
		return "the disk is full; make room, it goes on by itself"
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return "another program keeps the archive's file locked; end that program, or its transaction"
	case sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultAuth:
		return "its file may not be written; give the node's user the right to write it and its directory"
	case sqlite.ResultCantOpen:
		return "its file cannot be opened; see that it is there, and that the node's user may read it and write to its directory"
	case sqlite.ResultIOErr:
		return "the disk reports an error; look at the system's log, and at the free space"
	case sqlite.ResultNoMem:
		return "there is not enough memory"
	}
	return "its file does not answer as it should"
}

const damaged = "its file is damaged; move it away with its -wal and -shm, then put a backup there or import an export: " +
	"what the log still has is taken in again by itself"
