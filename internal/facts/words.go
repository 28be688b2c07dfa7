package facts

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// MaxWords bounds the words that one message is found by, and MaxWordBytes the length of each; what is longer is cut.
const (
	MaxWords     = 2048
	MaxWordBytes = 64
)

// More stands in place of the words that a message has and is not found by. Nobody can look for it: it has no letter.
const More = "…"

// Words gives the words of an entry, each once, in no order: those of its topic, and those of the texts, numbers and names of
// members in its headers and body. A word is a run of letters, with the marks on them, and digits, in lower case; accents are
// composed and forms that only look different are one (NFKC). Where there are too many, [More] is the last. An entry without its
// envelope, because that was redacted, has none. It appends to b and gives it.
func Words(b []string, e *fedmsg.Entry) []string {
	if len(e.Envelope) == 0 {
		return b
	}
	w := wordList{set: newSet(b)}
	w.text(e.Topic)
	p := partsOf(e.Envelope)
	w.document(p.headers)
	w.document(p.msg)
	if w.more {
		w.set.all = append(w.set.all, More)
	}
	return w.set.all
}

// Query gives the words of what somebody looks for, by the same rules.
func Query(text string) []string {
	w := wordList{set: newSet(nil)}
	w.text(text)
	return w.set.all
}

// wordList collects words.
type wordList struct {
	set     set
	word    []byte // memory for the one that is being read
	unquote []byte // for texts with escapes
	done    int    // characters that were composed
	more    bool   // some words are left out
}

// maxComposed bounds the characters that are composed for one message: some have bytes that stand for six times as many.
const maxComposed = 1 << 18

// document takes the words of JSON, in one pass and however deep it goes.
func (w *wordList) document(raw []byte) {
	if len(raw) == 0 {
		return
	}
	if raw[0] != '{' && raw[0] != '[' {
		w.scalar(raw)
		return
	}
	c := jsonwalk.Inside(raw)
	for objects := append(make([]bool, 0, deepest), raw[0] == '{'); len(objects) > 0 && !w.more; {
		object := objects[len(objects)-1]
		key, ok := c.Next(object)
		if !ok {
			objects = objects[:len(objects)-1]
			continue
		}
		if object {
			w.quoted(key)
		}
		switch kind := c.Kind(); kind {
		case '{', '[':
			objects = append(objects, kind == '{')
			c.Enter()
		default:
			w.scalar(c.Take())
		}
	}
}

// scalar takes the words of a text or number. Literals have none.
func (w *wordList) scalar(raw []byte) {
	switch {
	case len(raw) == 0:
	case raw[0] == '"' && len(raw) >= 2:
		w.quoted(raw[1 : len(raw)-1])
	case raw[0] == '-' || raw[0]-'0' < 10:
		w.bytes(raw)
	}
}

// quoted takes the words between two quotes.
func (w *wordList) quoted(inside []byte) {
	for _, c := range inside {
		if c == '\\' {
			w.unquote = jsonwalk.AppendUnquoted(w.unquote[:0], inside)
			inside = w.unquote
			break
		}
	}
	w.bytes(inside)
}

// bytes takes the words of a text.
func (w *wordList) bytes(text []byte) {
	word := w.word[:0]
	for i, c := range text {
		lower := wordByte(c)
		switch {
		case lower != 0:
			if len(word) <= MaxWordBytes {
				word = append(word, lower)
			}
		case c < utf8.RuneSelf:
			w.end(word)
			word = word[:0]
		default:
			from := i
			for from > 0 && wordByte(text[from-1]) != 0 {
				from-- // the letter before may be one with the mark behind it
			}
			w.word = word
			w.composed(text[from:])
			return
		}
	}
	w.end(word)
	w.word = word
}

// text is bytes for strings.
func (w *wordList) text(s string) { w.bytes([]byte(s)) }

// wordByte gives a letter or digit of ASCII in lower case, and 0 for anything else.
func wordByte(c byte) byte {
	switch {
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return c
	case c >= 'A' && c <= 'Z':
		return c | 0x20
	}
	return 0
}

// composed takes the words of a text that is not ASCII. It composes piece by piece: a few bytes may stand for many.
func (w *wordList) composed(text []byte) {
	word := w.word[:0]
	var pieces norm.Iter
	for pieces.Init(norm.NFKC, text); !pieces.Done() && !w.more; {
		for piece := pieces.Next(); len(piece) > 0; w.done++ {
			w.more = w.more || w.done >= maxComposed
			r, size := utf8.DecodeRune(piece)
			piece = piece[size:]
			switch {
			case !unicode.IsLetter(r) && !unicode.IsDigit(r) && (len(word) == 0 || !unicode.IsMark(r)):
				w.end(word)
				word = word[:0]
			case len(word) <= MaxWordBytes:
				word = utf8.AppendRune(word, unicode.ToLower(r))
			}
		}
	}
	w.end(word)
	w.word = word
}

// end takes a word that was read.
func (w *wordList) end(word []byte) {
	if len(word) > MaxWordBytes {
		word = word[:MaxWordBytes]
		for !utf8.Valid(word) {
			word = word[:len(word)-1]
		}
	}
	if len(word) > 0 && !w.set.add(word) {
		w.more = true
	}
}
