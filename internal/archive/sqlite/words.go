package sqlite

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token writes a word as the text index has it. Letters and digits of ASCII and all that is not ASCII stand for themselves, as the
// index takes them for parts of words; a word with anything else is written in hex, which another word may look like.
func token(word string) string {
	if word == "" {
		return "x"
	}
	for i := range len(word) {
		if c := word[i]; c < utf8.RuneSelf && !isAlnum(c) {
			return "x" + hex.EncodeToString([]byte(word))
		}
	}
	return word
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// tokens writes words as the text of one row.
func tokens(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(token(w))
	}
	return b.String()
}

// unseen gives those tokens of a row's words that seen does not see in its topic and envelope, for the column messages.extra.
// Together the two are all that can stand in the index for the row: so it can be taken out again, to the last word, when nobody
// remembers by which rules its words were made.
func unseen(words []string, topic string, envelope []byte) string {
	left := make(map[string]struct{}, len(words))
	for _, w := range words {
		left[token(w)] = struct{}{}
	}
	leave := func(word []byte) { delete(left, string(word)) }
	seen([]byte(topic), leave)
	seen(envelope, leave)
	var b strings.Builder
	for _, w := range words {
		t := token(w)
		if _, missing := left[t]; !missing {
			continue
		}
		delete(left, t)
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t)
	}
	return b.String()
}

// maxSeen is where seen cuts a word, in bytes.
const maxSeen = 64

// seen calls each for the runs of letters and digits in a text, in lower case; escapes of JSON are read. What it sees is never
// changed: files were written by it, see unseen.
func seen(text []byte, each func(word []byte)) {
	var buf [maxSeen + utf8.UTFMax]byte
	word := buf[:0]
	for len(text) > 0 {
		r, n := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text)
		} else if r == '\\' {
			r, n = escape(text)
		}
		text = text[n:]
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)):
			r = unicode.ToLower(r)
		default:
			if len(word) > 0 {
				each(word)
			}
			word = buf[:0]
			continue
		}
		if len(word)+utf8.RuneLen(r) <= maxSeen {
			word = utf8.AppendRune(word, r)
		}
	}
	if len(word) > 0 {
		each(word)
	}
}

// escape reads the escape of JSON at the beginning of text, as the rune it stands for, or as one that is in no word.
func escape(text []byte) (r rune, bytes int) {
	if len(text) < 2 || text[1] != 'u' {
		return ' ', min(2, len(text))
	}
	r, ok := hex4(text)
	if !ok {
		return ' ', 2
	}
	if low, ok := hex4(text[6:]); ok && 0xd800 <= r && r < 0xdc00 && 0xdc00 <= low && low < 0xe000 {
		return 0x10000 + (r-0xd800)<<10 + low - 0xdc00, 12
	}
	return r, 6
}

// hex4 reads \uXXXX.
func hex4(text []byte) (rune, bool) {
	if len(text) < 6 || !bytes.HasPrefix(text, []byte(`\u`)) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 32)
	return rune(n), err == nil
}
