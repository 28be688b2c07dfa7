package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
)

// migrate brings the schema to the newest format, in one transaction. Two nodes that start together take turns; where nothing is to be
// done nobody is waited for.
func (s *Store) migrate(ctx context.Context) error {
	there, err := schemaIsThere(ctx, s.writer)
	if err != nil {
		return err
	}
	if there {
		if format, err := formatOf(ctx, s.writer); err != nil || format == len(migrations()) {
			return err
		}
	}
	return s.transaction(ctx, func(ctx context.Context, tx pgx.Tx) error {
		there, err := schemaIsThere(ctx, tx)
		if err != nil {
			return err
		}
		if !there {
			if err := makeSchema(ctx, tx); err != nil {
				return err
			}
		}
		format, err := formatOf(ctx, tx)
		if err != nil || format == len(migrations()) {
			return err
		}
		for n, statements := range migrations()[format:] {
			if _, err := tx.Exec(ctx, statements); err != nil {
				return fmt.Errorf("to format %d: %w", format+n+1, err)
			}
		}
		_, err = tx.Exec(ctx, "UPDATE format SET format = $1", len(migrations()))
		return err
	})
}

// makeSchema makes the schema, unless the database's owner has made an empty one for a user who may not.
func makeSchema(ctx context.Context, tx pgx.Tx) error {
	empty, _, err := first[bool](ctx, tx, "SELECT to_regnamespace('fedmsg') IS NOT NULL")
	if err != nil {
		return err
	}
	if !empty {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA fedmsg"); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `CREATE TABLE format (format integer NOT NULL); INSERT INTO format VALUES (0);
		COMMENT ON TABLE format IS 'The format of this schema; a program that knows only older ones does not touch it'`)
	return err
}

func schemaIsThere(ctx context.Context, c reader) (bool, error) {
	there, _, err := first[bool](ctx, c, "SELECT to_regclass('fedmsg.format') IS NOT NULL")
	return there, err
}

func formatOf(ctx context.Context, c reader) (int, error) {
	format, _, err := first[int](ctx, c, "SELECT format FROM format")
	if newest := len(migrations()); err == nil && format > newest {
		err = fedmsg.Errorf(fedmsg.CodeFormat,
			"cannot open the archive: its database has format %d, and this version knows formats up to %d; use the newer version that wrote it", format, newest)
	}
	return format, err
}

// checkFormat makes sure that a schema which is only read is there and has the newest format.
func checkFormat(ctx context.Context, c reader) error {
	there, err := schemaIsThere(ctx, c)
	if err != nil {
		return err
	}
	if !there {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "cannot open the archive: %s", noArchive)
	}
	format, err := formatOf(ctx, c)
	if err == nil && format != len(migrations()) {
		err = fedmsg.Errorf(fedmsg.CodeUnavailable,
			"cannot read the archive: its database has format %d, which must be brought to format %d first; start the node on it once", format, len(migrations()))
	}
	return err
}
