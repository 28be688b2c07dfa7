package archive

import (
	"time"

	"github.com/federated-messaging/fedmsg/internal/filter"
)

// Query is a question. All its parts must hold; of the values of one part one is enough.
type Query struct {
	Filter     filter.Filter // topics, prefixes, senders, signers, where, and the reader's scope
	Categories []string
	Users      []string
	Packages   []string
	Severities []string
	IDs        []string
	Text       string // all words of it, anywhere in a message
	Not        Not

	Since, Until time.Time // keys at Since or later and before Until; zero has no bound
	Oldest       bool      // oldest first; otherwise newest first
	After        Cursor    // where the page before ended; zero begins
	Limit        int       // rows of a page, 1 to MaxLimit
}

// Not is what no row may have.
type Not struct {
	Filter     filter.Filter // its topics and prefixes only
	Categories []string
	Users      []string
	Packages   []string
}

const (
	// MaxLimit is the largest page.
	MaxLimit = 1000
	// MaxPageBytes bounds the envelopes and signatures of a page, but for its last row: a page of more ends early.
	MaxPageBytes = 16 << 20
)

// Cursor says where a page ended, as text that is only handed back. It belongs to the order of the question that gave it.
type Cursor string

// Page is an answer.
type Page struct {
	Rows    []Row
	Next    Cursor // of the next page, which may be empty; empty where there is none. It is set also where Partial is
	Partial bool   // the deadline came first; Next goes on
}
