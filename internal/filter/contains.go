package filter

import (
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// And is true of what all of them are true of; those that are nil ask nothing. It is nil where none is left.
func And(all ...*Where) *Where {
	all = slices.DeleteFunc(slices.Clone(all), func(w *Where) bool { return w == nil })
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	sources, needs := make([]string, len(all)), make([]Need, len(all))
	for i, w := range all {
		sources[i], needs[i] = "("+w.source+")", w.needs
	}
	return &Where{source: strings.Join(sources, " and "), needs: allOf(needs...), run: func(r *run) value {
		return truth(!slices.ContainsFunc(all, func(w *Where) bool { return !holds(w.run(r)) }))
	}}
}

// Contains is true of an entry in whose body one of the texts is, byte for byte: in its JSON as it was sent, with the escapes of
// texts undone. It is what the old archive's contains= asks. Of the largest message a dozen texts can be asked.
func Contains(texts ...string) *Where {
	needs := make([]Need, len(texts))
	for i, text := range texts {
		needs[i] = containing(text)
	}
	return &Where{source: "contains " + strings.Join(texts, ", "), needs: one(needs...), run: func(r *run) value {
		r.outer()
		if !r.spend(len(r.msg) * (8 + len(texts)) / 8) {
			return truth(false)
		}
		body := jsonwalk.Unquote(r.msg)
		return truth(slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(body, text) }))
	}}
}

// containing needs the words of a text whose ends may be parts of words. Literals are no words of an entry.
func containing(text string) Need {
	words := slices.DeleteFunc(facts.Query(inner(text, true, true)), func(word string) bool {
		return slices.Contains([]string{"true", "false", "null", "nan", "infinity"}, word)
	})
	if len(words) == 0 {
		return Need{}
	}
	return Need{Kind: NeedWordsOrMore, Words: words[:min(len(words), maxWords)]}
}
