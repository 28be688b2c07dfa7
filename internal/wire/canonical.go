package wire

import (
	"bytes"
	"slices"

	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

// canonicalDepth is how deep canonical JSON may be nested. The old system fails on anything deeper.
const canonicalDepth = 995

// AppendCanonical appends the old system's canonical form of one JSON value to dst: what it published, and what embedded
// signatures are made over (SPEC section 3). NaN, Infinity, -Infinity and lone surrogates pass; an object with the same key
// twice is refused, and so is nesting of more than 995 levels. On error dst is returned as it was. The work is in proportion
// to the bytes, and for objects whose keys are not in order to their nesting as well.
func AppendCanonical(dst, json []byte) ([]byte, error) {
	return appendCanonical(dst, json, everyMember)
}

// selection is which members of the outermost object are encoded.
type selection uint8

const (
	everyMember     selection = iota
	unsignedMembers           // all but the signature: what it is made over
	archivedMembers           // the same without what the old archive had added
	saidMembers               // all but what whoever signs puts in
	repeatedMembers           // the same without the number that the node puts in
	contentMembers            // what a submitter gives, without the trace that led to it and what was found out about a mail
	labelMembers              // of the headers: all but those of the trace
	bodyMembers               // of the body: all, with originMembers of its mail
	originMembers             // of the mail that a body was made of: all but who signed it, which may be judged otherwise later
)

// skips reports whether the selection leaves the member out.
func (l selection) skips(key []byte) bool {
	switch l {
	case unsignedMembers:
		f := fieldOf(key)
		return f == signatureField || f == certificateField
	case archivedMembers:
		return unsignedMembers.skips(key) || string(key) == "source_name" || string(key) == "source_version"
	case saidMembers:
		return unsignedMembers.skips(key) || string(key) == "crypto"
	case repeatedMembers:
		return saidMembers.skips(key) || string(key) == "seq_id"
	case contentMembers:
		f := fieldOf(key)
		return f != topicField && f != bodyField && f != headersField
	case labelMembers:
		return tracecontext.IsHeader(string(key))
	case originMembers:
		return string(key) == "dkim" || string(key) == "openpgp"
	}
	return false
}

// within gives the selection for the value of a member.
func (l selection) within(key []byte) selection {
	switch {
	case l == contentMembers && fieldOf(key) == headersField:
		return labelMembers
	case l == contentMembers && fieldOf(key) == bodyField:
		return bodyMembers
	case l == bodyMembers && string(key) == "mail":
		return originMembers
	}
	return everyMember
}

func appendCanonical(dst, json []byte, l selection) ([]byte, error) {
	s := borrow(json, canonicalDepth)
	defer s.release()
	s.lenient = true
	s.space()
	out := s.canonical(dst, l)
	s.end()
	if s.err != nil {
		return dst, s.err
	}
	return out, nil
}

// canonical passes over the value at pos and appends its canonical form.
func (s *scanner) canonical(dst []byte, l selection) []byte {
	if s.pos >= len(s.data) {
		s.syntax("a value")
		return dst
	}
	switch c := s.data[s.pos]; {
	case c == '"':
		t := s.str()
		if s.err != nil {
			return dst
		}
		return appendQuoted(dst, s.data[t.from:t.to], t.escaped || t.special)
	case c == '{':
		return s.canonicalObject(dst, l)
	case c == '[':
		return s.canonicalArray(dst)
	case c == '-' || c-'0' < 10:
		from := s.pos
		float := s.number()
		if s.err != nil {
			return dst
		}
		return appendNumber(dst, s.data[from:s.pos], float)
	default:
		from := s.pos
		s.literal()
		return append(dst, s.data[from:s.pos]...)
	}
}

func (s *scanner) canonicalArray(dst []byte) []byte {
	dst = append(dst, '[')
	o := s.enter()
	for first := true; s.more(&o, ']'); first = false {
		if !first {
			dst = append(dst, ',')
		}
		dst = s.canonical(dst, everyMember)
	}
	s.leave(o)
	return append(dst, ']')
}

// canonicalObject writes the members as they come, and puts them in order afterwards where they were not.
func (s *scanner) canonicalObject(dst []byte, l selection) []byte {
	dst = append(dst, '{')
	begin := len(dst)
	sorted := true
	o := s.enter()
	for s.member(&o) {
		at := len(s.keys) - 1
		k := &s.keys[at]
		name := s.keyText(*k)
		skip := l.skips(name)
		if at > o.keys && bytes.Compare(s.keyText(s.keys[at-1]), name) >= 0 {
			sorted = false
		}
		if len(dst) > begin {
			dst = append(dst, ',')
		}
		k.out = len(dst)
		dst = s.canonicalKey(dst, *k)
		dst = append(dst, ':')
		from, inner := len(dst), l.within(name)
		dst = s.canonical(dst, inner)
		if s.err != nil {
			return dst
		}
		k = &s.keys[at] // the stack may have moved
		if inner == labelMembers && string(dst[from:]) == "{}" {
			skip = true // headers with nothing but the trace
		}
		if l == archivedMembers {
			dst, skip = s.mend(dst, *k, from, skip)
		}
		if skip {
			dst = dst[:max(begin, k.out-1)]
			k.out = skipped
		}
		k.end = len(dst)
	}
	if !sorted && s.err == nil {
		s.sortMembers(dst, begin, s.keys[o.keys:])
	}
	s.leave(o)
	return append(dst, '}')
}

// mend undoes what the old archive did to a member whose value was written to dst[from:], and reports whether it goes.
func (s *scanner) mend(dst []byte, k key, from int, skip bool) ([]byte, bool) {
	switch fieldOf(s.keyText(k)) {
	case headersField:
		skip = falsy(dst[from:])
	case timestampField:
		dst = append(dst[:from], wholeNumber(dst[from:])...)
	}
	return dst, skip
}

// skipped is the place in the output of a member that is not there.
const skipped = -1

// canonicalKey appends the key of a member that was just read.
func (s *scanner) canonicalKey(dst []byte, k key) []byte {
	if k.escaped {
		return appendWTF8(dst, s.arena[k.from:k.to])
	}
	return appendQuoted(dst, s.data[k.from:k.to], true)
}

// sortMembers puts the members that were written from dst[begin] on in the order of their keys, by code point, and refuses
// two with the same key.
func (s *scanner) sortMembers(dst []byte, begin int, members []key) {
	slices.SortFunc(members, func(a, b key) int { return bytes.Compare(s.keyText(a), s.keyText(b)) })
	s.swap = append(s.swap[:0], dst[begin:]...)
	at := begin
	for i, k := range members {
		if i > 0 && bytes.Equal(s.keyText(members[i-1]), s.keyText(k)) {
			s.twice(s.keyText(k))
			return
		}
		if k.out == skipped {
			continue
		}
		if at > begin {
			dst[at] = ','
			at++
		}
		at += copy(dst[at:], s.swap[k.out-begin:k.end-begin])
	}
}
