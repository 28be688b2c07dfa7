package archive

import (
	"context"
	"time"

	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// need is the condition that rows must meet for an expression to be true, and nil where nothing is known of them.
func (p *planner) need(ctx context.Context, n filter.Need) (node, error) {
	switch n.Kind {
	case filter.NeedAll, filter.NeedOne:
		return p.needParts(ctx, n)
	case filter.NeedTopic:
		return p.term(Term{KindTopic, n.Text}), nil
	case filter.NeedPrefix:
		return p.needPrefix(ctx, n.Text)
	case filter.NeedCategory:
		return p.term(Term{KindCategory, n.Text}), nil
	case filter.NeedUser:
		return p.term(Term{KindUser, n.Text}), nil
	case filter.NeedPackage:
		return p.term(Term{KindPackage, n.Text}), nil
	case filter.NeedSender:
		return p.term(part(KindSender, n.Text, ':')), nil
	case filter.NeedSigner:
		return p.term(part(KindSigner, n.Text, '/')), nil
	case filter.NeedSeverity:
		return p.term(Term{KindSeverity, n.Text}), nil
	case filter.NeedID:
		return p.ids(ctx, []string{n.Text})
	case filter.NeedWords:
		return p.text(n.Words), nil
	case filter.NeedWordsOrMore:
		return either{p.text(n.Words), p.text([]string{facts.More})}, nil
	}
	return nil, nil // a time is in the window already
}

// needParts joins the conditions of parts. What is needed besides something unknown is still needed; what is only one way beside an
// unknown one is not.
func (p *planner) needParts(ctx context.Context, n filter.Need) (node, error) {
	var nodes []node
	for _, n := range n.Parts {
		one, err := p.need(ctx, n)
		if err != nil {
			return nil, err
		}
		if one != nil {
			nodes = append(nodes, one)
		}
	}
	switch {
	case len(nodes) == 0 || n.Kind == filter.NeedOne && len(nodes) < len(n.Parts):
		return nil, nil
	case len(nodes) == 1:
		return nodes[0], nil
	case n.Kind == filter.NeedAll:
		return both(nodes), nil
	}
	return either(nodes), nil
}

// needPrefix is the condition of one of the topics that begin so.
func (p *planner) needPrefix(ctx context.Context, prefix string) (node, error) {
	q := Query{Filter: filter.Filter{Prefixes: []string{prefix}, Scope: p.q.Filter.Scope}, Limit: p.q.Limit}
	inner := planner{store: p.store, q: &q, match: newMatcher(&q)}
	return inner.topics(ctx)
}

// raised bounds how far a key may lie behind its time, because others were at the same: a row more of one and the same microsecond
// raises it by one.
const raised = time.Minute

// within is the part of a window in which an expression may be true.
func within(n filter.Need, w Window) Window {
	switch n.Kind {
	case filter.NeedAll:
		for _, part := range n.Parts {
			w = within(part, w)
		}
	case filter.NeedTime:
		if !n.Since.IsZero() {
			w.From = max(w.From, KeyOf(n.Since))
		}
		if !n.Until.IsZero() {
			w.To = min(w.To, KeyOf(n.Until.Add(raised)))
		}
		w.To = max(w.From, w.To)
	}
	return w
}
