package archive

import (
	"context"
	"slices"

	"github.com/federated-messaging/fedmsg/internal/filter"
)

// planner decides by what the rows of a question are found. What it makes holds every row that is wanted.
type planner struct {
	store Reader
	q     *Query
	match *matcher
	needs filter.Need // of the expression
}

// plan gives the condition that all of the question make together. What is to be compared in it is not counted yet.
func (p *planner) plan(ctx context.Context) (node, error) {
	all, err := p.parts(ctx)
	if err != nil {
		return nil, err
	}
	switch len(all) {
	case 0:
		return &everything{store: p.store, topic: p.match.topic}, nil
	case 1:
		return all[0], nil
	}
	return both(all), nil
}

// parts gives the conditions that must all be met.
func (p *planner) parts(ctx context.Context) ([]node, error) {
	var all []node
	add := func(n node) {
		if n != nil {
			all = append(all, n)
		}
	}
	topics, err := p.topics(ctx)
	if err != nil {
		return nil, err
	}
	add(topics)
	if len(p.q.IDs) > 0 {
		ids, err := p.ids(ctx, p.q.IDs)
		if err != nil {
			return nil, err
		}
		add(ids)
	}
	add(p.any(KindUser, p.q.Users))
	add(p.any(KindPackage, p.q.Packages))
	add(p.pairs())
	add(p.anyPart(KindSender, p.q.Filter.Senders, ':'))
	add(p.anyPart(KindSigner, p.q.Filter.Signers, '/'))
	add(p.any(KindSeverity, p.q.Severities))
	if len(p.match.text) > 0 {
		add(p.text(p.match.text))
	}
	where, err := p.need(ctx, p.needs)
	add(where)
	return all, err
}

// term is the condition of having one.
func (p *planner) term(t Term) node {
	return &exact{store: p.store, term: t}
}

func (p *planner) text(words []string) node {
	return &text{store: p.store, words: words}
}

// any is the condition of having one of the names, and nil where there are none.
func (p *planner) any(k Kind, names []string) node {
	var some either
	for _, name := range names {
		some = append(some, p.term(Term{k, name}))
	}
	return some.simple()
}

// anyPart is any for senders and signers.
func (p *planner) anyPart(k Kind, names []string, separator byte) node {
	var some either
	for _, name := range names {
		some = append(some, p.term(part(k, name, separator)))
	}
	return some.simple()
}

// simple is the one condition where it is only one, and nil where it is none.
func (e either) simple() node {
	switch len(e) {
	case 0:
		return nil
	case 1:
		return e[0]
	}
	return e
}

// pairs is what is quick where a user and a package are asked for together, each of which may be common.
func (p *planner) pairs() node {
	if n := len(p.q.Users) * len(p.q.Packages); n == 0 || n > maxBoth {
		return nil
	}
	some := either{p.term(Term{KindBoth, manyBoth})}
	for _, t := range pairs(p.q.Users, p.q.Packages) {
		some = append(some, p.term(t))
	}
	return some
}

// ids are the rows that have one of the ids.
func (p *planner) ids(ctx context.Context, ids []string) (node, error) {
	found := list{}
	for _, id := range ids {
		row, ok, err := p.store.ByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok && !slices.Contains(found, row.Key) {
			found = append(found, row.Key)
		}
	}
	return found, nil
}

// count learns how rare those conditions are of which the rarest is looked for in a window.
func (p *planner) count(ctx context.Context, n node, w Window) error {
	terms, texts := compared(n, false)
	if len(terms) > 0 {
		names := make([]Term, len(terms))
		for i, e := range terms {
			names[i] = e.term
		}
		counts, err := p.store.Counts(ctx, names)
		if err != nil {
			return err
		}
		for i, e := range terms {
			e.count = counts[i]
		}
	}
	for _, t := range texts {
		if err := t.probe(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// compared gives the terms and words of conditions that are to be met together with others.
func compared(n node, together bool) (terms []*exact, texts []*text) {
	var parts []node
	switch n := n.(type) {
	case *exact:
		if together {
			terms = append(terms, n)
		}
	case *text:
		if together {
			texts = append(texts, n)
		}
	case both:
		parts, together = n, true
	case either:
		parts = n
	}
	for _, part := range parts {
		more, others := compared(part, together)
		terms, texts = append(terms, more...), append(texts, others...)
	}
	return terms, texts
}
