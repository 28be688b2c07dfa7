package wire

import (
	"github.com/federated-messaging/fedmsg"
)

// span is where a member's value stands in the data. The zero span is a member that is absent.
type span struct{ from, to int }

// field is a key that an envelope or submission is known by.
type field uint8

const (
	unknownField field = iota
	topicField
	bodyField
	headersField
	usernameField
	idField // of a submission
	msgIDField
	timestampField
	counterField
	cryptoField
	signatureField
	certificateField
	fields // how many there are
)

// fieldOf finds the field that a key names.
func fieldOf(key []byte) field {
	switch string(key) {
	case "topic":
		return topicField
	case "msg":
		return bodyField
	case "headers":
		return headersField
	case "username":
		return usernameField
	case "id":
		return idField
	case "msg_id":
		return msgIDField
	case "timestamp":
		return timestampField
	case "i":
		return counterField
	case "crypto":
		return cryptoField
	case "signature":
		return signatureField
	case "certificate":
		return certificateField
	}
	return unknownField
}

// members is the outermost object of what a door was sent.
type members struct {
	s       *scanner
	at      [fields]span
	unknown string // the first key that is not known
	headers tally
	entry   bool // a key that is not known is one of those in which an entry has its envelope

	spacedBody, spacedHeaders bool // they have white space between tokens
}

// tally is what was counted while headers were read.
type tally struct {
	count   int
	longest int  // bytes of the longest header, name and value as they are written
	strings bool // all values are strings
	id      span // the value of IDHeader
	idAfter int  // where the value before that header ends; 0 where there is none
}

// read passes over the outermost object, which is all there is, and keeps where its members stand.
func (m *members) read(s *scanner) {
	m.object(s)
	s.end()
}

// object passes over the object at pos and all in it, and keeps where its members stand.
func (m *members) object(s *scanner) {
	m.s = s
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		s.syntax("an object")
		return
	}
	o := s.enter()
	for s.member(&o) {
		name := s.keyText(s.keys[len(s.keys)-1])
		f := fieldOf(name)
		if f == unknownField {
			m.other(name)
		}
		from, spaces := s.pos, s.spaces
		switch {
		case f == headersField && s.pos < len(s.data) && s.data[s.pos] == '{':
			m.headers = s.headers()
			m.spacedHeaders = s.spaces != spaces
		case f == bodyField:
			s.value()
			m.spacedBody = s.spaces != spaces
		default:
			s.value()
		}
		m.at[f] = span{from, s.pos}
	}
	s.unique(o)
	s.leave(o)
}

// other takes note of a key that is not known.
func (m *members) other(name []byte) {
	if m.unknown == "" {
		m.unknown = clip(name)
	}
	if string(name) == "envelope" || string(name) == "envelope_base64" {
		m.entry = true
	}
}

// headers passes over an object and counts its members.
func (s *scanner) headers() tally {
	t, end := tally{strings: true}, 0
	o := s.enter()
	for s.member(&o) {
		k := s.keys[len(s.keys)-1]
		from := s.pos
		s.value()
		if s.err != nil {
			break
		}
		if string(s.keyText(k)) == IDHeader {
			t.id, t.idAfter = span{from, s.pos}, end
		}
		end = s.pos
		size := k.to - k.from + s.pos - from
		if s.data[from] == '"' {
			size -= 2
		} else {
			t.strings = false
		}
		t.count++
		t.longest = max(t.longest, size)
	}
	s.unique(o)
	s.leave(o)
	return t
}

// has reports whether the member is there, even if it is null.
func (m *members) has(f field) bool { return m.at[f].to > 0 }

// whole reports whether this is an envelope and not a submission.
func (m *members) whole() bool {
	for f := msgIDField; f < fields; f++ {
		if m.has(f) {
			return true
		}
	}
	return false
}

// dsse reports whether this is DSSE and not a message.
func (m *members) dsse() bool {
	if m.unknown == "" || m.has(topicField) || m.has(bodyField) {
		return false
	}
	return m.unknown == "payload" || m.unknown == "payloadType" || m.unknown == "signatures"
}

// raw is the member's value as it is written, or nil when it is absent or null.
func (m *members) raw(f field) []byte {
	if !m.has(f) {
		return nil
	}
	raw := m.s.data[m.at[f].from:m.at[f].to:m.at[f].to]
	if raw[0] == 'n' {
		return nil
	}
	return raw
}

// kind is what sort of value the member has: its first byte, '0' for a number, and 0 when it is absent or null.
func (m *members) kind(f field) byte {
	raw := m.raw(f)
	switch {
	case raw == nil:
		return 0
	case raw[0] == '-' || raw[0]-'0' < 10:
		return '0'
	}
	return raw[0]
}

// wants holds that the member, if it is there and not null, has the kind of value.
func (m *members) wants(f field, kind byte, name, what string) error {
	if k := m.kind(f); k != 0 && k != kind {
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "%s must be %s or null", name, what)
	}
	return nil
}

// copied is what copyStrings copied.
type copied struct{ topic, id, username string }

// copyStrings copies the topic, the id of the field id and the username, at the cost of one allocation. What is not a string
// is left empty.
func (m *members) copyStrings(id field) copied {
	s := m.s
	var ends [3]int
	for i, f := range [3]field{topicField, id, usernameField} {
		if raw := m.raw(f); raw != nil && raw[0] == '"' {
			s.joined = appendUnescaped(s.joined, raw[1:len(raw)-1])
		}
		ends[i] = len(s.joined)
	}
	all := string(s.joined)
	return copied{topic: all[:ends[0]], id: all[ends[0]:ends[1]], username: all[ends[1]:]}
}

// body is msg as it is written, null included.
func (m *members) body() []byte {
	return m.s.data[m.at[bodyField].from:m.at[bodyField].to:m.at[bodyField].to]
}
