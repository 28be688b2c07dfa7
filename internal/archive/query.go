package archive

import (
	"context"
	"time"

	"github.com/federated-messaging/fedmsg"
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

	Since, Until time.Time // received at Since or later and before Until; zero has no bound
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

// MaxLimit is the largest page.
const MaxLimit = 1000

// Cursor says where a page ended, as text that is only handed back. It belongs to the order of the question that gave it.
type Cursor string

// Page is an answer.
type Page struct {
	Rows    []Row
	Next    Cursor // of the next page; empty where there is none. It is set also where Partial is and nothing was found yet
	Partial bool   // the deadline came first; Next goes on
}

// Searcher answers questions over a store. It may be used by many goroutines.
type Searcher struct {
	store Reader
}

// NewSearcher makes one.
func NewSearcher(s Reader) *Searcher { return &Searcher{store: s} }

// Search answers a question by the deadline of ctx. An error is that of a bad question (CodeUsage and the like) or of the store
// (CodeUnavailable); running out of time is neither.
func (s *Searcher) Search(ctx context.Context, q *Query) (Page, error) { panic("not built") }

// Each gives all rows of a question, page by page without its Limit, until yield says no; for exports and streams. A deadline ends
// it with an error.
func (s *Searcher) Each(ctx context.Context, q *Query, yield func(*Row) bool) error {
	panic("not built")
}

// Stats gives numbers of rows over time to a reader who may have the topics of scope. Topics and categories come from the rollups.
// So do users and packages for who may have everything; for others rows are counted, until ctx ends: partial is true then.
func (s *Searcher) Stats(ctx context.Context, q Series, scope []fedmsg.Pattern) (points []Point, partial bool, err error) {
	panic("not built")
}

// Count counts the rows of a question up to a bound, and says whether there are more.
func (s *Searcher) Count(ctx context.Context, q *Query, most int) (n int, more bool, err error) {
	panic("not built")
}
