// Package facts says what a message is about: its category, the users and packages that it names, how severe it is, and the
// words by which it is found.
//
// It promises that the archive's stores, filters and pages are all told the same of the same bytes, that it takes bounded time
// and memory whatever the message, and that it knows nothing of single services: what it finds it finds by the names of fields
// and by the headers that publishers set. It reads envelopes as they are and changes nothing.
package facts

import "github.com/federated-messaging/fedmsg"

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
func Of(e *fedmsg.Entry) Facts { panic("not built") }

// Category gives the word of a topic that names the service: the fourth word, behind PREFIX of two words and ENV; the third where
// the topic has a word VirtualTopic; "Unclassified" where there is none, as the old archive has it (ECOSYSTEM §1.3).
func Category(topic string) string { panic("not built") }
