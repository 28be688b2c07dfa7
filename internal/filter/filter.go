// Package filter decides whether an entry is wanted.
//
// It promises that every stream, command and sink asks with the same words and gets the same answer, that a reader's scope
// is part of the question and cannot be forgotten, and that a question has its answer within bounded time and memory, whatever
// the expression and whatever the message: what asks for topics, senders and signers allocates nothing, and [Where] counts its
// work. It does not parse requests.
package filter

import (
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// Filter is what a reader wants and what it may have. It must not be changed while it is in use; any number of goroutines
// may use it then. The zero Filter matches nothing, because nobody said what its reader may have.
type Filter struct {
	Topics   []fedmsg.Pattern // wanted topics; one that matches is enough
	Prefixes []string         // wanted beginnings of topics, byte for byte as the old system's; one that matches is enough
	Senders  []string         // wanted senders, KIND:NAME or KIND for all of a kind; empty wants all; see [CheckSenders]
	Signers  []string         // wanted signers, ROOT/NAME or ROOT for all that it vouches for; empty wants all; see [CheckSigners]
	Where    *Where           // what must be true of the entry; nil is nothing
	Scope    []fedmsg.Pattern // what the reader may have; nil is nothing
}

// Match reports whether the reader wants the topic and may have it. Without Topics and Prefixes it wants every one. Of an entry
// ask MatchEntry.
func (f *Filter) Match(topic string) bool {
	return f.wants(topic) && matchAny(f.Scope, topic)
}

// MatchEntry reports whether the reader wants the entry and may have it.
func (f *Filter) MatchEntry(e *fedmsg.Entry) bool {
	return f.Match(e.Topic) &&
		(len(f.Senders) == 0 || within(f.Senders, e.Sender, ':')) &&
		(len(f.Signers) == 0 || within(f.Signers, e.Signer, '/')) &&
		(f.Where == nil || f.Where.Match(e))
}

func (f *Filter) wants(topic string) bool {
	if len(f.Topics) == 0 && len(f.Prefixes) == 0 {
		return true
	}
	for _, p := range f.Prefixes {
		if strings.HasPrefix(topic, p) {
			return true
		}
	}
	return matchAny(f.Topics, topic)
}

func matchAny(patterns []fedmsg.Pattern, topic string) bool {
	for i := range patterns {
		if patterns[i].Match(topic) {
			return true
		}
	}
	return false
}

// within reports whether name is one of wanted, or has one of them before a separator.
func within(wanted []string, name string, separator byte) bool {
	for _, w := range wanted {
		if strings.HasPrefix(name, w) && (len(name) == len(w) || name[len(w)] == separator) {
			return true
		}
	}
	return false
}
