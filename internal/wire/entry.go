package wire

import (
	"bytes"
	"time"
	"unsafe"

	"github.com/federated-messaging/fedmsg"
)

// DecodeEntry reads one entry in the form of [fedmsg.Entry.AppendJSON], with the outcome of [fedmsg.Entry.UnmarshalJSON] but
// several times as fast where the members stand in the usual order. The caller gives line away: the entry shares its memory,
// strings included.
func DecodeEntry(line []byte) (fedmsg.Entry, error) {
	e, ok := decodeUsual(trimmed(line))
	if ok {
		return e, nil
	}
	// Unusual or wrong: the other way decides which.
	err := e.UnmarshalJSON(line)
	if err != nil {
		return fedmsg.Entry{}, err
	}
	return e, nil
}

// entryDepth is how deep an envelope may be nested to be read the fast way.
const entryDepth = 256

// decodeUsual reads an entry whose members stand in the order in which they are written here, none unknown, and whose
// envelope stands as JSON. It may decline anything, and never accepts what UnmarshalJSON would read otherwise.
func decodeUsual(line []byte) (e fedmsg.Entry, ok bool) {
	s := borrow(line, entryDepth)
	defer s.release()
	s.unchecked = true // it was looked for before the envelope was accepted
	ok = s.word(`{"position":`) && s.position(&e.Position) &&
		s.word(`,"seq":`) && s.count() &&
		s.word(`,"received":`) && s.received(&e.Received) &&
		s.word(`,"id":`) && s.share(&e.ID) &&
		s.word(`,"topic":`) && s.share(&e.Topic) &&
		s.word(`,"sender":`) && s.share(&e.Sender) &&
		s.word(`,"signer":`) && s.share(&e.Signer) &&
		s.word(`,"verdict":`) && s.share((*string)(&e.Verdict)) &&
		(!s.word(`,"origin":`) || s.position(&e.Origin)) &&
		s.word(`,"envelope":`) && s.object1(&e.Envelope)
	if !ok {
		return fedmsg.Entry{}, false
	}
	if s.word(`,"signatures":[]}`) && s.pos == len(line) {
		return e, true
	}
	var signatures []byte
	if s.word(`,"signatures":`) && s.array1(&signatures) && s.word(`}`) && s.pos == len(line) {
		e.Signatures = signatures
		return e, true
	}
	return fedmsg.Entry{}, false
}

// inside passes over a string that has neither escapes nor anything but printable ASCII, and gives its inside.
func (s *scanner) inside() ([]byte, bool) {
	if s.pos >= len(s.data) || s.data[s.pos] != '"' {
		return nil, false
	}
	from := s.pos + 1
	to := plainEnd(s.data, from)
	if to >= len(s.data) || s.data[to] != '"' {
		return nil, false
	}
	s.pos = to + 1
	return s.data[from:to:to], true
}

// share passes over such a string and lets text share its memory.
func (s *scanner) share(text *string) bool {
	in, ok := s.inside()
	*text = shared(in)
	return ok
}

// shared is b as a string, without a copy. Nobody may change b any more.
func shared(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (s *scanner) position(p *fedmsg.Position) bool {
	in, ok := s.inside()
	if !ok || len(in) == 0 {
		return ok // the zero Position
	}
	q, err := fedmsg.ParsePosition(shared(in))
	*p = q
	return err == nil
}

// count passes over a whole number.
func (s *scanner) count() bool {
	from := s.pos
	for s.pos < len(s.data) && s.data[s.pos]-'0' < 10 {
		s.pos++
	}
	return s.pos > from && (s.data[from] != '0' || s.pos == from+1)
}

func (s *scanner) received(t *time.Time) bool {
	in, ok := s.inside()
	if !ok || t.UnmarshalText(in) != nil {
		return false
	}
	*t = t.UTC()
	return true
}

// object1 passes over an object and gives its bytes.
func (s *scanner) object1(raw *[]byte) bool {
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		return false
	}
	from := s.pos
	s.value()
	*raw = s.data[from:s.pos:s.pos]
	return s.err == nil
}

// array1 passes over an array with something in it and gives its bytes.
func (s *scanner) array1(raw *[]byte) bool {
	if s.pos >= len(s.data) || s.data[s.pos] != '[' {
		return false
	}
	from := s.pos
	s.value()
	*raw = s.data[from:s.pos:s.pos]
	return s.err == nil && !bytes.Equal(*raw, []byte("[]"))
}
