package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Redact erases what a message said from the file and from what SQLite keeps beside it. Where it fails behind the erasing, as when
// another program is reading what was there before, it is to be called again.
func (s *Store) Redact(ctx context.Context, r archive.Redaction) (found bool, err error) {
	const what = "erase a message from the archive"
	err = s.write(ctx, what, func(c *sqlite.Conn) error {
		var row indexed
		if row, found, err = indexedByID(c, r.ID); err != nil || !found {
			return err
		}
		if row.block != 0 {
			if err := s.erase(c, &row); err != nil {
				return err
			}
		}
		return exec(c, "INSERT OR IGNORE INTO redactions (key, sha256, reason, actor, at) VALUES (?, ?, ?, ?, ?)",
			nil, row.key, r.SHA256, r.Reason, r.By, r.At.UnixNano())
	})
	if err != nil || !found {
		return false, err
	}
	return true, s.checkpoint(ctx, what)
}

// erase takes away the payload of a row, and all by which it is found but topic and category.
func (s *Store) erase(c *sqlite.Conn, row *indexed) error {
	b, err := packed(c, row.block)
	if err != nil {
		return err
	}
	var opened openBlock
	if err := opened.unpack(s.codec, &b); err != nil {
		return err
	}
	slots := opened.slots
	if row.slot >= int64(len(slots)) {
		return fmt.Errorf("%w: there is no slot %d in block %d", block.ErrDamaged, row.slot, row.block)
	}
	if err := unword(c, row.key, row.words(slots[row.slot].Envelope)); err != nil {
		return err
	}
	slots[row.slot] = block.Payload{}
	if err := s.rewrite(c, row.block, slots); err != nil {
		return err
	}
	index := newChanges()
	var kept []int64
	for _, term := range row.terms {
		kind, err := kindOf(c, term)
		if err != nil {
			return err
		}
		if kind == archive.KindTopic || kind == archive.KindCategory {
			kept = append(kept, term)
		} else {
			index.remove(row.key, index.tally(kind, term))
		}
	}
	if err := exec(c, `UPDATE messages SET sender = NULL, signer = NULL, verdict = NULL, origin_log = NULL, origin_seq = NULL, not_ijson = 0,
		block = NULL, slot = NULL, terms = ?, extra = NULL WHERE key = ?`, nil, appendNumbers(nil, kept), row.key); err != nil {
		return err
	}
	if err := index.apply(c); err != nil {
		return err
	}
	return scrub(c)
}

// rewrite writes a block anew.
func (s *Store) rewrite(c *sqlite.Conn, number int64, slots []block.Payload) error {
	var data []byte
	for _, p := range slots {
		data = block.Append(data, p)
	}
	return exec(c, "UPDATE blocks SET size = ?, data = ? WHERE block = ?", nil, int64(len(data)), s.codec.Pack(data), number)
}

// checkpoint moves what was written into the file itself and empties the write-ahead log, in which what was erased may still stand.
func (s *Store) checkpoint(ctx context.Context, what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writer == nil {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "cannot %s: it was closed", what)
	}
	if s.copies.Load() > 0 { // SQLite would wait in vain, and who writes with it
		return fedmsg.WrapError(fedmsg.CodeUnavailable, archive.ErrInUse, "cannot %s: a copy of the archive is being made, for which the file keeps what was there; try again when that is done", what)
	}
	s.writer.SetInterrupt(ctx.Done())
	defer s.writer.SetInterrupt(nil)
	err := s.untilFree(ctx, func() error {
		busy, _, err := number(s.writer, "PRAGMA wal_checkpoint(TRUNCATE)")
		if err == nil && busy != 0 {
			err = sqlite.ResultBusy.ToError()
		}
		return err
	})
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, fmt.Errorf("%s: %w: %w", s.file, archive.ErrInUse, err),
			"cannot %s to the end: nobody finds it any more, but its bytes stay in a file for as long as another program reads there, as `fedmsg backup` does; it goes on by itself", what)
	}
	return s.fault(ctx, what, err)
}
