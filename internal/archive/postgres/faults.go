package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// What the server says by codes (PostgreSQL, appendix A).
const (
	codeLockTimeout  = "55P03"
	codeDiskFull     = "53100"
	codeNoTable      = "42P01"
	codeNoSchema     = "3F000"
	codeNoDatabase   = "3D000"
	codeNoRight      = "42501"
	codeTooMany      = "53300"
	codeReadOnly     = "25006"
	classAuth        = "28"
	classDamage      = "XX"
	classOfShutdown  = "57P0"
	classOfConnected = "08"
)

// fault gives what went wrong a code and, where there is one, the cure. What the server says stays inside, with the operator; it has no
// password in it. Where ctx ended it, its error can be found by errors.Is.
func fault(ctx context.Context, what string, err error) error {
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
	said, _ := errors.AsType[*pgconn.PgError](err)
	if said != nil && said.Code == codeDiskFull {
		code = fedmsg.CodeStorageFull // what is there can be read all the same
	}
	return fedmsg.WrapError(code, err, "cannot %s: %s", what, reason(err, said))
}

// reason says in words what the database's operator can do about an error. The server may have said nothing.
func reason(err error, said *pgconn.PgError) string {
	if errors.Is(err, block.ErrDamaged) {
		return "its database is damaged, or was changed by hand; put a backup of it back: what the log still has is taken in again by itself"
	}
	if errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection) {
		return onlyRead
	}
	if said == nil {
		return "its database cannot be reached; see that PostgreSQL runs, and that archive.store names the right host: it goes on by itself"
	}
	switch said.Code {
	case codeDiskFull:
		return "the disk of its database is full; make room, it goes on by itself"
	case codeNoDatabase:
		return "the server has no such database; make it with createdb"
	case codeNoRight:
		return "the database's user may not do that; have the user own the database, or its schema fedmsg"
	case codeTooMany:
		return "the server has too many connections; raise max_connections, or end others"
	case codeReadOnly:
		return onlyRead
	case codeNoTable, codeNoSchema:
		return noArchive
	}
	switch {
	case strings.HasPrefix(said.Code, classAuth):
		return "the server does not let the user in; look at archive.password_file, and at the server's pg_hba.conf"
	case strings.HasPrefix(said.Code, classOfShutdown), strings.HasPrefix(said.Code, classOfConnected):
		return "its database is stopping or starting; it goes on by itself"
	case strings.HasPrefix(said.Code, classDamage):
		return "its database reports damage; look at the server's log"
	}
	return "its database does not answer as it should"
}

const onlyRead = "its database may only be read now, as a standby; name the primary in archive.store"

const noArchive = "there is no archive in this database; a node makes it when it first writes there"
