// Package filter decides whether an entry is wanted.
//
// It promises that every stream, command and sink asks with the same words and gets the same answer, that a reader's scope
// is part of the question and cannot be forgotten, and that a question costs no allocation. It does not parse requests.
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
	Scope    []fedmsg.Pattern // what the reader may have; nil is nothing
}

// Match reports whether the reader wants the topic and may have it. Without Topics and Prefixes it wants every one.
func (f *Filter) Match(topic string) bool {
	return f.wants(topic) && matchAny(f.Scope, topic)
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
