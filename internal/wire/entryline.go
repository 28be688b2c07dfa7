package wire

import (
	"encoding/base64"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// usualEntry decodes an entry whose members stand in the order of fedmsg.Entry.AppendJSON, whose envelope stands as JSON and
// is what a strict door takes. It may decline anything, and never accepts what entry would read otherwise.
func (d *Decoder) usualEntry(line []byte) (out Submitted, ok bool) {
	const begin = `{"position":`
	line = trimmed(line)
	if len(line) < len(begin) || string(line[:len(begin)]) != begin || len(line) > DSSESize(d.Limits.Envelope) {
		return Submitted{}, false
	}
	s := borrow(line, d.Limits.Depth)
	defer s.release()
	var text []byte // of what is passed over
	ok = s.word(begin) && s.position(&out.Origin) &&
		s.word(`,"seq":`) && s.count() &&
		s.word(`,"received":`) && s.raw(&text) &&
		s.word(`,"id":`) && s.raw(&text) &&
		s.word(`,"topic":`) && s.raw(&text) &&
		s.word(`,"sender":`) && s.raw(&text) &&
		s.word(`,"signer":`) && s.raw(&text) &&
		s.word(`,"verdict":`) && s.raw(&text) &&
		(!s.word(`,"origin":`) || s.position(&out.Origin)) &&
		s.word(`,"envelope":`)
	if !ok {
		return Submitted{}, false
	}
	from := s.pos
	var in members
	in.object(s)
	to := s.pos
	var signatures []byte
	if s.err != nil || to-from > d.Limits.Envelope || !s.word(`,"signatures":`) || !s.raw(&signatures) ||
		!s.word(`}`) || s.pos != len(line) || s.controls > 0 { // which would be taken out of the envelope
		return Submitted{}, false
	}
	s.data = line[from:to:to]
	in.move(from)
	var err error
	if out.Envelope, err = d.envelope(&in, Strict); err == nil && string(signatures) != "[]" {
		out.Signatures, err = detached(signatures)
	}
	if err != nil {
		return Submitted{}, false // the other way tells why
	}
	out.Origin.Log = fedmsg.LogID(strings.Clone(string(out.Origin.Log)))
	out.Whole = true
	return out, true
}

// raw passes over a value and gives its bytes.
func (s *scanner) raw(value *[]byte) bool {
	from := s.pos
	s.value()
	*value = s.data[from:s.pos:s.pos]
	return s.err == nil
}

// move takes the bytes in front of the object, of which there are so many, out of the places of its members.
func (m *members) move(before int) {
	for f := range m.at {
		if m.at[f].to > 0 {
			m.at[f] = span{m.at[f].from - before, m.at[f].to - before}
		}
	}
}

// entryParts is what counts of an entry that is handed in.
type entryParts struct {
	carried          Carried
	position, origin fedmsg.Position
	forms            int // in how many it has its envelope
	copied           bool
}

// entry decodes an entry as nodes give it, in any order of members.
func (d *Decoder) entry(line []byte) (Submitted, error) {
	s := borrow(line, d.Limits.Depth+1)
	defer s.release()
	p := s.entryParts(d.Limits.Envelope)
	switch s.end(); {
	case s.err != nil:
		return Submitted{}, s.err
	case p.forms != 1:
		return Submitted{}, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "an entry has either envelope, an object, or envelope_base64")
	}
	if p.carried.Origin = p.origin; p.origin.IsZero() {
		p.carried.Origin = p.position
	}
	out, err := d.Carried(&p.carried)
	if err != nil {
		return Submitted{}, err
	}
	out.Copied = p.copied
	return out, nil
}

// entryParts passes over the object. The envelope has at most limit bytes.
func (s *scanner) entryParts(limit int) (p entryParts) {
	o := s.enter()
	for s.member(&o) {
		switch name := string(s.keyText(s.keys[len(s.keys)-1])); name {
		case "position", "origin":
			at := &p.position
			if name == "origin" {
				at = &p.origin
			}
			if text := s.text(name); s.err == nil {
				s.err = at.UnmarshalText(text)
			}
		case "envelope":
			if s.word("null") {
				break
			}
			if p.forms++; s.pos < len(s.data) && s.data[s.pos] != '{' {
				s.failf(fedmsg.CodeBadEnvelope, "envelope is not an object")
			}
			s.raw(&p.carried.Envelope)
		case "envelope_base64":
			p.forms++
			text := s.text(name)
			if size := base64Size(text); s.err == nil && size > limit {
				s.failf(fedmsg.CodeTooLarge, "message has %d bytes; limits.envelope is %d", size, limit)
			}
			if s.err == nil {
				p.carried.Envelope = s.base64(make([]byte, 0, base64.StdEncoding.DecodedLen(len(text))), text, name)
				p.copied = true
			}
		case "signatures":
			if !s.word("null") {
				s.raw((*[]byte)(&p.carried.Signatures))
			}
		default:
			s.value()
		}
	}
	s.unique(o)
	s.leave(o)
	return p
}
