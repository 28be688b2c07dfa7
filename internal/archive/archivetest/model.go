package archivetest

import (
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/facts"
)

// fact is a row with what it is about.
type fact struct {
	archive.Row
	facts.Facts
	words []string
}

func factsOf(rows []archive.Row) []fact {
	all := make([]fact, len(rows))
	for i, row := range rows {
		all[i] = fact{row, facts.Of(&row.Entry), facts.Words(nil, &row.Entry)}
	}
	return all
}

// expect answers a question with all its pages, by looking at every row. It knows nothing of how the archive does it.
func expect(rows []fact, q *archive.Query) (ids []string) {
	for i := range rows {
		if f := &rows[i]; wanted(f, q) {
			ids = append(ids, f.Entry.ID)
		}
	}
	if !q.Oldest {
		slices.Reverse(ids)
	}
	return ids
}

func wanted(f *fact, q *archive.Query) bool {
	e := &f.Entry
	topic, received := e.Topic, f.Key.Time()
	return (len(q.Filter.Topics)+len(q.Filter.Prefixes) == 0 || matches(q.Filter.Topics, topic) || begins(q.Filter.Prefixes, topic)) &&
		matches(q.Filter.Scope, topic) &&
		!matches(q.Not.Filter.Topics, topic) && !begins(q.Not.Filter.Prefixes, topic) &&
		one(q.Categories, f.Category) && none(q.Not.Categories, f.Category) &&
		one(q.Users, f.Users...) && none(q.Not.Users, f.Users...) &&
		one(q.Packages, f.Packages...) && none(q.Not.Packages, f.Packages...) &&
		one(q.Severities, f.Severity) && one(q.IDs, e.ID) &&
		under(q.Filter.Senders, e.Sender, ":") && under(q.Filter.Signers, e.Signer, "/") &&
		(q.Filter.Where == nil || q.Filter.Where.Match(e)) &&
		(q.Since.IsZero() || !received.Before(q.Since)) && (q.Until.IsZero() || received.Before(q.Until)) &&
		!slices.ContainsFunc(facts.Query(q.Text), func(word string) bool { return !slices.Contains(f.words, word) })
}

func matches(patterns []fedmsg.Pattern, topic string) bool {
	return slices.ContainsFunc(patterns, func(p fedmsg.Pattern) bool { return p.Match(topic) })
}

func begins(prefixes []string, topic string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(topic, p) })
}

func one(asked []string, has ...string) bool { return len(asked) == 0 || !none(asked, has...) }

func none(asked []string, has ...string) bool {
	return !slices.ContainsFunc(asked, func(s string) bool { return slices.Contains(has, s) })
}

func under(asked []string, name, separator string) bool {
	return len(asked) == 0 || slices.ContainsFunc(asked, func(s string) bool { return s == name || strings.HasPrefix(name, s+separator) })
}
