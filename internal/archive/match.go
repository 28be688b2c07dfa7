package archive

import (
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// matcher decides by its bytes whether a row is wanted. It is one goroutine's.
type matcher struct {
	q     *Query
	not   filter.Filter // matches the topics that no row may have
	text  []string      // words that must all be there
	facts bool          // something is asked that only the body tells
	words []string      // buffer
}

func newMatcher(q *Query) *matcher {
	m := &matcher{q: q, not: filter.Filter{Topics: q.Not.Filter.Topics, Prefixes: q.Not.Filter.Prefixes}}
	if len(m.not.Topics) > 0 || len(m.not.Prefixes) > 0 {
		m.not.Scope = []fedmsg.Pattern{fedmsg.MatchAll()}
	}
	if q.Text != "" {
		m.text = facts.Query(q.Text)
	}
	m.facts = len(q.Users)+len(q.Packages)+len(q.Severities)+len(q.Not.Users)+len(q.Not.Packages) > 0
	return m
}

// topic decides what the topic alone tells: whether rows of it can be wanted, and the reader may have them.
func (m *matcher) topic(topic string) bool {
	if !m.q.Filter.Match(topic) || m.not.Match(topic) {
		return false
	}
	if len(m.q.Categories) == 0 && len(m.q.Not.Categories) == 0 {
		return true
	}
	category := facts.Category(topic)
	return (len(m.q.Categories) == 0 || slices.Contains(m.q.Categories, category)) && !slices.Contains(m.q.Not.Categories, category)
}

// row decides all.
func (m *matcher) row(e *fedmsg.Entry) bool {
	if !m.topic(e.Topic) || len(m.q.IDs) > 0 && !slices.Contains(m.q.IDs, e.ID) || !m.q.Filter.MatchEntry(e) {
		return false
	}
	if m.facts && !m.about(facts.Of(e)) {
		return false
	}
	if len(m.text) == 0 {
		return true
	}
	m.words = facts.Words(m.words[:0], e)
	for _, word := range m.text {
		if !slices.Contains(m.words, word) {
			return false
		}
	}
	return true
}

func (m *matcher) about(f facts.Facts) bool {
	return anyOf(m.q.Users, f.Users) && anyOf(m.q.Packages, f.Packages) &&
		(len(m.q.Severities) == 0 || slices.Contains(m.q.Severities, f.Severity)) &&
		(len(m.q.Not.Users) == 0 || !anyOf(m.q.Not.Users, f.Users)) &&
		(len(m.q.Not.Packages) == 0 || !anyOf(m.q.Not.Packages, f.Packages))
}

// anyOf reports whether one of wanted is there. Who wants none is content.
func anyOf(wanted, there []string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(s string) bool { return slices.Contains(there, s) })
}
