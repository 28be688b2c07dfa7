package commitlog

import (
	"context"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
)

var errStub = errors.New("not built yet")

// Log is an open log.
type Log struct{}

// Open opens the log in dir, which it makes if needed.
func Open(dir string, o Options) (*Log, error) { return nil, errStub }

// Submit fixes the order of the records in the log and returns a ticket for their outcomes.
func (l *Log) Submit(ctx context.Context, records ...fedmsg.Record) (fedmsg.Ticket, error) {
	return nil, errStub
}

// Find looks for a durable entry by its id.
func (l *Log) Find(id string) (fedmsg.Entry, bool, error) { return fedmsg.Entry{}, false, errStub }

// Get reads one entry.
func (l *Log) Get(seq uint64) (fedmsg.Entry, error) { return fedmsg.Entry{}, errStub }

// Reader gives the entries behind after.
func (l *Log) Reader(after uint64) *Reader { return nil }

// Reader walks along the log.
type Reader struct{}

// Next gives the next entry, or io.EOF at the durable end, or a *fedmsg.Gap.
func (r *Reader) Next() (*fedmsg.Entry, error) { return nil, errStub }

// Close frees the reader.
func (r *Reader) Close() error { return nil }

// SeekTime gives the position before the first entry received at or after t.
func (l *Log) SeekTime(t time.Time) (after uint64, err error) { return 0, errStub }

// Resolve says where to read on for a reader that stands at p, and what it misses.
func (l *Log) Resolve(p fedmsg.Position) (after uint64, gap *fedmsg.Gap) { return 0, nil }

// Info describes a log.
type Info struct {
	ID       fedmsg.LogID
	First    uint64    // of the oldest entry still there; Last+1 when there is none
	Last     uint64    // of the newest durable entry; 0 before the first
	Bytes    int64     // of segments and indexes
	Oldest   time.Time // when the oldest entry was received; zero when there is none
	Newest   time.Time
	Segments int
	Lineage  []Ancestor // oldest first
}

// Ancestor is a log that this one went on from.
type Ancestor struct {
	ID   fedmsg.LogID `json:"id"`
	Last uint64       `json:"last"` // positions of the ancestor up to here are valid in this log
}

// Info describes the log as it is now.
func (l *Log) Info() Info { return Info{} }

// Level says how bad a Status is.
type Level uint8

// The levels.
const (
	OK Level = iota
	Warning
	Failed
)

// Status is one aspect of the log's health.
type Status struct {
	Name  string // a constant word: "write", "clock", "damage", "retention", "position"
	Level Level
	Text  string // a sentence for the operator
}

// Health gives every aspect, also those that are OK.
func (l *Log) Health() []Status { return nil }

// Err is nil while the log takes records, else the error that Submit would give.
func (l *Log) Err() error { return nil }

// Close writes what is queued, answers it and closes the log.
func (l *Log) Close() error { return nil }

// Adopt gives the log in dir, which must not be open, a new id and records the old one as its ancestor.
func Adopt(dir string, o Options) (Info, error) { return Info{}, errStub }

// Finding is something wrong in a log.
type Finding struct {
	Kind     FindingKind
	Segment  string // the file's name
	Offset   int64
	From, To uint64 // the sequence numbers concerned
	Text     string // a sentence for the operator
}

// FindingKind says what is wrong.
type FindingKind string

// Summary is what Check counted.
type Summary struct {
	Info
	Entries  uint64
	Findings int
}

// Check reads the whole log in dir without changing it and reports everything wrong in it.
func Check(dir string, report func(Finding)) (Summary, error) { return Summary{}, errStub }
