package filter

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// run is an expression being worked out for one entry.
type run struct {
	entry *fedmsg.Entry
	left  int // work that is left; below zero the answer is false

	read                   bool // the following were looked for
	msg, username, headers []byte

	facts *about   // nil until they are asked for
	words []string // nil until they are asked for

	item value // what # stands for
}

// about is what package facts says of the entry.
type about struct {
	users, packages []value
	severity        string
}

// eval works out a part of an expression.
type eval func(r *run) value

// spend takes n off what is left, and reports whether there was so much.
func (r *run) spend(n int) bool {
	if r.left >= 0 {
		r.left -= n
	}
	return r.left >= 0
}

// outer looks for the members of the envelope that an expression can ask for.
func (r *run) outer() {
	if r.read {
		return
	}
	r.read = true
	envelope := r.entry.Envelope
	if len(envelope) == 0 || envelope[0] != '{' || !r.spend(len(envelope)) {
		return
	}
	for w := jsonwalk.Inside(envelope); ; {
		key, raw, ok := w.Pair(true)
		if !ok {
			return
		}
		switch string(key) {
		case "msg":
			r.msg = raw
		case "username":
			r.username = raw
		case "headers":
			r.headers = raw
		}
	}
}

// about works out the facts once.
func (r *run) about() *about {
	if r.facts != nil {
		return r.facts
	}
	r.facts = &about{}
	if r.spend(2 * len(r.entry.Envelope)) {
		f := facts.Of(r.entry)
		*r.facts = about{users: texts(f.Users), packages: texts(f.Packages), severity: f.Severity}
	}
	return r.facts
}

func texts(all []string) []value {
	values := make([]value, len(all))
	for i, s := range all {
		values[i] = textual(s)
	}
	return values
}

// has reports whether the entry has all the words. The work for them is more than a byte's each, but an entry has them found once.
func (r *run) has(words []string) bool {
	if r.words == nil {
		if !r.spend(2 * len(r.entry.Envelope)) {
			return false
		}
		r.words = facts.Words(make([]string, 0, 64), r.entry)
	}
	if !r.spend(8 * len(r.words)) {
		return false
	}
	left := len(words)
	for _, word := range r.words {
		for _, wanted := range words {
			if word == wanted {
				left--
			}
		}
	}
	return left == 0
}
