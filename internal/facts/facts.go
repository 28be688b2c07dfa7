// Package facts says what a message is about: its category, the users and packages that it names, how severe it is, and the
// words by which it is found.
//
// It promises that the archive's stores, filters and pages are all told the same of the same bytes, that it takes bounded time
// and memory whatever the message, and that it knows nothing of single services: what it finds it finds by the names of fields
// and by the headers that publishers set. It reads envelopes as they are and changes nothing.
package facts

import (
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// Facts is what one entry is about. It is nobody's but the caller's.
type Facts struct {
	Category string   // the SERVICE word of the topic; see [Category]
	Users    []string // sorted, each once, at most MaxNames
	Packages []string // sorted, each once, at most MaxNames
	Severity string   // debug, info, warning or error; empty where the message does not say
}

// MaxNames bounds the users, and the packages, that one message is found by.
const MaxNames = 256

// Of gives the facts of an entry. A redacted entry has its category only.
func Of(e *fedmsg.Entry) Facts {
	f := Facts{Category: Category(e.Topic)}
	p := partsOf(e.Envelope)
	var find finder
	find.headers(p.headers)
	find.document(p.msg)
	f.Users, f.Packages, f.Severity = find.users.sorted(), find.packages.sorted(), find.severity
	return f
}

// Unclassified is the category of topics that are too short to have one, as the old archive calls it.
const Unclassified = "Unclassified"

// Category gives the word of a topic that names the service: the fourth word, behind PREFIX of two words and ENV; the third where
// the topic has VirtualTopic in it; [Unclassified] where there is none, as the old archive has it (ECOSYSTEM §1.3).
func Category(topic string) string {
	before := 3
	if strings.Contains(topic, "VirtualTopic") {
		before = 2
	}
	rest := topic
	for range before {
		_, behind, found := strings.Cut(rest, ".")
		if !found {
			return Unclassified
		}
		rest = behind
	}
	word, _, _ := strings.Cut(rest, ".")
	return word
}

// parts is what of an envelope says what it is about, as it is written.
type parts struct{ headers, msg []byte }

// partsOf finds them. Of what is no JSON object there are none.
func partsOf(envelope []byte) (p parts) {
	if len(envelope) == 0 || envelope[0] != '{' {
		return p
	}
	for c := jsonwalk.Inside(envelope); ; {
		key, raw, ok := c.Pair(true)
		if !ok {
			return p
		}
		switch string(key) {
		case "headers":
			p.headers = raw
		case "msg":
			p.msg = raw
		}
	}
}
