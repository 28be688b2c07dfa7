package poll

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/remote"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

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
	if _, err := pgx.ParseConfig(p.uri); err != nil {
		return nil, fault("from is no address of PostgreSQL; write poll+postgres://USER@HOST/NAME")
	}
	return p, nil
}

// queryFaults are those of what asks a database.
func queryFaults(c *Config, scheme string) error {
	if c.Query == "" {
		return fault(`poll.query is missing; it is what is asked, as in query = "SELECT package, architecture, state FROM packages"`)
	}
	return c.unwanted(Scheme+scheme+"://", map[string]bool{"query": true})
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
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		_ = conn.Close(bye) // nothing was written
	}()
	answer := conn.ExecParams(ctx, p.query, nil, nil, nil, nil) // of one statement, and in text
	names := columns(answer.FieldDescriptions())
	t := &taker{names: names, left: p.limit, take: take}
	for answer.NextRow() {
		err := t.row(func(i int, dst []byte) ([]byte, error) {
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

// config is how to connect, with the password and certificates of now. All values are written the same, wherever and by whomever the
// server was set up.
func (p *postgres) config() (*pgconn.Config, error) {
	config, err := pgconn.ParseConfig(p.uri)
	if err != nil {
		return nil, fault("%s is no address of PostgreSQL", p.shown)
	}
	e := remote.Endpoint{User: config.User}
	if p.files.Credentials != "" {
		if config.User, config.Password, err = p.files.Login(&e); err != nil {
			return nil, err
		}
	}
	if p.files.CA != "" || p.files.Certificate != "" {
		if config.TLSConfig, err = p.files.TLS(config.Host); err != nil {
			return nil, err
		}
		config.Fallbacks = nil
	}
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

// taker makes rows of the values of a database, up to a number of bytes.
type taker struct {
	names [][]byte
	left  int64
	take  func([]tabular.Cell) error

	bytes []byte
	ends  []int
	cells []tabular.Cell
}

// row makes one, of values that are appended one by one.
func (t *taker) row(value func(i int, dst []byte) ([]byte, error)) error {
	t.bytes, t.ends, t.cells = t.bytes[:0], t.ends[:0], t.cells[:0]
	for i := range t.names {
		var err error
		if t.bytes, err = value(i, t.bytes); err != nil {
			return err
		}
		t.ends = append(t.ends, len(t.bytes))
		t.left -= int64(len(t.names[i]))
	}
	if t.left -= int64(len(t.bytes)); t.left < 0 {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer is larger than max_bytes")
	}
	from := 0
	for i, end := range t.ends {
		t.cells = append(t.cells, tabular.Cell{Name: t.names[i], Value: t.bytes[from:end]})
		from = end
	}
	return t.take(t.cells)
}
