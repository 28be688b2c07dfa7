package wire

import (
	"hash/maphash"
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// scanner walks over one JSON text once, checking it. It is borrowed for one call and holds what that call needs of working
// memory, so that decoding allocates only what it returns.
//
// The first fault is kept in err; from then on every method does nothing that matters, and loops end.
type scanner struct {
	data []byte
	pos  int // the next byte
	err  error

	lenient   bool // the old wire: NaN, Infinity and lone surrogates pass
	unchecked bool // the same key twice is not looked for
	maxDepth  int
	depth     int // of the value being read

	spaces   int  // bytes of white space met between tokens
	controls int  // those of them that are below 0x20
	notIJSON bool // something passed because of lenient

	keys   []key  // of all objects that are open, outermost first
	arena  []byte // the keys that had escapes, without them
	seed   maphash.Seed
	hashes []uint64 // see uniqueLarge
	swap   []byte   // see sortMembers
	joined []byte   // see copyStrings
}

// key is where a member's key stands: in data, or in arena if it had escapes, which are resolved there.
type key struct {
	from, to int
	escaped  bool
	out, end int // the member in the output, for the canonical form
}

// pool holds scanners at rest. It is working memory, not state: nothing is carried from one call to the next.
var pool = sync.Pool{New: func() any { return &scanner{seed: maphash.MakeSeed()} }}

// maxKept bounds the working memory, in elements of one slice, that a scanner at rest may hold. One huge message must not
// cost its memory for ever.
const maxKept = 32 << 10

// borrow gives a scanner that stands before data.
func borrow(data []byte, maxDepth int) *scanner {
	s := pool.Get().(*scanner)
	s.data, s.maxDepth = data, maxDepth
	return s
}

// release gives the scanner back. Nothing may refer to its memory any more.
func (s *scanner) release() {
	if max(cap(s.keys), cap(s.hashes), cap(s.arena), cap(s.swap), cap(s.joined)) > maxKept {
		return
	}
	*s = scanner{
		seed: s.seed, keys: s.keys[:0], arena: s.arena[:0], hashes: s.hashes[:0], swap: s.swap[:0], joined: s.joined[:0],
	}
	pool.Put(s)
}

// failf keeps the first fault.
func (s *scanner) failf(code fedmsg.Code, format string, args ...any) {
	if s.err == nil {
		s.err = fedmsg.Errorf(code, format, args...)
	}
}

// syntax keeps a fault of JSON at the place where the scanner stands.
func (s *scanner) syntax(what string) {
	if s.pos >= len(s.data) {
		s.failf(fedmsg.CodeBadJSON, "bad JSON: it ends at byte %d where %s is expected", len(s.data), what)
		return
	}
	s.failf(fedmsg.CodeBadJSON, "bad JSON: %q at byte %d where %s is expected", s.data[s.pos], s.pos+1, what)
}

// space passes over white space between tokens.
func (s *scanner) space() {
	if s.pos < len(s.data) && s.data[s.pos] <= ' ' {
		s.skipSpace()
	}
}

func (s *scanner) skipSpace() {
	for ; s.pos < len(s.data); s.pos++ {
		switch s.data[s.pos] {
		case ' ':
		case '\t', '\n', '\r':
			s.controls++
		default:
			return
		}
		s.spaces++
	}
}

// end holds that nothing but white space is left.
func (s *scanner) end() {
	s.space()
	if s.err == nil && s.pos < len(s.data) {
		s.syntax("the end")
	}
}

// value passes over one value, which starts at pos.
func (s *scanner) value() {
	if s.pos >= len(s.data) {
		s.syntax("a value")
		return
	}
	switch c := s.data[s.pos]; c {
	case '"':
		s.str()
	case '{':
		s.object()
	case '[':
		s.array()
	default:
		if c == '-' || c-'0' < 10 {
			s.number()
		} else {
			s.literal()
		}
	}
}

// literal passes over true, false, null, NaN or Infinity.
func (s *scanner) literal() {
	switch {
	case s.word("true"), s.word("false"), s.word("null"):
	case s.word("NaN"), s.word("Infinity"):
		s.oldNumber()
	default:
		s.syntax("a value")
	}
}

// word passes over w if it stands at pos.
func (s *scanner) word(w string) bool {
	if len(s.data)-s.pos < len(w) || string(s.data[s.pos:s.pos+len(w)]) != w {
		return false
	}
	s.pos += len(w)
	return true
}

// oldNumber holds that NaN and its like stand only where the old wire is read.
func (s *scanner) oldNumber() {
	if !s.lenient {
		s.failf(fedmsg.CodeBadJSON, "bad JSON: NaN or Infinity before byte %d is no JSON number; write null or a string", s.pos+1)
	}
	s.notIJSON = true
}

// number passes over a number and reports whether it is written as a float: with a point or an exponent, or as -Infinity.
func (s *scanner) number() (float bool) {
	if s.data[s.pos] == '-' {
		s.pos++
		if s.word("Infinity") {
			s.oldNumber()
			return true
		}
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else {
		s.digits()
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		s.digits()
		float = true
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		s.digits()
		float = true
	}
	return float
}

// digits passes over one digit or more.
func (s *scanner) digits() {
	i := s.pos
	for i < len(s.data) && s.data[i]-'0' < 10 {
		i++
	}
	if i == s.pos {
		s.syntax("a digit")
	}
	s.pos = i
}
