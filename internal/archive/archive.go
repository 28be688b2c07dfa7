// Package archive is the searchable history: what it keeps, what can be asked of it, and how an answer is found.
//
// It promises that every store gives the same answer to the same question: a store only finds rows that may be wanted, and this
// package decides, by the row's own bytes, which are; that a page's cursor goes on where the page ended, whatever arrives
// meanwhile; that a question ends by its deadline with what was found so far and a cursor to go on from; and that nobody is given
// a row outside their scope. It does not know SQL, and it never changes an envelope.
package archive

import (
	"context"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Key is where a row stands in time, and its name in a store: microseconds since 1970 of its receipt, raised by one until no other
// row has it. Along one log keys grow as numbers do. Zero is before every row: what is older than 1970 begins at one.
type Key int64

// KeyOf is the first key of a moment.
func KeyOf(t time.Time) Key { return Key(t.UnixMicro()) }

// Time is the moment of a key.
func (k Key) Time() time.Time { return time.UnixMicro(int64(k)).UTC() }

// Row is an entry as the archive keeps it.
type Row struct {
	Key       Key
	Entry     fedmsg.Entry // its Position is zero where it was imported; Redacted where its payload was erased; Made is not kept
	Redaction *Redaction   // who erased it and why; nil otherwise
}

// Redaction tells of a message whose payload was erased.
type Redaction struct {
	ID     string    `json:"id"`     // of the erased message
	SHA256 string    `json:"sha256"` // of its envelope, in hex
	Reason string    `json:"reason"`
	By     string    `json:"by"` // who asked for it, as authenticated
	At     time.Time `json:"at"`
}

// Kind is what a term is about.
type Kind uint8

// The kinds of terms. Their numbers are in files: they are never changed.
const (
	KindTopic    Kind = 1
	KindCategory Kind = 2
	KindUser     Kind = 3
	KindPackage  Kind = 4
	KindSender   Kind = 5 // KIND:NAME, and KIND alone
	KindSigner   Kind = 6 // ROOT/NAME, and ROOT alone
	KindSeverity Kind = 7
	KindBoth     Kind = 8 // a user and a package of one message, with a NUL between: so that asking for both is quick
)

// Term is something exact by which rows are found.
type Term struct {
	Kind Kind
	Name string
}

// Draft is an entry on its way into a store, with all by which it is found. Received decides its key. An entry that is Redacted
// becomes a row without a payload; who erased it is known once Redact is called.
type Draft struct {
	Entry fedmsg.Entry
	Terms []Term   // each once; exactly one KindTopic
	Words []string // each once
}

// Window is a piece of time and a direction through it: keys k with From <= k < To.
type Window struct {
	From, To Key
	Newest   bool // newest first
}

// Head is what a store can say of a row without reading its payload.
type Head struct {
	Key   Key
	Topic string
}

// Finder finds rows that may be wanted, in the order of the window. What it gives holds for as long as rows are only added: a
// caller goes on behind the last key that it was given. It gives fewer keys than most only where the window has no more.
type Finder interface {
	// Keys gives the keys of the rows that have the term.
	Keys(ctx context.Context, term Term, w Window, most int) ([]Key, error)
	// Words gives the keys of rows that have all the words, and possibly of a few that have not.
	Words(ctx context.Context, words []string, w Window, most int) ([]Key, error)
	// Heads gives all rows.
	Heads(ctx context.Context, w Window, most int) ([]Head, error)
}

// Loader gets rows.
type Loader interface {
	// Among gives those of the keys whose rows have the term, in their order.
	Among(ctx context.Context, term Term, keys []Key) ([]Key, error)
	// Rows gives the rows of keys, in their order; of keys that no row has it gives none.
	Rows(ctx context.Context, keys []Key) ([]Row, error)
	// ByID gives the row of the message, or false.
	ByID(ctx context.Context, id string) (Row, bool, error)
}

// Statistician knows how many.
type Statistician interface {
	// Counts gives about how many rows have each of the terms: the rows that were written, in all time.
	Counts(ctx context.Context, terms []Term) ([]int64, error)
	// Topics gives every topic that a row has, and about how many rows have it. No topic may be missing that was there before the
	// call, because its rows would then be missing from an answer. It is asked for each question with a pattern or a narrow scope:
	// a store keeps it, and looks only for what is new.
	Topics(ctx context.Context) (*Topics, error)
	// Series gives the numbers of rows by term of a kind and by time, in the order of time and then of names, from the rollups:
	// exactly the rows whose keys lie in the bucket and that have the term now. Those without a row are left out. Every kind
	// can be asked for but KindBoth.
	Series(ctx context.Context, q Series) ([]Point, error)
	// Extent tells what the store holds.
	Extent(ctx context.Context) (Extent, error)
}

// Series asks for numbers of rows over time.
type Series struct {
	By         Kind
	From, To   time.Time // whole buckets that touch it; zero has no bound
	Bucket     Bucket
	Names      []string // only these; empty is all
	MostPoints int      // more is CodeTooLarge
}

// Bucket is the length of time that one number is for.
type Bucket uint8

// The buckets. Days begin at midnight UTC.
const (
	Hour Bucket = iota + 1
	Day
)

// Point is one number of a series.
type Point struct {
	At    time.Time `json:"at"`
	Name  string    `json:"name"`
	Count int64     `json:"count"`
}

// Extent is what a store holds.
type Extent struct {
	Rows           int64 // approximate where counting would take long
	Oldest, Newest Key
	Bytes          int64 // on disk
}

// ErrInUse is in what Writer.Redact fails with where bytes of what it erased have to stay in a file for a while.
var ErrInUse = errors.New("what was there is still in use")

// Writer puts rows into a store. One goroutine writes at a time.
type Writer interface {
	// Append puts the drafts and the position behind them into the store in one transaction, durable when it returns. A draft whose
	// id a row has is left out and counted. The position is that behind the last entry of the log that the drafts come from,
	// also of those that were left out; a zero one is not saved, as for what is imported.
	Append(ctx context.Context, drafts []Draft, at fedmsg.Position) (Appended, error)
	// Position gives how far the log is in the store; zero where nothing of it is.
	Position(ctx context.Context, log fedmsg.LogID) (fedmsg.Position, error)
	// Redact erases a row's payload, its words and all terms but topic and category, so that no file holds the bytes when it
	// returns. Of the entry its position, time, id and topic stay; all else becomes zero, and Redacted true. It is true where there
	// is such a row. Erasing twice is no error, and what was said first stays. Where somebody else still needs what was there, as who
	// copies the file, it fails with ErrInUse: nobody is given the payload any more, the store can be used, and Redact is to be called
	// again until the bytes are gone too.
	Redact(ctx context.Context, r Redaction) (bool, error)
	// Reindex writes terms, words and rollups of the rows behind a key anew, at most so many, and gives the last key it did; 0 when
	// none was left. derive is DraftOf.
	Reindex(ctx context.Context, behind Key, most int, derive func(*fedmsg.Entry) Draft) (Key, error)
}

// Appended tells what became of drafts.
type Appended struct {
	Stored, Known int // Known were in the store already
}

// Reader is what answers questions about a store. Its methods may be called by many goroutines, and do not wait for a Writer. Where
// ctx ends they end soon, with an error in which that of ctx is. They keep nothing of what they are given and do not change it.
type Reader interface {
	Finder
	Loader
	Statistician
}

// Store is a place that keeps the history: package sqlite, package postgres. Its methods may be called by many goroutines, but for
// those of Writer.
type Store interface {
	Reader
	Writer
	// Close frees it. Nobody uses it any more.
	Close() error
}
