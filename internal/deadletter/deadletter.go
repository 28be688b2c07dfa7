// Package deadletter keeps what could not be delivered, or was brought and could not be taken, until a person has looked at it.
//
// It promises that a letter which Add has returned is on disk, that letters are bounded in number and bytes and never dropped
// to make room, and that each has all that is needed to try it again when the log has long forgotten the message.
package deadletter

import (
	"encoding/json"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Letter is one message that was given up. As JSON it is what GET /v1/dead shows.
type Letter struct {
	Number   uint64      `json:"number"` // names it within its store; set by Add
	Of       string      `json:"of"`     // the name of the sink or source
	Kind     string      `json:"kind"`   // KindSink or KindSource
	Time     time.Time   `json:"time"`   // when it was given up; UTC
	Code     fedmsg.Code `json:"code"`
	Reason   string      `json:"reason"`             // a sentence
	Attempts int         `json:"attempts,omitempty"` // how often it was tried

	Topic string        `json:"topic"`
	ID    string        `json:"id,omitempty"`
	Entry *fedmsg.Entry `json:"entry,omitempty"` // of a sink: what was to be delivered

	// Of a source: what came, as far as it could be read.

	Headers    json.RawMessage `json:"headers,omitempty"`
	Body       []byte          `json:"body,omitempty"` // in base64
	Envelope   []byte          `json:"envelope,omitempty"`
	Signatures json.RawMessage `json:"signatures,omitempty"`
	Origin     fedmsg.Position `json:"origin,omitzero"`
}

// The kinds of letters.
const (
	KindSink   = "sink"
	KindSource = "source"
)

// Store is the dead letters of one sink or source. It is safe for concurrent use.
type Store struct{}

// Limits bounds a store; zero fields stand for 10,000 letters and 256 MiB.
type Limits struct {
	Letters int
	Bytes   int64
}

// ErrFull tells that the store has no room; the letter is not in it.
var ErrFull = fedmsg.Errorf(fedmsg.CodeStorageFull, "the dead letters are at their limit; look at them with `fedmsg dead list`, and retry or drop them")

// Open reads the directory, or makes it.
func Open(dir string, limits Limits) (*Store, error) { panic("not built") }

// Add keeps a letter durably and gives its number.
func (s *Store) Add(l Letter) (uint64, error) { panic("not built") }

// List gives the letters from the oldest, without their contents (Entry, Headers, Body, Envelope), at most limit behind number after.
func (s *Store) List(after uint64, limit int) ([]Letter, error) { panic("not built") }

// Get gives a letter with its contents, or an error with CodeNotFound.
func (s *Store) Get(number uint64) (Letter, error) { panic("not built") }

// Put writes a letter again under its number, after another failed attempt.
func (s *Store) Put(l Letter) error { panic("not built") }

// Remove drops a letter.
func (s *Store) Remove(number uint64) error { panic("not built") }

// Of finds the letter of the entry with this position, for asking what became of it.
func (s *Store) Of(p fedmsg.Position) (Letter, bool) { panic("not built") }

// Len is how many letters there are. It is cheap.
func (s *Store) Len() int { panic("not built") }
