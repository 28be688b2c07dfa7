package archivetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// memory is a store that looks at every row. Its rows stand in the order of their keys.
type memory struct {
	mu        sync.RWMutex
	rows      []*stored                        // guarded by mu
	keys      map[string]archive.Key           // of rows by their ids; guarded by mu
	positions map[fedmsg.LogID]fedmsg.Position // guarded by mu
}

// stored is a row that is never changed, with all by which it is found.
type stored struct {
	archive.Row
	terms []archive.Term
	words []string
}

// NewMemory is the store in memory.
func NewMemory() archive.Store {
	return &memory{keys: make(map[string]archive.Key), positions: make(map[fedmsg.LogID]fedmsg.Position)}
}

var _ archive.Store = (*memory)(nil)

// Close does nothing.
func (m *memory) Close() error { return nil }

// find gives the keys of rows in the order of the window.
func (m *memory) find(w archive.Window, most int, is func(*stored) bool) (keys []archive.Key) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	from, _ := slices.BinarySearchFunc(m.rows, w.From, byKey)
	to, _ := slices.BinarySearchFunc(m.rows, w.To, byKey)
	for n := range max(0, to-from) {
		row := m.rows[from+n]
		if w.Newest {
			row = m.rows[to-1-n]
		}
		if len(keys) == most {
			break
		}
		if is(row) {
			keys = append(keys, row.Key)
		}
	}
	return keys
}

func byKey(s *stored, k archive.Key) int { return cmp.Compare(s.Key, k) }

// Keys gives the keys of the rows that have the term.
func (m *memory) Keys(ctx context.Context, term archive.Term, w archive.Window, most int) ([]archive.Key, error) {
	return m.find(w, most, func(s *stored) bool { return slices.Contains(s.terms, term) }), ctx.Err()
}

// Words gives the keys of the rows that have all the words.
func (m *memory) Words(ctx context.Context, words []string, w archive.Window, most int) ([]archive.Key, error) {
	return m.find(w, most, func(s *stored) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(s.words, word) })
	}), ctx.Err()
}

// Heads gives all rows.
func (m *memory) Heads(ctx context.Context, w archive.Window, most int) ([]archive.Head, error) {
	var heads []archive.Head
	for _, k := range m.find(w, most, func(*stored) bool { return true }) {
		heads = append(heads, archive.Head{Key: k, Topic: m.row(k).Entry.Topic})
	}
	return heads, ctx.Err()
}

// row gives the row of a key, or nil.
func (m *memory) row(k archive.Key) *stored {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if i, ok := slices.BinarySearchFunc(m.rows, k, byKey); ok {
		return m.rows[i]
	}
	return nil
}

// Among gives those of the keys whose rows have the term.
func (m *memory) Among(ctx context.Context, term archive.Term, keys []archive.Key) (among []archive.Key, err error) {
	for _, k := range keys {
		if s := m.row(k); s != nil && slices.Contains(s.terms, term) {
			among = append(among, k)
		}
	}
	return among, ctx.Err()
}

// Rows gives the rows of keys.
func (m *memory) Rows(ctx context.Context, keys []archive.Key) (rows []archive.Row, err error) {
	for _, k := range keys {
		if s := m.row(k); s != nil {
			rows = append(rows, s.Row)
		}
	}
	return rows, ctx.Err()
}

// ByID gives the row of the message, or false.
func (m *memory) ByID(ctx context.Context, id string) (archive.Row, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if i, ok := m.at(id); ok {
		return m.rows[i].Row, true, ctx.Err()
	}
	return archive.Row{}, false, ctx.Err()
}

// at gives the place of a message. The caller has mu.
func (m *memory) at(id string) (int, bool) {
	k, ok := m.keys[id]
	if !ok {
		return 0, false
	}
	return slices.BinarySearchFunc(m.rows, k, byKey)
}

// all gives the rows as they are now.
func (m *memory) all() []*stored {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.rows)
}

// Counts counts the rows that have each of the terms.
func (m *memory) Counts(ctx context.Context, terms []archive.Term) ([]int64, error) {
	counts := make([]int64, len(terms))
	for _, s := range m.all() {
		for i, term := range terms {
			if slices.Contains(s.terms, term) {
				counts[i]++
			}
		}
	}
	return counts, ctx.Err()
}

// Topics counts the rows of each topic.
func (m *memory) Topics(ctx context.Context) (*archive.Topics, error) {
	topics := make(map[string]int64)
	for _, s := range m.all() {
		topics[s.Entry.Topic]++
	}
	return archive.NewTopics(topics), ctx.Err()
}

// Series counts rows by term and time.
func (m *memory) Series(ctx context.Context, q archive.Series) ([]archive.Point, error) {
	length := time.Hour
	if q.Bucket == archive.Day {
		length = 24 * time.Hour
	}
	counts := make(map[archive.Point]int64)
	for _, s := range m.all() {
		at := s.Key.Time().Truncate(length)
		if !q.To.IsZero() && !at.Before(q.To) || !q.From.IsZero() && !at.Add(length).After(q.From) {
			continue
		}
		for _, term := range s.terms {
			if term.Kind == q.By && (len(q.Names) == 0 || slices.Contains(q.Names, term.Name)) {
				counts[archive.Point{At: at, Name: term.Name}]++
			}
		}
	}
	if len(counts) > q.MostPoints {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer has %d numbers; %d are allowed: ask for a shorter time, for days, or for fewer names", len(counts), q.MostPoints)
	}
	var points []archive.Point
	for _, p := range slices.SortedFunc(maps.Keys(counts), func(a, b archive.Point) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name))
	}) {
		p.Count = counts[p]
		points = append(points, p)
	}
	return points, ctx.Err()
}

// Extent tells what the store holds.
func (m *memory) Extent(ctx context.Context) (archive.Extent, error) {
	e := archive.Extent{}
	for _, s := range m.all() {
		e.Rows++
		e.Newest = s.Key
		if e.Oldest == 0 {
			e.Oldest = s.Key
		}
		e.Bytes += int64(len(s.Entry.Envelope))
	}
	return e, ctx.Err()
}
