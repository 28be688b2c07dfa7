package nats

import (
	"net/url"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// reserved are the first words of the subjects that servers and clients use themselves: who published there could remove a
// stream, or answer in the place of another.
func reserved(word string) bool { return strings.HasPrefix(word, "$") || word == "_INBOX" }

// checkSubject says why a topic cannot be a subject, or nothing.
func checkSubject(topic string) string {
	for i, word := range strings.Split(topic, ".") {
		switch {
		case word == "":
			return "it has an empty word"
		case word == "*" || word == ">":
			return "the word " + word + " stands for other words there"
		case i == 0 && reserved(word):
			return "subjects that begin with " + word + " are the server's own"
		case strings.ContainsFunc(word, unprintable):
			return "it has a space or control character"
		}
	}
	return ""
}

// subjectOf gives the subject of a topic. One that NATS cannot hold is escaped where that is wanted, else it is an error.
func subjectOf(topic string, escape bool) (string, error) {
	why := checkSubject(topic)
	switch {
	case why == "":
		return topic, nil
	case escape:
		return escapeTopic(topic), nil
	}
	return "", fedmsg.Errorf(fedmsg.CodeBadTopic,
		"the topic %q cannot be a NATS subject: %s; with escape=yes in the address it would be sent as %q", topic, why, escapeTopic(topic))
}

// escapeTopic writes what a subject cannot hold as %XX, an empty word as a % alone, and a % as %25, so that no two topics that
// are escaped meet.
func escapeTopic(topic string) string {
	words := strings.Split(topic, ".")
	for i, word := range words {
		words[i] = escapeWord(word, i == 0 && reserved(word) || word == "*" || word == ">")
	}
	return strings.Join(words, ".")
}

// escapeWord escapes a word, and its first byte in any case where first says so.
func escapeWord(word string, first bool) string {
	if word == "" {
		return "%"
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(word) {
		c := word[i]
		if c == '%' || c <= ' ' || c == 0x7f || first && i == 0 {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f }

// checkFilter reports whether a source can subscribe to the subject, with its wildcards.
func checkFilter(subject string) bool {
	words := strings.Split(subject, ".")
	for i, word := range words {
		if word == "" || strings.ContainsFunc(word, unprintable) || word == ">" && i < len(words)-1 {
			return false
		}
	}
	return true
}

// unescapeTopic undoes escapeTopic. What that did not make stays as it is.
func unescapeTopic(subject string) string {
	words := strings.Split(subject, ".")
	for i, word := range words {
		if word == "%" {
			words[i] = ""
		} else if plain, err := url.PathUnescape(word); err == nil {
			words[i] = plain
		}
	}
	topic := strings.Join(words, ".")
	if escapeTopic(topic) != subject {
		return subject // else a right to publish on one subject would be one to publish on the topic of another
	}
	return topic
}
