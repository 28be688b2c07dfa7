package postgres

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/federated-messaging/fedmsg"
)

const (
	connectTime = 5 * time.Second  // a server that has not answered by then is not there
	closeTime   = 2 * time.Second  // for saying goodbye
	cancelTime  = 2 * time.Second  // a server that has not given up a statement by then has failed
	lockTime    = 2 * time.Second  // the session of a node that was killed just now may still have its log
	frozenTime  = time.Minute      // a node that has done nothing in a transaction for so long has stopped, and others wait for it
	idleTime    = 10 * time.Minute // after which a connection that nobody uses is closed
)

// leastStatements is how many statements a connection keeps at least: several for each month that is asked.
const leastStatements = 512

// schema is where everything is.
const schema = "fedmsg"

// The numbers of the locks by which those who write agree. They are of the whole database.
const (
	lockLogs    int32 = 0x666d7367 // with a number made of a log: held by the session of who writes it
	lockWriting int32 = 0x666d7368 // with 0: held by the transaction of who writes
)

// connect opens the writer, if there is one, and the readers. Whatever it has opened when it fails, Close frees.
func (s *Store) connect(ctx context.Context, uri string, o Options) error {
	config, err := pgxpool.ParseConfig(uri)
	if err != nil {
		return fedmsg.Errorf(fedmsg.CodeConfig, "the archive's address is none of PostgreSQL; write postgres://USER@HOST/NAME")
	}
	configure(config.ConnConfig)
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error { return o.giveTo(c) }
	if !o.ReadOnly {
		if err := s.openWriter(ctx, config.ConnConfig.Copy(), &o); err != nil {
			return err
		}
		// Of several hosts the one that is written is read; that its sessions may only read is set below.
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	config.MaxConns, config.MinConns, config.MaxConnIdleTime = int32(o.Readers), 0, idleTime
	params := config.ConnConfig.RuntimeParams
	params["default_transaction_read_only"] = "on"
	// What is sent at once is one transaction, which then sees the rows of one moment.
	params["default_transaction_isolation"] = "repeatable read"
	// How a question is answered is decided here: by an index always, whatever the server has counted so far, and planned once.
	params["enable_seqscan"], params["plan_cache_mode"], params["jit"] = "off", "force_generic_plan", "off"
	if s.readers, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	return s.read(ctx, "open the archive", checkFormat)
}

// configure has a connection be found among others, notice that the other end is gone, and give up at the server what ctx ends.
func configure(c *pgx.ConnConfig) {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTime
	}
	// Whatever the address asks for: a statement is planned once, and its rows come in the form that type columns reads.
	c.DefaultQueryExecMode, c.StatementCacheCapacity = pgx.QueryExecModeCacheStatement, max(c.StatementCacheCapacity, leastStatements)
	params := c.RuntimeParams
	if params["application_name"] == "" {
		params["application_name"] = "fedmsg"
	}
	params["search_path"] = schema
	params["client_encoding"] = "UTF8"
	params["tcp_keepalives_idle"], params["tcp_keepalives_interval"], params["tcp_keepalives_count"] = "30", "10", "3"
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelTime}
	}
}

// giveTo gives a connection that is about to be made the password of now.
func (o *Options) giveTo(c *pgx.ConnConfig) error {
	if o.Password == nil {
		return nil
	}
	password, err := o.Password()
	if password != "" {
		c.Password = password
	}
	return err
}

// openWriter connects who writes, takes the log for it, and brings the schema to the newest format.
func (s *Store) openWriter(ctx context.Context, config *pgx.ConnConfig, o *Options) (err error) {
	if err := o.giveTo(config); err != nil {
		return err
	}
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["jit"] = "off"
	config.RuntimeParams["idle_in_transaction_session_timeout"] = strconv.FormatInt(frozenTime.Milliseconds(), 10)
	if s.writer, err = pgx.ConnectConfig(ctx, config); err != nil {
		return err
	}
	var encoding string
	if err := s.writer.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fedmsg.Errorf(fedmsg.CodeUnavailable,
			"cannot open the archive: its database has the encoding %s; make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	if err := s.takeLog(ctx, o.Log); err != nil {
		return err
	}
	return s.migrate(ctx)
}

// takeLog makes this the only session that writes the log, for as long as the connection lasts.
func (s *Store) takeLog(ctx context.Context, log fedmsg.LogID) error {
	if log == "" {
		return nil
	}
	if _, err := s.writer.Exec(ctx, "SELECT set_config('lock_timeout', $1, false)", lockTime.String()); err != nil {
		return err
	}
	_, err := s.writer.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", lockLogs, logNumber(log))
	if p, ok := errors.AsType[*pgconn.PgError](err); ok && p.Code == codeLockTimeout {
		return fedmsg.Errorf(fedmsg.CodeUnavailable,
			"cannot open the archive: another node writes the log %s into this database; stop that one, or give this one a log of its own (see fedmsg log adopt)", log)
	}
	if err != nil {
		return err
	}
	_, err = s.writer.Exec(ctx, "SET lock_timeout = 0")
	return err
}

// logNumber stands for a log among locks.
func logNumber(log fedmsg.LogID) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(log))
	return int32(h.Sum32())
}
