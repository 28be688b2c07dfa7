package wire

import (
	"strconv"
	"time"
)

// SeqID reads the member seq_id of an envelope, the number for the old replay protocol: there tells that it has one, n is 0
// where that is no number. Whoever made the envelope may have written anything there.
func SeqID(envelope []byte) (n uint64, there bool) {
	raw := outerMember(envelope, "seq_id")
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil {
		n = 0
	}
	return n, raw != nil
}

// TimeOf reads when an envelope says that it was made, see [Envelope.Time], without decoding the rest.
func TimeOf(envelope []byte) (time.Time, bool) {
	e := Envelope{Timestamp: outerMember(envelope, "timestamp")}
	return e.Time()
}

// outerMember gives a member of the outermost object as it is written, or nil where there is none.
func outerMember(envelope []byte, name string) []byte {
	s := borrow(envelope, canonicalDepth)
	defer s.release()
	s.lenient, s.unchecked = true, true
	if len(envelope) == 0 || envelope[0] != '{' {
		return nil
	}
	for o := s.enter(); s.member(&o); {
		from, found := s.pos, string(s.keyText(s.keys[len(s.keys)-1])) == name
		if s.value(); found && s.err == nil {
			return envelope[from:s.pos]
		}
	}
	return nil
}

// BodyPlace tells where msg stands in an envelope: envelope[from:to] is its value as it is written. It is false where there is
// none.
func BodyPlace(envelope []byte) (from, to int, ok bool) {
	return outerPlace(envelope, bodyField)
}

// HeadersOf gives the member headers of an envelope as it is written, or nil where there is no such object.
func HeadersOf(envelope []byte) []byte {
	from, to, ok := outerPlace(envelope, headersField)
	if !ok || envelope[from] != '{' {
		return nil
	}
	return envelope[from:to:to]
}

// outerPlace finds the value of a member of the outermost object.
func outerPlace(envelope []byte, f field) (from, to int, ok bool) {
	s := borrow(envelope, canonicalDepth)
	defer s.release()
	s.lenient, s.unchecked = true, true
	if len(envelope) == 0 || envelope[0] != '{' {
		return 0, 0, false
	}
	for o := s.enter(); s.member(&o); {
		from, found := s.pos, fieldOf(s.keyText(s.keys[len(s.keys)-1])) == f
		if s.value(); found && s.err == nil {
			return from, s.pos, true
		}
	}
	return 0, 0, false
}

// LooksWhole reports whether data is an object that Submitted would take for a whole envelope: it has a topic, msg, and one of
// the members that no submission has.
func LooksWhole(data []byte) bool {
	data = trimmed(data)
	s := borrow(data, canonicalDepth)
	defer s.release()
	s.lenient, s.unchecked = true, true
	var in members
	in.read(s)
	return s.err == nil && in.kind(topicField) == '"' && in.has(bodyField) && in.whole()
}
