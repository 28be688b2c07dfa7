package trust

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Store holds what is trusted. It is safe for concurrent use and has nothing to close.
type Store struct {
	c   Config
	own *root // what the node's own keys stand for

	now     atomic.Pointer[snapshot]
	holders atomic.Pointer[holders] // of some snapshot; made anew when it is of another
	looked  atomic.Int64            // when the files were looked at last, in nanoseconds of the clock

	mu sync.Mutex // held by the one who looks at the files
}

// Open reads everything that the configuration names. All faults are told at once, each with the root's name and the file.
func Open(c Config) (*Store, error) {
	if c.Every == 0 {
		c.Every = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{c: c, own: newOwn(c.OwnName, c.OwnTopics)}
	s.looked.Store(c.Now().UnixNano())
	n := s.read(nil)
	if len(n.faults) > 0 {
		return nil, errors.Join(n.faults...)
	}
	s.now.Store(n)
	return s, nil
}

// Verify judges an envelope by its embedded and its detached signatures, as of a time, and writes signer and verdict into r,
// of which it reads Envelope, Topic and Signatures. An envelope without any signature is no error: its verdict is
// VerdictUnsigned. On an error r.Signer is the signer so far as known, for the log and people, and the verdict is empty.
// r.Topic is the topic as it was said outside the signed bytes; one that is unlike the envelope's is CodeWrongTopic.
func (s *Store) Verify(r *fedmsg.Record, e *wire.Envelope, at time.Time) error {
	n := s.current()
	j := judgement{snapshot: n, holders: s.bareKeys(n), e: e, at: at, archived: s.c.Archived}
	f := j.judge(r)
	r.Signer, r.Verdict = f.signer, f.verdict
	if f.err != nil {
		r.Verdict = fedmsg.VerdictNone
		return f.err
	}
	return nil
}

// bareKeys gives the bare keys that are trusted now.
func (s *Store) bareKeys(n *snapshot) *holders {
	var own []keys.Public
	if s.c.Own != nil {
		own = s.c.Own()
	}
	h := s.holders.Load()
	if !h.holds(n, own) {
		h = newHolders(n, s.own, own)
		s.holders.Store(h)
	}
	return h
}
