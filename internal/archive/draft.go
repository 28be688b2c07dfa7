package archive

import (
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/facts"
)

const (
	// maxBoth bounds the pairs of a user and a package that one message is found by.
	maxBoth = 64
	// manyBoth is the name of the one KindBoth term of a message that has more pairs.
	manyBoth = "\x00"
	// maxParts bounds the terms of one sender or signer, whose names may have any number of separators.
	maxParts = 16
)

// DraftOf works out what an entry is found by: its words and terms by package facts. It shares the entry's memory.
func DraftOf(e *fedmsg.Entry) Draft {
	return Draft{Entry: *e, Terms: termsOf(e), Words: facts.Words(nil, e)}
}

func termsOf(e *fedmsg.Entry) (terms []Term) {
	f := facts.Of(e)
	add := func(k Kind, name string) { terms = append(terms, Term{k, name}) }
	add(KindTopic, e.Topic)
	add(KindCategory, f.Category)
	for _, name := range f.Users {
		add(KindUser, name)
	}
	for _, name := range f.Packages {
		add(KindPackage, name)
	}
	for _, part := range parts(e.Sender, ':') {
		add(KindSender, part)
	}
	for _, part := range parts(e.Signer, '/') {
		add(KindSigner, part)
	}
	if f.Severity != "" {
		add(KindSeverity, f.Severity)
	}
	return append(terms, pairs(f.Users, f.Packages)...)
}

// pairs gives the terms for asking for a user and a package together.
func pairs(users, packages []string) []Term {
	if len(users)*len(packages) > maxBoth {
		return []Term{{KindBoth, manyBoth}}
	}
	var terms []Term
	for _, u := range users {
		for _, p := range packages {
			terms = append(terms, Term{KindBoth, u + "\x00" + p})
		}
	}
	return terms
}

// parts gives the names under which a sender or signer is asked for: what is before each separator, and all of it; see
// [filter.Filter]. Of a name with very many separators only the first parts are given.
func parts(name string, separator byte) []string {
	if name == "" {
		return nil
	}
	var found []string
	for i := range len(name) {
		if name[i] == separator && i > 0 {
			found = append(found, name[:i])
			if len(found) == maxParts {
				return found
			}
		}
	}
	return append(found, name)
}

// part is the term under which rows stand that have the wanted sender or signer: one of those that parts gives.
func part(k Kind, wanted string, separator byte) Term {
	n := 0
	for i := range len(wanted) {
		if wanted[i] != separator || i == 0 {
			continue
		}
		if n++; n == maxParts {
			return Term{k, wanted[:i]}
		}
	}
	return Term{k, strings.Clone(wanted)}
}
