package archivetest

import (
	"context"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Append puts the drafts and the position into the store.
func (m *memory) Append(ctx context.Context, drafts []archive.Draft, at fedmsg.Position) (done archive.Appended, err error) {
	if err := ctx.Err(); err != nil {
		return done, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range drafts {
		d := &drafts[i]
		if _, known := m.keys[d.Entry.ID]; known {
			done.Known++
			continue
		}
		done.Stored++
		s := &stored{Row: archive.Row{Key: max(1, archive.KeyOf(d.Entry.Received)), Entry: d.Entry}, terms: d.Terms, words: d.Words}
		s.Entry.Made = false
		n, taken := slices.BinarySearchFunc(m.rows, s.Key, byKey)
		for ; taken; taken = n < len(m.rows) && m.rows[n].Key == s.Key {
			n++
			s.Key++
		}
		m.rows = slices.Insert(m.rows, n, s)
		m.keys[s.Entry.ID] = s.Key
	}
	if !at.IsZero() {
		m.positions[at.Log] = at
	}
	return done, nil
}

// Position gives how far the log is in the store.
func (m *memory) Position(ctx context.Context, log fedmsg.LogID) (fedmsg.Position, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.positions[log], ctx.Err()
}

// Redact erases a row's payload.
func (m *memory) Redact(ctx context.Context, r archive.Redaction) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.at(r.ID)
	if !ok || ctx.Err() != nil {
		return false, ctx.Err()
	}
	was := m.rows[i]
	if was.Redaction != nil {
		return true, nil
	}
	s := &stored{Row: archive.Row{Key: was.Key, Redaction: &r}}
	s.Entry = fedmsg.Entry{Position: was.Entry.Position, Received: was.Entry.Received, ID: r.ID, Topic: was.Entry.Topic, Redacted: true}
	for _, t := range was.terms {
		if t.Kind == archive.KindTopic || t.Kind == archive.KindCategory {
			s.terms = append(s.terms, t)
		}
	}
	m.rows[i] = s
	return true, nil
}

// Reindex works out anew what rows are found by.
func (m *memory) Reindex(ctx context.Context, behind archive.Key, most int, derive func(*fedmsg.Entry) archive.Draft) (last archive.Key, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, _ := slices.BinarySearchFunc(m.rows, behind+1, byKey)
	for ; i < len(m.rows) && most > 0; i, most = i+1, most-1 {
		s := *m.rows[i]
		d := derive(&s.Entry)
		s.terms, s.words = d.Terms, d.Words
		m.rows[i], last = &s, s.Key
	}
	return last, ctx.Err()
}
