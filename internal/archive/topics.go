package archive

import (
	"context"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// topics is the condition on the topic, and nil where every topic may be wanted.
func (p *planner) topics(ctx context.Context) (node, error) {
	q := p.q
	if !q.narrow() {
		if len(q.Categories) > 0 {
			return orNone(p.any(KindCategory, slices.DeleteFunc(slices.Clone(q.Categories), func(c string) bool {
				return slices.Contains(q.Not.Categories, c)
			}))), nil
		}
		if len(q.Not.Categories) == 0 {
			return nil, nil
		}
	}
	if names, ok := literals(q.Filter.Topics); ok && len(q.Filter.Prefixes) == 0 {
		return orNone(p.any(KindTopic, slices.DeleteFunc(names, func(t string) bool { return !p.match.topic(t) }))), nil
	}
	all, err := p.store.Topics(ctx)
	if err != nil {
		return nil, err
	}
	return orNone(p.ofAll(all)), nil
}

// narrow reports whether topics matter by more than their category.
func (q *Query) narrow() bool {
	asked := len(q.Filter.Topics)+len(q.Filter.Prefixes) > 0 && !slices.ContainsFunc(q.Filter.Topics, isAll)
	return asked || !slices.ContainsFunc(q.Filter.Scope, isAll) || len(q.Not.Filter.Topics)+len(q.Not.Filter.Prefixes) > 0
}

func isAll(p fedmsg.Pattern) bool { return p.String() == "#" }

// literals gives the patterns as topics, if they are.
func literals(patterns []fedmsg.Pattern) ([]string, bool) {
	var names []string
	for _, p := range patterns {
		if strings.ContainsAny(p.String(), "*#") {
			return nil, false
		}
		names = append(names, p.String())
	}
	slices.Sort(names)
	return slices.Compact(names), len(names) > 0
}

// orNone is a condition, and the one that no row meets where there is none.
func orNone(n node) node {
	if n == nil {
		return list{}
	}
	return n
}

// topicSet is the condition of having one of many topics.
type topicSet struct {
	either // of the topics
	heads  *everything
	count  int64  // rows of the topics
	total  int64  // all rows
	cover  either // of the categories of the topics
	covers int64  // rows of the categories
	need   int64  // rows that are wanted
}

// ofAll is the condition of having a topic that may be wanted, given all that there are; nil where none of them may.
func (p *planner) ofAll(all *Topics) node {
	s := &topicSet{heads: &everything{store: p.store, topic: p.match.topic}, need: int64(p.q.Limit) + 1, total: all.rows}
	covered := make(map[string]bool)
	for i := range all.all {
		t := &all.all[i]
		if !p.match.topic(t.name) {
			continue
		}
		s.count += t.rows
		s.either = append(s.either, &exact{store: p.store, term: Term{KindTopic, t.name}, count: t.rows})
		if !covered[t.category] {
			covered[t.category] = true
			n := all.categories[t.category]
			s.covers += n
			s.cover = append(s.cover, &exact{store: p.store, term: Term{KindCategory, t.category}, count: n})
		}
	}
	switch len(s.either) {
	case 0:
		return nil
	case 1:
		return s.either[0]
	}
	return s
}

func (s *topicSet) about() int64 { return s.count }

// fewTopics is how many topics, or categories, are asked for one by one of rows that were found by something else. Of more it is
// cheaper to load the rows.
const fewTopics = 4

func (s *topicSet) among(ctx context.Context, keys []Key) ([]Key, error) {
	switch {
	case len(s.either) <= fewTopics:
		return s.either.among(ctx, keys)
	case len(s.cover) <= fewTopics && s.covers < s.total/2:
		return s.cover.among(ctx, keys)
	}
	return keys, nil
}

// What finding costs, in rows whose topics are looked at.
const (
	costOpen = 120 // of beginning to ask for a term
	costLoad = 100 // of loading a row in vain
)

// drive goes by each topic, by their categories or through all rows, whichever is likely to be quickest.
func (s *topicSet) drive(w Window) source {
	by := int64(len(s.either))*costOpen + s.need
	var next node = s.either
	if cover := int64(len(s.cover))*costOpen + s.need + share(s.need*costLoad, s.covers-s.count, s.count); cover < by {
		next, by = s.cover, cover
	}
	if share(s.need, s.total, s.count) > by {
		return next.drive(w)
	}
	first := min(mostHeads, 2*share(s.need, s.total, s.count)) // they may be rarer here than elsewhere, and to ask again costs more
	return &patient{heads: heads{store: s.heads.store, topic: s.heads.topic, left: w, ask: int(first)}, set: s, second: next}
}

// share is n × a / b.
func share(n, a, b int64) int64 { return int64(float64(n) * float64(a) / float64(max(1, b))) }

// patient goes through all rows. Where it has looked at many more than it should have needed, because the topics are rare in this
// part of time, it goes on by something else.
type patient struct {
	heads  heads
	set    *topicSet
	found  int64
	second node // what it goes on by
	other  source
}

func (p *patient) next(ctx context.Context, most int) (found, error) {
	if p.other == nil && p.heads.read > mostHeads+share(4*(p.set.need+p.found), p.set.total, p.set.count) {
		p.other = p.second.drive(p.heads.left)
	}
	if p.other != nil {
		return p.other.next(ctx, most)
	}
	f, err := p.heads.next(ctx, most)
	p.found += int64(len(f.keys))
	return f, err
}
