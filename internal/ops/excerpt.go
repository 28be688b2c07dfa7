package ops

import "unicode/utf8"

// MaxExcerpt is the most bytes that [Excerpt] keeps of a text.
const MaxExcerpt = 1 << 10

// Excerpt is what is kept of a text from another side, such as an error of a server: at most MaxExcerpt bytes of it as [Printable] has
// it, and "…" where there is more.
func Excerpt(text string) string {
	short, cut := clip(text, MaxExcerpt)
	short, cutAgain := clip(Printable(short), MaxExcerpt) // escapes are longer than what they stand for
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
