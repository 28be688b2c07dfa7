package postgres

import (
	"errors"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// TestLostBlock: a row whose block is gone is damage, and not a row that never was; others are read as before.
func TestLostBlock(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	all := drafts(1, 64)
	appendAll(t, s, all)
	if _, err := s.writer.Exec(t.Context(), "DELETE FROM blocks WHERE block = (SELECT max(block) FROM blocks)"); err != nil {
		t.Fatal(err)
	}
	heads, err := s.Heads(t.Context(), archive.Window{From: 1, To: 1 << 60}, 100)
	if err != nil || len(heads) != 64 {
		t.Fatal(len(heads), err)
	}
	var keys []archive.Key
	for _, h := range heads {
		keys = append(keys, h.Key)
	}
	if rows, err := s.Rows(t.Context(), keys[:56]); err != nil || len(rows) != 56 {
		t.Errorf("of what is there %d rows are read, %v", len(rows), err)
	}
	for _, some := range [][]archive.Key{keys, keys[56:], keys[55:57]} {
		if rows, err := s.Rows(t.Context(), some); !errors.Is(err, block.ErrDamaged) {
			t.Errorf("without their block %d of %d rows are read, %v", len(rows), len(some), err)
		}
	}
	if _, found, err := s.ByID(t.Context(), all[63].Entry.ID); !errors.Is(err, block.ErrDamaged) {
		t.Errorf("without its block a message is found: %t, %v", found, err)
	}
}
