package nats

import (
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
)

// own are the beginnings of the names of headers that mean something to servers and clients, in lower case: who may set them
// can have a stream purged (Nats-Rollup) or pass for an answer (Status).
func own() []string { return []string{"nats-", "fedmsg-", "kv-", "status", "description"} }

// foreign reports whether a header is nobody's but its publisher's, so that it may be one of a message.
func foreign(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range own() {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return name != ""
}

// headersOf gives the headers that an entry travels with.
func headersOf(e *fedmsg.Entry, parts *carry.Message, form carry.Form) nats.Header {
	h := nats.Header{nats.MsgIdHdr: {e.ID}}
	if form == carry.Body {
		for _, inner := range carry.MessageHeaders(e.Envelope) {
			if foreign(inner.Name) && sendable(inner.Name, inner.Value) {
				h[inner.Name] = []string{inner.Value}
			}
		}
	}
	if form == carry.Envelope {
		for _, t := range carry.Trace(e.Envelope) {
			h[t.Name] = []string{t.Value}
		}
	}
	for _, c := range parts.Headers {
		h[c.Name] = []string{c.Value}
	}
	return h
}

// sendable reports whether a header of a publisher can be one of NATS. One that cannot is not lost: it stands in the envelope.
func sendable(name, value string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return len(value) <= 4096 && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// publisherHeaders gives the headers of a message that its publisher set for those who read it.
func publisherHeaders(h nats.Header) []carry.Header {
	var all []carry.Header
	for name, values := range h {
		if foreign(name) && len(values) > 0 {
			all = append(all, carry.Header{Name: name, Value: values[0]})
		}
	}
	return all
}
