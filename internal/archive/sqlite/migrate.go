package sqlite

import (
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
)

// migrate brings the file to the newest format, each step in a transaction of its own; what was cut off in the middle goes on with
// the step that it was in.
func migrate(c *sqlite.Conn) error {
	for {
		done := false
		err := transaction(c, "BEGIN IMMEDIATE", func() error {
			format, err := formatOf(c)
			if err != nil {
				return err
			}
			steps := migrations()
			if done = format == len(steps); done {
				return nil
			}
			if err := script(c, steps[format]); err != nil {
				return fmt.Errorf("to format %d: %w", format+1, err)
			}
			return pragmas(c, fmt.Sprintf("application_id = %d", applicationID), fmt.Sprintf("user_version = %d", format+1))
		})
		if err != nil || done {
			return err
		}
	}
}

// formatOf gives the format of the file, which is 0 for one that has nothing in it.
func formatOf(c *sqlite.Conn) (int, error) {
	format, _, err := number(c, "PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	application, _, err := number(c, "PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	if application != applicationID {
		tables, _, err := number(c, "SELECT count(*) FROM sqlite_schema")
		if err != nil {
			return 0, err
		}
		if application != 0 || format != 0 || tables != 0 {
			return 0, fedmsg.Errorf(fedmsg.CodeUnavailable,
				"cannot open the archive: its file is the database of another program; name another file, or move it away")
		}
		return 0, nil
	}
	if newest := len(migrations()); int(format) > newest {
		return 0, fedmsg.Errorf(fedmsg.CodeFormat,
			"cannot open the archive: its file has format %d, and this version knows formats up to %d; use the newer version that wrote it", format, newest)
	}
	return int(format), nil
}

// checkFormat makes sure that a file which is only read has the newest format.
func checkFormat(c *sqlite.Conn) error {
	format, err := formatOf(c)
	if err != nil {
		return err
	}
	if format != len(migrations()) {
		return fedmsg.Errorf(fedmsg.CodeUnavailable,
			"cannot read the archive: its file has format %d, which must be brought to format %d first; start the node on it once", format, len(migrations()))
	}
	return nil
}

// script runs statements one after the other.
func script(c *sqlite.Conn, statements string) error {
	for {
		statements = strings.TrimSpace(statements)
		if statements == "" {
			return nil
		}
		st, rest, err := c.PrepareTransient(statements)
		if err != nil {
			return err
		}
		statements = statements[len(statements)-rest:]
		_, err = st.Step()
		if end := st.Finalize(); err == nil {
			err = end
		}
		if err != nil {
			return err
		}
	}
}
