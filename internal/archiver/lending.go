package archiver

import (
	"context"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// lending is the store as those who search use it: it comes and goes, and it is closed only when nobody is in it. All methods may be
// called by any goroutine. The zero value has no store.
type lending struct {
	mu   sync.Mutex
	lent *lent // nil without a store; guarded by mu
	why  error // why there is none; guarded by mu
}

type lent struct {
	store archive.Store
	users sync.WaitGroup // added to under lending.mu, while it is lent
}

var _ archive.Reader = (*lending)(nil)

// open lends a store.
func (l *lending) open(s archive.Store) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent, l.why = &lent{store: s}, nil
}

// close takes the store back because of why, waits for those who are in it, and closes it. Without a store it notes the reason only.
func (l *lending) close(why error) error {
	l.mu.Lock()
	was := l.lent
	l.lent, l.why = nil, why
	l.mu.Unlock()
	if was == nil {
		return nil
	}
	was.users.Wait()
	return was.store.Close()
}

// usable gives nil or why there is no store.
func (l *lending) usable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unusable()
}

// unusable says why there is no store, to whoever asks for one. The caller holds mu.
func (l *lending) unusable() error {
	switch {
	case l.lent != nil:
		return nil
	case l.why == nil:
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the archive is being opened; ask again in a moment")
	}
	_, text := fedmsg.Public(l.why)
	return fedmsg.WrapError(fedmsg.CodeUnavailable, l.why, "the archive cannot be used, and is tried again: %s", text)
}

// use has f use the store.
func (l *lending) use(f func(archive.Store) error) error {
	l.mu.Lock()
	if err := l.unusable(); err != nil {
		l.mu.Unlock()
		return err
	}
	s := l.lent
	s.users.Add(1)
	l.mu.Unlock()
	defer s.users.Done()
	return f(s.store)
}

// borrow has f use the store, and gives what f gives.
func borrow[T any](l *lending, f func(archive.Store) (T, error)) (out T, err error) {
	err = l.use(func(s archive.Store) error {
		out, err = f(s)
		return err
	})
	return out, err
}

// Keys gives the keys of the rows that have the term.
func (l *lending) Keys(ctx context.Context, term archive.Term, w archive.Window, most int) ([]archive.Key, error) {
	return borrow(l, func(s archive.Store) ([]archive.Key, error) { return s.Keys(ctx, term, w, most) })
}

// Words gives the keys of rows that have all the words.
func (l *lending) Words(ctx context.Context, words []string, w archive.Window, most int) ([]archive.Key, error) {
	return borrow(l, func(s archive.Store) ([]archive.Key, error) { return s.Words(ctx, words, w, most) })
}

// Heads gives all rows.
func (l *lending) Heads(ctx context.Context, w archive.Window, most int) ([]archive.Head, error) {
	return borrow(l, func(s archive.Store) ([]archive.Head, error) { return s.Heads(ctx, w, most) })
}

// Among gives those of the keys whose rows have the term.
func (l *lending) Among(ctx context.Context, term archive.Term, keys []archive.Key) ([]archive.Key, error) {
	return borrow(l, func(s archive.Store) ([]archive.Key, error) { return s.Among(ctx, term, keys) })
}

// Rows gives the rows of keys.
func (l *lending) Rows(ctx context.Context, keys []archive.Key) ([]archive.Row, error) {
	return borrow(l, func(s archive.Store) ([]archive.Row, error) { return s.Rows(ctx, keys) })
}

// ByID gives the row of the message, or false.
func (l *lending) ByID(ctx context.Context, id string) (row archive.Row, ok bool, err error) {
	err = l.use(func(s archive.Store) error {
		row, ok, err = s.ByID(ctx, id)
		return err
	})
	return row, ok, err
}

// Counts gives about how many rows have each of the terms.
func (l *lending) Counts(ctx context.Context, terms []archive.Term) ([]int64, error) {
	return borrow(l, func(s archive.Store) ([]int64, error) { return s.Counts(ctx, terms) })
}

// Topics gives all topics and about how many rows each has.
func (l *lending) Topics(ctx context.Context) (*archive.Topics, error) {
	return borrow(l, func(s archive.Store) (*archive.Topics, error) { return s.Topics(ctx) })
}

// Series gives numbers of rows over time.
func (l *lending) Series(ctx context.Context, q archive.Series) ([]archive.Point, error) {
	return borrow(l, func(s archive.Store) ([]archive.Point, error) { return s.Series(ctx, q) })
}

// Extent tells what the store holds.
func (l *lending) Extent(ctx context.Context) (archive.Extent, error) {
	return borrow(l, func(s archive.Store) (archive.Extent, error) { return s.Extent(ctx) })
}
