// Package seqid keeps count of the numbers (seq_id) that a node gives to the messages it makes, for clients of the old replay
// protocol. The numbers stand in the envelopes and nowhere else: the log is the truth, and the file that this package keeps
// only spares it long ways.
//
// It promises that the next number is the one behind the last that stands in the log, however the node ended; and that a
// number is never given twice, also where the log was emptied by retention, damaged, restored from a copy or begun anew: where
// it cannot be known how many numbers were given, more are passed over than can have been. Only entries that this node made, or
// numbered before it signed them, have numbers here: what others write into their envelopes counts for nothing.
package seqid

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Reader reads the log from a place on. *commitlog.Reader is one.
type Reader interface {
	// Next gives the next entry, io.EOF at the end, or a *fedmsg.Gap for entries that cannot be given, behind which it goes on.
	Next() (*fedmsg.Entry, error)
	// Close frees it.
	Close() error
}

// Log is what a Book must know of the log.
type Log struct {
	ID fedmsg.LogID
	// Bounds gives the numbers of the oldest and the newest entry in the log; the oldest is behind the newest where there is none.
	Bounds func() (first, last uint64)
	// Open gives a reader that stands behind an entry.
	Open func(after uint64) Reader
}

// Config says what a [Book] needs.
type Config struct {
	Path   string // of its file
	Log    Log
	FS     durable.FS    // nil means the operating system's
	Every  time.Duration // how often Run looks whether the file is to be written; 0 means 10 s
	Logger *slog.Logger  // nil discards
}

// Book knows which numbers were given. It is safe for concurrent use.
type Book struct {
	c    Config
	next uint64 // never changed

	saving sync.Mutex
	saved  mark // what the file says, for this log; guarded by saving

	mu     sync.Mutex
	probes map[uint64]probe // guarded by mu; see Find
}

// passed is how many numbers are passed over where the log is not the one that the file knows: it was begun anew, or restored
// from a copy. So many messages may have been made since the copy was.
const passed = 100_000_000

// Open finds out which numbers were given. It reads the log behind what the file knows, from its end on and seldom far.
func Open(c Config) (*Book, error) {
	if c.FS == nil {
		c.FS = durable.OS{}
	}
	if c.Every == 0 {
		c.Every = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Book{c: c, probes: map[uint64]probe{}}
	known, err := readMark(c.FS, c.Path)
	if err != nil {
		return nil, err
	}
	b.saved = known
	_, last := c.Log.Bounds()
	if known != (mark{}) && (known.Log != c.Log.ID || known.Seq > last) {
		c.Logger.Warn("the log is not the one whose messages were numbered; numbers are passed over", "file", c.Path, "last", known.Last, "passed", passed)
		b.saved = mark{Last: known.Last + passed}
	}
	if err := b.Save(); err != nil {
		return nil, err
	}
	b.next = b.saved.Last + 1
	return b, nil
}

// Next is the number of the first message that is made after Open.
func (b *Book) Next() uint64 { return b.next }

// Run writes the file now and then, until ctx ends, and then once more.
func (b *Book) Run(ctx context.Context) error {
	tick := time.NewTicker(b.c.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		if err := b.Save(); err != nil {
			b.c.Logger.Warn("could not save up to where messages are numbered; it is tried again", "err", err)
		}
	}
	return nil
}

// Save writes into the file what the log holds now, unless the file says so already.
func (b *Book) Save() error {
	b.saving.Lock()
	defer b.saving.Unlock()
	m, err := b.end()
	if err != nil || m == b.saved {
		return err
	}
	if err := m.write(b.c.FS, b.c.Path); err != nil {
		return err
	}
	b.saved = m
	return nil
}

// Of is the number of an entry, or 0 where this node gave it none.
func Of(e *fedmsg.Entry) uint64 {
	if !e.Made || !e.Origin.IsZero() {
		return 0
	}
	n, _ := wire.SeqID(e.Envelope)
	return n
}

// The blocks in which the log is read backwards, in entries: most often the first has a number.
const (
	firstBlock = 64
	maxBlock   = 8192
)

// end finds the last number, from the end of the log backwards to where the file knows it. The caller holds saving.
func (b *Book) end() (mark, error) {
	first, last := b.c.Log.Bounds()
	m := mark{Log: b.c.Log.ID, Seq: last}
	lost, gone, floor := uint64(0), uint64(0), b.saved.Seq
	for hi, block := last, uint64(firstBlock); hi > floor; block = min(4*block, maxBlock) {
		lo := hi - min(block, hi-floor)
		if lo+1 < first && floor < first { // retention has removed the rest, and each may have had a number
			gone = first - 1 - floor
			lo, floor = first-1, first-1
		}
		n, behind, err := b.block(lo, hi)
		if err != nil {
			return mark{}, err
		}
		lost += behind
		if n != 0 {
			// Numbers grow along the log, but for those that were passed over since.
			m.Last = max(n+lost, b.saved.Last)
			return m, nil
		}
		hi = lo
	}
	m.Last = b.saved.Last + lost + gone
	return m, nil
}

// block gives the last number behind the entry lo and up to hi, 0 where there is none, and how many entries behind that one
// cannot be read, or had their number erased.
func (b *Book) block(lo, hi uint64) (n, lost uint64, err error) {
	err = b.read(lo, hi, func(e *fedmsg.Entry, missing uint64) bool {
		lost += missing
		if e != nil {
			if e.Redacted && e.Made {
				lost++ // its number was erased with it
			} else if number := Of(e); number != 0 {
				n, lost = number, 0
			}
		}
		return true
	})
	return n, lost, err
}

// read calls each for every entry behind lo and up to hi, or with the number of those that cannot be given, until it returns
// false.
func (b *Book) read(lo, hi uint64, each func(e *fedmsg.Entry, missing uint64) bool) (err error) {
	if lo >= hi {
		return nil
	}
	r := b.c.Log.Open(lo)
	defer r.Close() //nolint:errcheck // nothing was written
	for at := lo; at < hi; {
		e, err := r.Next()
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			to := min(gap.To.Seq, hi)
			more := each(nil, to-min(at, to))
			if at = max(at, to); !more {
				return nil
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fedmsg.WrapError(fedmsg.CodeOf(err), err, "cannot read the log at entry %d for the numbers of its messages", at+1)
		}
		if at = e.Position.Seq; at > hi || !each(e, 0) {
			return nil
		}
	}
	return nil
}
