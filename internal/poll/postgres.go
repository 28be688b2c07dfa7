package poll

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/remote"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// farewell is how long the server may take to hear that nothing more is wanted.
const farewell = 2 * time.Second

// postgres asks PostgreSQL.
type postgres struct {
	uri   string
	shown string
	query string
	limit int64
	files remote.Files
}

func newPostgres(u *url.URL, files remote.Files, c *Config) (asker, error) {
	if err := queryFaults(c, schemePostgres); err != nil {
		return nil, err
	}
	p := &postgres{uri: u.String(), shown: ops.Printable(schemePostgres + "://" + u.Host + u.EscapedPath()), query: c.Query, limit: int64(c.MaxBytes), files: files}
	if _, err := p.address(); err != nil {
		return nil, err
	}
	return p, nil
}

// queryFaults are those of what asks a database.
func queryFaults(c *Config, scheme string) error {
	var missing error
	if c.Query == "" {
		missing = fault(`poll.query is missing; it is what is asked, as in query = "SELECT package, architecture, state FROM packages"`)
	}
	return errors.Join(missing, c.unwanted(Scheme+scheme+"://", map[string]bool{"query": true}))
}

// ask connects, runs the one statement, which may only read, and goes.
func (p *postgres) ask(ctx context.Context, take func([]tabular.Cell) error) (same bool, err error) {
	config, err := p.config()
	if err != nil {
		return false, err
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return false, p.failed(ctx, err)
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		_ = conn.Close(bye) // nothing was written
	}()
	answer := conn.ExecParams(ctx, p.query, nil, nil, nil, nil) // of one statement, and in text
	names := columns(answer.FieldDescriptions())
	t := &taker{names: names, left: p.limit, take: take}
	for answer.NextRow() {
		err := t.row(func(i int, dst []byte) ([]byte, error) {
			if err := t.fits(len(dst) + len(answer.Values()[i])); err != nil {
				return dst, err
			}
			return appendPostgres(dst, answer.FieldDescriptions()[i].DataTypeOID, answer.Values()[i])
		})
		if err != nil {
			_, _ = answer.Close() // the connection goes
			return false, err
		}
	}
	if _, err := answer.Close(); err != nil {
		return false, p.failed(ctx, err)
	}
	return false, nil
}

func columns(fields []pgconn.FieldDescription) [][]byte {
	names := make([][]byte, len(fields))
	for i := range fields {
		names[i] = tabular.Text(nil, fields[i].Name)
	}
	return names
}

// secured reports whether the files of the source say how to connect by TLS, whatever the address says.
func (p *postgres) secured() bool { return p.files.CA != "" || p.files.Certificate != "" }

// address is how the address says to connect. To another machine that is by TLS with a name that is verified, also where the address says
// nothing of it: whoever is between could invent rows, and be told the password. What the node's environment has of a password, or the
// home of its user, is not for this.
func (p *postgres) address() (*pgconn.Config, error) {
	u, err := url.Parse(p.uri)
	if err != nil {
		return nil, noPostgres()
	}
	if q := u.Query(); !q.Has(sslMode) {
		q.Set(sslMode, "verify-full")
		if local(u.Hostname()) {
			q.Set(sslMode, "prefer")
		}
		u.RawQuery = q.Encode()
	}
	config, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return nil, noPostgres()
	}
	config.Password = ""
	verified := p.secured() || verifies(config.Host, config.TLSConfig)
	for _, f := range config.Fallbacks {
		verified = verified && (p.secured() || verifies(f.Host, f.TLSConfig))
	}
	if !verified {
		return nil, fault("from asks another machine without verifying which one answers, and who is between can publish what he likes; leave sslmode away, or write sslmode=verify-full")
	}
	return config, nil
}

const sslMode = "sslmode"

func noPostgres() error {
	return fault("from is no address of PostgreSQL; write poll+postgres://USER@HOST/NAME")
}

// verifies reports whether nobody can be between, or is noticed.
func verifies(host string, t *tls.Config) bool {
	return local(host) || t != nil && !t.InsecureSkipVerify
}

// local reports whether a host of PostgreSQL is this machine: a name of the loopback, or the directory of a socket, which is also the
// default.
func local(host string) bool {
	return host == "" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || loopback(host)
}

// config is how to connect, with the password and certificates of now. All values are written the same, wherever and by whomever the
// server was set up.
func (p *postgres) config() (*pgconn.Config, error) {
	config, err := p.address()
	if err != nil {
		return nil, err
	}
	e := remote.Endpoint{User: config.User}
	if p.files.Credentials != "" {
		if config.User, config.Password, err = p.files.Login(&e); err != nil {
			return nil, err
		}
	}
	if p.secured() {
		if config.TLSConfig, err = p.files.TLS(config.Host); err != nil {
			return nil, err
		}
		config.Fallbacks = nil
	}
	config.MaxProtocolMessageBodyLen = int(min(p.limit, tabular.MaxRow))
	for name, value := range map[string]string{
		"application_name": userAgent, "client_encoding": "UTF8", "default_transaction_read_only": "on",
		"TimeZone": "UTC", "DateStyle": "ISO, MDY", "IntervalStyle": "iso_8601", "bytea_output": "hex",
	} {
		config.RuntimeParams[name] = value
	}
	return config, nil
}

// failed is an error of the server or the way to it. What the server says of the query is for the operator who wrote it.
func (p *postgres) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fedmsg.Errorf(fedmsg.CodeTimeout, "%s did not answer within poll.timeout", p.shown)
	}
	if _, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err); ok {
		return rowTooLong()
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s refuses the query: %s (SQLSTATE %s)", p.shown, ops.Printable(e.Message), e.Code)
	}
	return unavailable(err, "cannot ask %s", p.shown)
}

// appendPostgres appends a value, which came as text, as JSON of its kind; what has none in JSON is a string.
func appendPostgres(dst []byte, oid uint32, value []byte) ([]byte, error) {
	if value == nil {
		return append(dst, "null"...), nil
	}
	switch oid {
	case pgtype.BoolOID:
		if string(value) == "t" {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID, pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID:
		if json.Valid(value) { // and not NaN
			return append(dst, value...), nil
		}
	case pgtype.JSONOID, pgtype.JSONBOID:
		return tabular.Value(dst, value)
	}
	return tabular.Text(dst, string(value)), nil
}
