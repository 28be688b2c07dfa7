package wire

import (
	"bytes"
	"hash/maphash"

	"github.com/federated-messaging/fedmsg"
)

// object is an object or array being read.
type object struct {
	keys, arena int // what the scanner held of these before it
	open        bool
}

// enter goes into the object or array that starts at pos.
func (s *scanner) enter() object {
	o := object{keys: len(s.keys), arena: len(s.arena)}
	if s.depth++; s.depth > s.maxDepth {
		s.failf(fedmsg.CodeTooDeep, "JSON at byte %d is nested deeper than limits.depth, which is %d", s.pos+1, s.maxDepth)
	}
	s.pos++
	s.space()
	return o
}

// leave goes out of an object or array, of which nothing is left to read.
func (s *scanner) leave(o object) {
	s.keys, s.arena = s.keys[:o.keys], s.arena[:o.arena]
	s.depth--
}

// more goes to the next element, if there is one: behind the comma, or the first. Otherwise it goes behind the bracket end.
func (s *scanner) more(o *object, end byte) bool {
	if s.err != nil {
		return false
	}
	if o.open {
		s.space()
	}
	if s.pos >= len(s.data) {
		s.syntax("the end of an object or array")
		return false
	}
	switch c := s.data[s.pos]; {
	case c == end:
		s.pos++
		return false
	case !o.open:
		o.open = true
		return true
	case c == ',':
		s.pos++
		s.space()
		return true
	}
	s.syntax("a comma or the end of an object or array")
	return false
}

// member goes to the value of the object's next member, if there is one. The last of s.keys is its key.
func (s *scanner) member(o *object) bool {
	if !s.more(o, '}') {
		return false
	}
	if s.pos >= len(s.data) || s.data[s.pos] != '"' {
		s.syntax("a key in quotes")
		return false
	}
	t := s.str()
	if s.err != nil {
		return false
	}
	k := key{from: t.from, to: t.to}
	if t.escaped {
		k.escaped = true
		k.from = len(s.arena)
		s.arena = appendUnescaped(s.arena, s.data[t.from:t.to])
		k.to = len(s.arena)
	}
	s.keys = append(s.keys, k)
	s.space()
	if s.pos >= len(s.data) || s.data[s.pos] != ':' {
		s.syntax("a colon")
		return false
	}
	s.pos++
	s.space()
	return true
}

// keyText is a key without its escapes. It is valid while the object is open.
func (s *scanner) keyText(k key) []byte {
	if k.escaped {
		return s.arena[k.from:k.to]
	}
	return s.data[k.from:k.to]
}

// object passes over an object.
func (s *scanner) object() {
	o := s.enter()
	for s.member(&o) {
		s.value()
	}
	s.unique(o)
	s.leave(o)
}

// array passes over an array.
func (s *scanner) array() {
	o := s.enter()
	for s.more(&o, ']') {
		s.value()
	}
	s.leave(o)
}

// fewKeys is up to how many keys are compared without a table.
const fewKeys = 32

// unique holds that the object, now read, has no key twice.
func (s *scanner) unique(o object) {
	keys := s.keys[o.keys:]
	if len(keys) < 2 || s.unchecked || s.err != nil {
		return
	}
	if len(keys) > fewKeys {
		s.uniqueLarge(keys)
		return
	}
	// A key whose bit of seen is not set yet is new. The others, a few, are compared.
	var seen uint64
	var hashes [fewKeys]uint64
	for i, k := range keys {
		text := s.keyText(k)
		h := maphash.Bytes(s.seed, text)
		hashes[i] = h
		bit := uint64(1) << (h & 63)
		if seen&bit != 0 {
			for j, g := range hashes[:i] {
				if g == h && bytes.Equal(s.keyText(keys[j]), text) {
					s.twice(text)
					return
				}
			}
		}
		seen |= bit
	}
}

// uniqueLarge does the same through a table of which at most half is full. A slot has the upper half of a hash, and the
// number of the key, counted from 1, in place of its lower half, which is where in the table it is looked for. Nobody
// outside knows the seed, so nobody can choose keys that collide.
func (s *scanner) uniqueLarge(keys []key) {
	size := 1
	for size < 2*len(keys) {
		size *= 2
	}
	if cap(s.hashes) < size {
		s.hashes = make([]uint64, size)
	}
	table := s.hashes[:size]
	clear(table)
	const upper = ^uint64(1<<32 - 1)
	for i, k := range keys {
		text := s.keyText(k)
		h := maphash.Bytes(s.seed, text)
		at := int(h) & (size - 1)
		for ; table[at] != 0; at = (at + 1) & (size - 1) {
			if (table[at]^h)&upper == 0 && bytes.Equal(s.keyText(keys[uint32(table[at])-1]), text) {
				s.twice(text)
				return
			}
		}
		table[at] = h&upper | uint64(i+1)
	}
}

func (s *scanner) twice(text []byte) {
	s.failf(fedmsg.CodeDuplicateKey, "an object has the key %q twice; readers would disagree about which one counts", clip(text))
}

// clip shortens what came from outside for use in a sentence.
func clip[T string | []byte](text T) string {
	const most = 64
	if len(text) <= most {
		return string(text)
	}
	return string(text[:most]) + "…"
}
