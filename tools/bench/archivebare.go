package main

import (
	"context"
	"encoding/binary"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	sqlitedb "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// bareSQLite fills the tables of an archive one row after the other, by prepared statements and with the settings that the store
// has. It does all that a row needs, and nothing to do it faster but that a transaction has as many messages as one of the store.
type bareSQLite struct {
	c       *sqlitedb.Conn
	encoder *zstd.Encoder
	terms   map[archive.Term]int64
	names   map[string]int64
	block   []byte // of payloads
	blocks  int64  // number of block
	slots   int64
}

// bareSlots is how many payloads a block has, as in the store.
const bareSlots = 16

func (k sqliteKind) bare(ctx context.Context, b *bench, name string) (bareArchive, error) {
	store, err := k.open(ctx, b, name) // makes the tables
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		return nil, err
	}
	s := &bareSQLite{terms: make(map[archive.Term]int64), names: make(map[string]int64), blocks: 1}
	if s.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	if s.c, err = sqlitedb.OpenConn(sqliteFile(b, name), sqlitedb.OpenReadWrite); err != nil {
		return nil, err
	}
	for _, setting := range []string{"synchronous = full", "secure_delete = on", "cache_size = -65536", "temp_store = memory",
		"wal_autocheckpoint = 20000", "journal_size_limit = 134217728"} {
		if err := sqlitex.ExecuteTransient(s.c, "PRAGMA "+setting, nil); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *bareSQLite) close() error { return s.c.Close() }

func (s *bareSQLite) run(statement string, args ...any) error {
	return sqlitex.Execute(s.c, statement, &sqlitex.ExecOptions{Args: args})
}

func (s *bareSQLite) append(_ context.Context, _ int, drafts []archive.Draft) (err error) {
	end, err := sqlitex.ImmediateTransaction(s.c)
	if err != nil {
		return err
	}
	defer end(&err)
	for i := range drafts {
		if err := s.row(&drafts[i]); err != nil {
			return err
		}
	}
	at := drafts[len(drafts)-1].Entry.Position
	return s.run("INSERT INTO logs (log, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq", string(at.Log), int64(at.Seq))
}

func (s *bareSQLite) row(d *archive.Draft) error {
	e, key := &d.Entry, int64(archive.KeyOf(d.Entry.Received))
	var numbers []byte
	for _, t := range d.Terms {
		n, err := s.term(key, t)
		if err != nil {
			return err
		}
		numbers = binary.AppendVarint(numbers, n)
	}
	if err := s.payload(e); err != nil {
		return err
	}
	var names [4]int64
	for i, text := range []string{string(e.Position.Log), e.Sender, e.Signer, string(e.Verdict)} {
		var err error
		if names[i], err = s.name(text); err != nil {
			return err
		}
	}
	if err := s.run(`INSERT INTO messages (key, id, nanos, log, seq, topic, sender, signer, verdict, not_ijson, block, slot, terms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`, key, e.ID, int64(e.Received.Nanosecond()%1000), names[0], int64(e.Position.Seq),
		s.terms[archive.Term{Kind: archive.KindTopic, Name: e.Topic}], names[1], names[2], names[3], s.blocks, s.slots-1, numbers); err != nil {
		return err
	}
	return s.run("INSERT INTO text (rowid, words) VALUES (?, ?)", key, strings.Join(d.Words, " "))
}

// term gives a row a term, and counts that.
func (s *bareSQLite) term(key int64, t archive.Term) (n int64, err error) {
	if t.Kind == archive.KindBoth {
		for _, c := range []byte(t.Name) { // any hash will do here
			n = (n*16777619 ^ int64(c)) & (1<<62 - 1)
		}
		return -1 - n, s.run("INSERT OR IGNORE INTO postings (term, key) VALUES (?, ?)", -1-n, key)
	}
	n, known := s.terms[t]
	if !known {
		if err := s.run("INSERT INTO terms (kind, name, count) VALUES (?, ?, 0)", int64(t.Kind), t.Name); err != nil {
			return 0, err
		}
		n = s.c.LastInsertRowID()
		s.terms[t] = n
	}
	if err := s.run("INSERT INTO postings (term, key) VALUES (?, ?)", n, key); err != nil {
		return 0, err
	}
	if err := s.run("UPDATE terms SET count = count + 1 WHERE term = ?", n); err != nil {
		return 0, err
	}
	hour := key / time.Hour.Microseconds()
	if err := s.run("INSERT INTO hours (kind, hour, term, count) VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1", int64(t.Kind), hour, n); err != nil {
		return 0, err
	}
	return n, s.run("INSERT INTO days (kind, day, term, count) VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1", int64(t.Kind), hour/24, n)
}

func (s *bareSQLite) name(text string) (int64, error) {
	n, known := s.names[text]
	if known {
		return n, nil
	}
	err := s.run("INSERT INTO names (text) VALUES (?)", text)
	n = s.c.LastInsertRowID()
	s.names[text] = n
	return n, err
}

// payload adds to the block, which is written when it is full. The last block of a round stays in memory.
func (s *bareSQLite) payload(e *fedmsg.Entry) error {
	if s.slots == bareSlots {
		if err := s.run("INSERT INTO blocks (block, slots, size, data) VALUES (?, ?, ?, ?)", s.blocks, s.slots, int64(len(s.block)), s.encoder.EncodeAll(s.block, nil)); err != nil {
			return err
		}
		s.block, s.blocks, s.slots = s.block[:0], s.blocks+1, 0
	}
	s.block = append(binary.AppendUvarint(s.block, uint64(len(e.Envelope))), e.Envelope...)
	s.block = append(binary.AppendUvarint(s.block, uint64(len(e.Signatures))), e.Signatures...)
	s.slots++
	return nil
}
