package fedmsg

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckTopic holds the grammar of topics at new doors: words of [A-Za-z0-9_+~-] separated by dots, at least one, none
// empty. It fails with [CodeBadTopic], naming the rule or limit.
func (l Limits) CheckTopic(topic string) error {
	if err := l.topicSize(topic); err != nil {
		return err
	}
	words, word := 1, 0
	for i := range len(topic) {
		switch c := topic[i]; {
		case topicByte[c]:
			word++
		case c == '.' && word > 0:
			words++
			word = 0
		case c == '.':
			return Errorf(CodeBadTopic, "topic %q has an empty word", clip(topic, 64))
		default:
			r, _ := utf8.DecodeRuneInString(topic[i:])
			return Errorf(CodeBadTopic, "topic %q has %q; words are made of A-Z a-z 0-9 _ + ~ - and separated by dots", clip(topic, 64), r)
		}
	}
	if word == 0 {
		return Errorf(CodeBadTopic, "topic %q ends with a dot", clip(topic, 64))
	}
	return l.topicWords(topic, words)
}

// CheckOldTopic holds the grammar of topics on the old wire: any UTF-8 without control characters. Real traffic has
// topics such as /topic/VirtualTopic.eng.x.
func (l Limits) CheckOldTopic(topic string) error {
	if err := l.topicSize(topic); err != nil {
		return err
	}
	if !utf8.ValidString(topic) {
		return Errorf(CodeBadTopic, "topic is not UTF-8")
	}
	if i := strings.IndexFunc(topic, unicode.IsControl); i >= 0 {
		return Errorf(CodeBadTopic, "topic %q has a control character", clip(topic, 64))
	}
	return l.topicWords(topic, 1+strings.Count(topic, "."))
}

func (l Limits) topicSize(topic string) error {
	if topic == "" {
		return Errorf(CodeBadTopic, "topic is empty")
	}
	if len(topic) > l.TopicBytes {
		return Errorf(CodeBadTopic, "topic has %d bytes; limits.topic_bytes is %d", len(topic), l.TopicBytes)
	}
	return nil
}

func (l Limits) topicWords(topic string, words int) error {
	if words > l.TopicWords {
		return Errorf(CodeBadTopic, "topic %q has %d words; limits.topic_words is %d", clip(topic, 64), words, l.TopicWords)
	}
	return nil
}

// topicByte has the bytes of which words at new doors are made.
var topicByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '+' || c == '~' || c == '-'
	}
	return t
}()

// LintTopic says what is unusual about a valid topic, in words for its publisher, or nothing. The usual shape is
// PREFIX.ENV.SERVICE.OBJECT[.SUBOBJECT].EVENT with ENV one of dev, stg, prod, production.
func LintTopic(topic string) string {
	words := strings.Split(topic, ".")
	for i, w := range words {
		if i > 0 && (w == "dev" || w == "stg" || w == "prod" || w == "production") {
			if len(words)-i-1 < 2 {
				return "topic has fewer than two words after the environment; the usual shape is PREFIX.ENV.SERVICE.OBJECT.EVENT"
			}
			return ""
		}
	}
	return "topic has no environment word (dev, stg, prod); the usual shape is PREFIX.ENV.SERVICE.OBJECT.EVENT"
}

// FullTopic builds the topic of a short one: PREFIX.ENV.MODNAME.TOPIC, without MODNAME if that is empty. A topic that begins
// with the words of prefix is a full one and stays as it is. For all others this is what the old system did (SPEC section
// 4): an empty topic is "unspecified", and nothing is put before a MODNAME.TOPIC that starts with the text of prefix, where
// no dot need follow.
func FullTopic(prefix, environment, modname, topic string) string {
	if rest, ok := strings.CutPrefix(topic, prefix); ok && prefix != "" && (rest == "" || rest[0] == '.') {
		return topic
	}
	if topic == "" {
		topic = "unspecified"
	}
	if modname != "" {
		topic = modname + "." + topic
	}
	if strings.HasPrefix(topic, prefix) {
		return topic
	}
	return prefix + "." + environment + "." + topic
}

// Pattern matches topics: its words match the same words, * any one word, # any number of words, none included. The zero
// Pattern matches nothing. A Pattern is immutable and may be used by any number of goroutines.
type Pattern struct {
	text       string
	words      []string
	head, tail string // with which every topic that matches begins and ends: most topics are told by these
}

// MatchAll is the pattern # that matches every topic.
func MatchAll() Pattern { return Pattern{text: "#", words: []string{"#"}} }

// maxPatternBytes bounds a pattern, and with it the work of one match.
const maxPatternBytes = 512

// ParsePattern reads a pattern. It fails with [CodeBadPattern].
func ParsePattern(s string) (Pattern, error) {
	switch {
	case s == "":
		return Pattern{}, Errorf(CodeBadPattern, "pattern is empty; # matches every topic")
	case len(s) > maxPatternBytes:
		return Pattern{}, Errorf(CodeBadPattern, "pattern has %d bytes; %d are allowed", len(s), maxPatternBytes)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return Pattern{}, Errorf(CodeBadPattern, "pattern %q has control characters or is not UTF-8", clip(s, 64))
	case strings.HasSuffix(s, "."):
		return Pattern{}, Errorf(CodeBadPattern, "pattern %q ends with a dot; if a # is missing behind it, write it as %%23 in a URL, or ask for prefix=%s", clip(s, 64), clip(s, 64))
	}
	words := strings.Split(s, ".")
	kept := words[:0]
	for _, w := range words {
		if w == "" {
			return Pattern{}, Errorf(CodeBadPattern, "pattern %q has an empty word", clip(s, 64))
		}
		if len(w) > 1 && strings.ContainsAny(w, "*#") {
			return Pattern{}, Errorf(CodeBadPattern, "pattern %q: * and # stand for whole words; ask with prefix= for the beginning of a topic", clip(s, 64))
		}
		if w == "#" && len(kept) > 0 && kept[len(kept)-1] == "#" {
			continue // two in a row mean the same as one
		}
		kept = append(kept, w)
	}
	p := Pattern{text: s, words: kept}
	p.head, p.tail = literals(kept)
	return p, nil
}

// literals gives the text before the first * or # and the text behind the last one, each with the dot that a * has beside it.
func literals(words []string) (head, tail string) {
	wild := func(w string) bool { return w == "*" || w == "#" }
	first := slices.IndexFunc(words, wild)
	if first < 0 {
		return strings.Join(words, "."), ""
	}
	if head = strings.Join(words[:first], "."); first > 0 && words[first] == "*" {
		head += "."
	}
	last := len(words) - 1
	for !wild(words[last]) {
		last--
	}
	if tail = strings.Join(words[last+1:], "."); tail != "" && words[last] == "*" {
		tail = "." + tail
	}
	return head, tail
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// MarshalText gives the pattern as it was written.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText reads a pattern.
func (p *Pattern) UnmarshalText(b []byte) error {
	q, err := ParsePattern(string(b))
	if err == nil {
		*p = q
	}
	return err
}

// Match reports whether the pattern matches the topic. It allocates nothing; its time is bounded by words of the pattern
// times words of the topic.
func (p Pattern) Match(topic string) bool {
	if len(p.words) == 0 || !strings.HasPrefix(topic, p.head) || !strings.HasSuffix(topic, p.tail) {
		return false
	}
	// The classic walk with one point of return: behind the last # that was met.
	pi, rest, more := 0, topic, true
	backPat, backRest := -1, ""
	for {
		if pi < len(p.words) && p.words[pi] == "#" {
			if pi == len(p.words)-1 {
				return true
			}
			pi++
			backPat, backRest = pi, rest
			if !more {
				return false // a word must follow the #, and none is left
			}
			continue
		}
		if !more {
			return pi == len(p.words)
		}
		word, after, found := strings.Cut(rest, ".")
		if pi < len(p.words) && (p.words[pi] == "*" || p.words[pi] == word) {
			pi++
			rest, more = after, found
			continue
		}
		if backPat < 0 {
			return false
		}
		_, after, found = strings.Cut(backRest, ".")
		if !found {
			return false
		}
		pi, rest, more = backPat, after, true
		backRest = after
	}
}
