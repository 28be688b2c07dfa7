package deliver

import (
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// maxShown bounds, in bytes, what is kept of one thing that the other side said.
const maxShown = 1 << 10

// shown is what is kept of a text from the other side: of bounded length, and harmless on a terminal and in a log.
func shown(text string) string {
	short, cut := clip(text, maxShown)
	short, cutAgain := clip(ops.Printable(short), maxShown) // escapes are longer than what they stand for
	if cut || cutAgain {
		short += "…"
	}
	return short
}

// clip gives at most so many bytes of the text, and reports whether there are more. It cuts through no character.
func clip(text string, most int) (short string, cut bool) {
	if len(text) <= most {
		return text, false
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n], true
}
