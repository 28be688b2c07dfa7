package sqlite

import (
	"bytes"
	"encoding/hex"
	"hash/maphash"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// token writes a word as the text index has it. Small letters and digits of ASCII and all that is not ASCII stand for themselves, as
// the index takes them for parts of words; a word with anything else is written in hex, which another word may look like.
func token(word string) string {
	if word == "" {
		return "x"
	}
	for i := range len(word) {
		if c := word[i]; c < utf8.RuneSelf && lowered(c) != c {
			return "x" + hex.EncodeToString([]byte(word))
		}
	}
	return word
}

// lowered gives a letter or digit of ASCII in lower case, and 0 for anything else.
func lowered(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	}
	return 0
}

// tokens writes words as the text of one row.
func tokens(words []string) string {
	var b strings.Builder
	size := 0
	for _, w := range words {
		size += len(w) + 1
	}
	b.Grow(size)
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
	left := newWordSet(words)
	seen([]byte(topic), left.strike)
	seen(envelope, left.strike)
	var b strings.Builder
	for i, w := range words {
		if left.struck[i] {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(token(w))
	}
	return b.String()
}

// wording is what the file keeps of a row's words.
type wording struct {
	tokens string // for the text index
	extra  string // for messages.extra
}

func wordingOf(d *archive.Draft) wording {
	return wording{tokens: tokens(d.Words), extra: unseen(d.Words, d.Entry.Topic, d.Entry.Envelope)}
}

// worker works out wordings one after the other, beside what else is done.
type worker struct {
	out  chan wording
	quit chan struct{} // closed by stop
	done chan struct{} // closed at its end
}

func wordAhead(drafts []archive.Draft) *worker {
	w := &worker{out: make(chan wording, 64), quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for i := range drafts {
			select {
			case w.out <- wordingOf(&drafts[i]):
			case <-w.quit:
				return
			}
		}
	}()
	return w
}

// next gives the wording of the next draft.
func (w *worker) next() wording { return <-w.out }

// stop ends it.
func (w *worker) stop() {
	close(w.quit)
	<-w.done
}

// wordSet finds words in a list. A map would cost more than all else that is done for a row in Go.
type wordSet struct {
	words  []string
	struck []bool   // by place in words
	table  []uint32 // places in words, counted from 1, by hash; at most half full
	seed   maphash.Seed
}

func newWordSet(words []string) *wordSet {
	size := 16
	for size < 2*len(words) {
		size *= 2
	}
	s := &wordSet{words: words, struck: make([]bool, len(words)), table: make([]uint32, size), seed: maphash.MakeSeed()}
	for i, w := range words {
		at := s.place(maphash.String(s.seed, w))
		for ; s.table[at] != 0; at = s.place(uint64(at) + 1) {
		}
		s.table[at] = uint32(i + 1)
	}
	return s
}

func (s *wordSet) place(hash uint64) int { return int(hash & uint64(len(s.table)-1)) }

// strike strikes a word off, where it is one of the set that stands for itself in the index.
func (s *wordSet) strike(word []byte) {
	for at := s.place(maphash.Bytes(s.seed, word)); s.table[at] != 0; at = s.place(uint64(at) + 1) {
		if i := s.table[at] - 1; s.words[i] == string(word) {
			s.struck[i] = true
		}
	}
}

// maxSeen is where seen cuts a word, in bytes.
const maxSeen = 64

// seen calls each for the runs of letters and digits in a text, in lower case; escapes of JSON are read. What it sees is never
// changed: files were written by it, see unseen.
func seen(text []byte, each func(word []byte)) {
	var buf [maxSeen]byte
	word, cut := buf[:0], false
	for i := 0; i < len(text); {
		r, n := rune(lowered(text[i])), 1
		if r == 0 {
			r, n = inWord(text[i:])
		}
		i += n
		switch {
		case r == 0:
			if len(word) > 0 {
				each(word)
			}
			word, cut = buf[:0], false
		case cut || len(word)+utf8.RuneLen(r) > maxSeen:
			cut = true
		default:
			word = utf8.AppendRune(word, r)
		}
	}
	if len(word) > 0 {
		each(word)
	}
}

// inWord reads what stands at the beginning of text, as the rune that it is in a word, or 0 where it is in none.
func inWord(text []byte) (r rune, bytes int) {
	switch {
	case text[0] == '\\':
		r, bytes = escape(text)
	case text[0] >= utf8.RuneSelf:
		r, bytes = utf8.DecodeRune(text)
	default:
		return 0, 1
	}
	switch {
	case r < utf8.RuneSelf:
		return rune(lowered(byte(r))), bytes
	case r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r):
		return 0, bytes
	}
	return unicode.ToLower(r), bytes
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
