package sqlite

import (
	"context"
	"errors"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Append puts drafts into the file. The rows, all by which they are found, and the position are one transaction.
func (s *Store) Append(ctx context.Context, drafts []archive.Draft, at fedmsg.Position) (archive.Appended, error) {
	var done archive.Appended
	err := s.write(ctx, "put messages into the archive", func(c *sqlite.Conn) error {
		b, err := s.newBatch(c)
		if err != nil {
			return err
		}
		defer b.blocks.stop()
		words := wordAhead(drafts)
		defer words.stop()
		for i := range drafts {
			known, err := b.take(&drafts[i], words.next())
			if err != nil {
				return err
			}
			if known {
				done.Known++
			} else {
				done.Stored++
			}
		}
		if err := b.finish(); err != nil || at.IsZero() {
			return err
		}
		return exec(c, "INSERT INTO logs (log, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq", nil, string(at.Log), int64(at.Seq))
	})
	if err != nil {
		return archive.Appended{}, err
	}
	return done, nil
}

// Position gives how far the log is in the file.
func (s *Store) Position(ctx context.Context, log fedmsg.LogID) (p fedmsg.Position, err error) {
	err = s.read(ctx, "read how far the archive is", func(c *sqlite.Conn) error {
		seq, found, err := number(c, "SELECT seq FROM logs WHERE log = ?", string(log))
		if found {
			p = fedmsg.Position{Log: log, Seq: uint64(seq)}
		}
		return err
	})
	return p, err
}

// batch is the rows of one transaction.
type batch struct {
	c       *sqlite.Conn
	index   *changes
	blocks  *filler
	terms   map[archive.Term]*tally
	names   map[string]int64
	newest  int64           // the largest key of all rows
	given   map[int64]int64 // by time of receipt, the last key that was given for it
	scratch []int64
}

func (s *Store) newBatch(c *sqlite.Conn) (*batch, error) {
	b := &batch{
		c: c, index: newChanges(),
		terms: make(map[archive.Term]*tally), names: make(map[string]int64), given: make(map[int64]int64),
	}
	var err error
	if b.newest, _, err = number(c, "SELECT max(key) FROM messages"); err != nil {
		return nil, err
	}
	b.blocks, err = newFiller(c, s.codec)
	return b, err
}

// take puts a draft's row in, unless one has its id.
func (b *batch) take(d *archive.Draft, w wording) (known bool, err error) {
	e := &d.Entry
	if _, known, err = number(b.c, "SELECT key FROM messages WHERE id = ?", e.ID); known || err != nil {
		return known, err
	}
	key, err := b.key(e)
	if err != nil {
		return false, err
	}
	terms, err := b.postings(key, d.Terms)
	if err != nil {
		return false, err
	}
	var place, slot any
	if !e.Redacted {
		place, slot = b.blocks.add(block.Payload{Envelope: e.Envelope, Signatures: e.Signatures})
	}
	b.index.write(key, w.tokens)
	return false, b.insert(e, key, place, slot, terms, null(w.extra))
}

// postings gives a row its terms, and their numbers as messages.terms has them.
func (b *batch) postings(key int64, terms []archive.Term) ([]byte, error) {
	b.scratch = b.scratch[:0]
	for _, t := range terms {
		tally, err := b.term(t)
		if err != nil {
			return nil, err
		}
		b.index.add(key, tally)
		b.scratch = append(b.scratch, tally.term)
	}
	return appendNumbers(nil, b.scratch), nil
}

// insert writes the row.
func (b *batch) insert(e *fedmsg.Entry, key int64, place, slot any, terms []byte, extra any) error {
	topic, err := b.term(archive.Term{Kind: archive.KindTopic, Name: e.Topic})
	if err != nil {
		return err
	}
	var texts [5]any
	for i, text := range []string{string(e.Position.Log), e.Sender, e.Signer, string(e.Verdict), string(e.Origin.Log)} {
		if texts[i], err = b.name(text); err != nil {
			return err
		}
	}
	return exec(b.c, `INSERT INTO messages (key, id, nanos, log, seq, topic, sender, signer, verdict, origin_log, origin_seq, not_ijson, block, slot,
		terms, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, nil,
		key, e.ID, nanos(e.Received, key), texts[0], seq(e.Position), topic.term, texts[1], texts[2], texts[3], texts[4], seq(e.Origin),
		boolean(e.NotIJSON), place, slot, terms, extra)
}

// seq is a position's number, or NULL.
func seq(p fedmsg.Position) any {
	if p.Log == "" {
		return nil
	}
	return int64(p.Seq)
}

// nanos is what a time of receipt is behind the moment of its key. Keys lie before it only where it is before 1970.
func nanos(received time.Time, key int64) int64 {
	return (received.UnixMicro()-key)*1000 + int64(received.Nanosecond()%1000)
}

// term gives the tally of a term, which gets a number where it is new.
func (b *batch) term(t archive.Term) (*tally, error) {
	if t, found := b.terms[t]; found {
		return t, nil
	}
	n, found, err := termNumber(b.c, t)
	if err == nil && !found {
		n, err = inserted(b.c, "INSERT INTO terms (kind, name, count) VALUES (?, ?, 0)", int64(t.Kind), t.Name)
	}
	if err != nil {
		return nil, err
	}
	b.terms[t] = b.index.tally(t.Kind, n)
	return b.terms[t], nil
}

// name gives the number of a text, or NULL where there is none.
func (b *batch) name(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	if n, found := b.names[text]; found {
		return n, nil
	}
	n, found, err := number(b.c, "SELECT name FROM names WHERE text = ?", text)
	if err == nil && !found {
		n, err = inserted(b.c, "INSERT INTO names (text) VALUES (?)", text)
	}
	b.names[text] = n
	return n, err
}

// inserted gives the number of the row that a statement puts in.
func inserted(c *sqlite.Conn, statement string, args ...any) (int64, error) {
	err := exec(c, statement, nil, args...)
	return c.LastInsertRowID(), err
}

// key gives an entry its key: the first free one from its time of receipt on. Along a log times never decrease, so that keys grow.
func (b *batch) key(e *fedmsg.Entry) (int64, error) {
	wanted := max(int64(archive.KeyOf(e.Received)), 1)
	key := wanted
	if last, found := b.given[wanted]; found {
		key = last + 1
	}
	if key <= b.newest {
		var err error
		if key, err = free(b.c, key); err != nil {
			return 0, err
		}
	}
	b.given[wanted] = key
	b.newest = max(b.newest, key)
	return key, nil
}

// errGap ends a walk along the keys.
var errGap = errors.New("here is a gap")

// free gives the first key at or behind one that no row has.
func free(c *sqlite.Conn, key int64) (int64, error) {
	err := exec(c, "SELECT key FROM messages WHERE key >= ? ORDER BY key", func(st *sqlite.Stmt) error {
		if st.ColumnInt64(0) != key {
			return errGap
		}
		key++
		return nil
	}, key)
	if errors.Is(err, errGap) {
		err = nil
	}
	return key, err
}

// finish writes what is left of the transaction's rows.
func (b *batch) finish() error {
	if err := b.index.apply(b.c); err != nil {
		return err
	}
	return b.blocks.finish()
}
