package sqlite

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Rows gives the rows of keys.
func (s *Store) Rows(ctx context.Context, keys []archive.Key) (rows []archive.Row, err error) {
	err = s.snapshot(ctx, "read messages of the archive", func(c *sqlite.Conn) error {
		rows, err = s.rows(c, keys)
		return err
	})
	return rows, err
}

// ByID gives the row of the message.
func (s *Store) ByID(ctx context.Context, id string) (row archive.Row, found bool, err error) {
	err = s.snapshot(ctx, "read a message of the archive", func(c *sqlite.Conn) error {
		key, known, err := number(c, "SELECT key FROM messages WHERE id = ?", id)
		if err != nil || !known {
			return err
		}
		rows, err := s.rows(c, []archive.Key{archive.Key(key)})
		if found = len(rows) > 0; found {
			row = rows[0]
		}
		return err
	})
	return row, found, err
}

// rows reads rows in the transaction that c is in. What it gives shares nothing. While SQLite looks for a row the payload of the one
// before is decompressed.
func (s *Store) rows(c *sqlite.Conn, keys []archive.Key) (rows []archive.Row, err error) {
	r := rowReader{s: s, c: c, unpacker: s.newUnpacker()}
	defer func() {
		if fault := r.unpacker.end(); err == nil {
			err = fault
		}
		if err != nil {
			rows = nil
		}
	}()
	rows = make([]archive.Row, 0, len(keys)) // does not grow: the unpacker fills it
	for _, key := range keys {
		rows = append(rows, archive.Row{Key: key})
		found, err := r.read(&rows[len(rows)-1])
		if err != nil {
			return nil, err
		}
		if !found {
			rows = rows[:len(rows)-1]
		}
	}
	return rows, nil
}

// rowReader reads rows in one transaction.
type rowReader struct {
	s        *Store
	c        *sqlite.Conn
	unpacker *unpacker
}

// read reads the row of a key, of which the unpacker fills in the payload.
func (r *rowReader) read(row *archive.Row) (found bool, err error) {
	var number, slot int64
	err = exec(r.c, `SELECT id, nanos, log, seq, topic, sender, signer, verdict, origin_log, origin_seq, not_ijson, block, slot FROM messages
		WHERE key = ?`, func(st *sqlite.Stmt) error {
		found = true
		number, slot = st.ColumnInt64(11), st.ColumnInt64(12)
		return r.entry(&row.Entry, st, int64(row.Key))
	}, int64(row.Key))
	switch {
	case err != nil || !found:
		return false, err
	case number == 0:
		row.Entry.Redacted = true
		row.Redaction, err = r.redaction(int64(row.Key), row.Entry.ID)
		return true, err
	}
	if !r.unpacker.has(number) {
		b, err := packed(r.c, number)
		if err != nil {
			return false, err
		}
		r.unpacker.open(b)
	}
	r.unpacker.fill(&row.Entry, number, slot)
	return true, nil
}

// entry fills an entry from the columns of a row.
func (r *rowReader) entry(e *fedmsg.Entry, st *sqlite.Stmt, key int64) (err error) {
	text := func(column int) (t string) {
		if err == nil {
			t, err = r.s.names.column(r.c, st, column)
		}
		return t
	}
	e.ID = st.ColumnText(0)
	e.Received = time.UnixMicro(key).Add(time.Duration(st.ColumnInt64(1))).UTC()
	e.Position = fedmsg.Position{Log: fedmsg.LogID(text(2)), Seq: uint64(st.ColumnInt64(3))}
	e.Sender, e.Signer, e.Verdict = text(5), text(6), fedmsg.Verdict(text(7))
	e.Origin = fedmsg.Position{Log: fedmsg.LogID(text(8)), Seq: uint64(st.ColumnInt64(9))}
	e.NotIJSON = st.ColumnBool(10)
	if err != nil {
		return err
	}
	e.Topic, err = r.s.topics.column(r.c, st, 4)
	return err
}

// redaction reads who erased a payload; nil where that is not known yet.
func (r *rowReader) redaction(key int64, id string) (found *archive.Redaction, err error) {
	err = exec(r.c, "SELECT sha256, reason, actor, at FROM redactions WHERE key = ?", func(st *sqlite.Stmt) error {
		found = &archive.Redaction{
			ID: id, SHA256: st.ColumnText(0), Reason: st.ColumnText(1), By: st.ColumnText(2), At: time.Unix(0, st.ColumnInt64(3)).UTC(),
		}
		return nil
	}, key)
	return found, err
}
