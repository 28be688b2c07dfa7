package poll

import (
	"context"
	"net/url"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/remote"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// asker asks for all rows of one table. One goroutine uses it.
type asker interface {
	// ask gives each row to take, whose error ends it. With same, none was given because the rows are those of the answer that was
	// remembered last. After an error the rows that were given are not all.
	ask(ctx context.Context, take func([]tabular.Cell) error) (same bool, err error)
}

// rememberer is an asker that knows the answer again whose rows are kept, itself or by the other side.
type rememberer interface {
	// remember says that the rows of the last answer are kept.
	remember()
	// forget says that no rows are kept.
	forget()
}

// Scheme begins the addresses of this package.
const Scheme = "poll+"

// Of an address, behind Scheme.
const (
	schemeHTTPS    = "https"
	schemeHTTP     = "http"
	schemeExec     = "exec"
	schemePostgres = "postgres"
	schemeSQLite   = "sqlite"
)

// newAsker makes what an address asks for, with a directory for answers while they come, and opens nothing.
func newAsker(s *receive.Config, c *Config, dir string) (asker, error) {
	scheme, _, _ := strings.Cut(strings.TrimPrefix(s.From, Scheme), ":")
	if scheme == schemeExec {
		return newProgram(s, c, dir)
	}
	u, err := url.Parse(strings.TrimPrefix(s.From, Scheme))
	if err != nil || u.Opaque != "" {
		return nil, fault("from is no address; write poll+https://HOST/PATH, poll+exec:, poll+postgres://USER@HOST/NAME or poll+sqlite:///FILE")
	}
	if _, given := u.User.Password(); given || u.Query().Has("password") {
		return nil, fault("from has a password in it, which everybody sees who sees the configuration; put USER:PASSWORD into a file of mode 0600 and name it by credentials")
	}
	files := s.Files()
	if err := files.Validate(); err != nil {
		return nil, err
	}
	switch scheme {
	case schemeHTTPS, schemeHTTP:
		return newPage(u, files, c, dir)
	case schemePostgres:
		return newPostgres(u, files, c)
	case schemeSQLite:
		return newSQLite(u, files, c)
	}
	return nil, fault("from begins with none of poll+https://, poll+http://, poll+exec:, poll+postgres:// and poll+sqlite://")
}

// noFiles refuses files of credentials and certificates where nobody would read them.
func noFiles(f remote.Files, scheme string) error {
	if f != (remote.Files{}) {
		return fault("credentials, ca, certificate and key are not for %s", Scheme+scheme)
	}
	return nil
}

// unavailable says that what was asked did not answer, and for what reason, which the operator needs.
func unavailable(err error, format string, args ...any) error {
	return fedmsg.WrapError(fedmsg.CodeUnavailable, err, format+": %s", append(args, ops.Printable(err.Error()))...)
}
