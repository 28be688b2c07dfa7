// Package carry is how an entry travels over a protocol whose messages have headers and a body, so that what comes out at the
// other end is the same entry to the byte.
//
// It promises that Join undoes Split: the envelope's exact bytes, its detached signatures and its origin. In the form Body a
// program that knows nothing of fedmsg finds the message itself as the body, and the envelope around it stands in headers; in
// the form Envelope the body is the envelope. It knows no protocol.
package carry

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Form is what stands in the body.
type Form uint8

// The forms.
const (
	Envelope Form = iota // the whole envelope
	Body                 // msg alone, to the byte; the rest of the envelope stands in headers
)

// The headers that carry what the body does not. A value longer than the protocol takes is spread over NAME, NAME-2, NAME-3 …
// Values are printable ASCII with no space at either end; what is not stands as "base64:" and its bytes in base64.
const (
	HeaderID         = "fedmsg-id"         // where the protocol's own place for ids cannot hold it; Split does not set it
	HeaderTopic      = "fedmsg-topic"      // where the protocol's own place for topics cannot hold it; Split does not set it
	HeaderHead       = "fedmsg-head"       // the envelope's bytes before msg
	HeaderTail       = "fedmsg-tail"       // and those behind it
	HeaderSignatures = "fedmsg-signatures" // the array of detached signatures
	HeaderOrigin     = "fedmsg-origin"     // POSITION in the log of the node that sent it, or of the first that had it
)

// Header is one header of a message.
type Header struct{ Name, Value string }

// Limits bounds what a protocol takes; zero fields are without bound. Bytes are counted before the protocol's own escapes.
type Limits struct {
	Value int // bytes of one header's value; at least 64
	Total int // bytes of all headers of this package together, names and values
}

// Message is an entry on its way.
type Message struct {
	Topic   string
	ID      string
	Headers []Header // those of this package; not those inside the envelope, see MessageHeaders
	Body    []byte   // shares the entry's memory
	Lossy   bool     // the headers would have been beyond Limits.Total: only topic, id and body are carried
}

// Split makes of an entry what is sent. The entry's own position is its origin where it has none.
func Split(e *fedmsg.Entry, form Form, limits Limits) (Message, error) {
	m := Message{Topic: e.Topic, ID: e.ID, Body: e.Envelope}
	p := packer{limits: limits, headers: make([]Header, 0, 4)}
	if form == Body {
		from, to, ok := wire.BodyPlace(e.Envelope)
		if !ok {
			return Message{}, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the envelope of %s has no msg that could be the body", e.ID)
		}
		m.Body = e.Envelope[from:to:to]
		p.put(HeaderHead, e.Envelope[:from])
		p.put(HeaderTail, e.Envelope[to:])
	}
	if len(e.Signatures) > 0 {
		p.put(HeaderSignatures, e.Signatures)
	}
	origin := e.Origin
	if origin.IsZero() {
		origin = e.Position
	}
	if !origin.IsZero() {
		p.put(HeaderOrigin, origin.AppendTo(make([]byte, 0, 40)))
	}
	m.Headers = p.headers
	if limits.Total > 0 && p.total > limits.Total {
		m.Headers, m.Lossy = nil, true
	}
	return m, nil
}

// Join makes of what came what can be put through a door. Header gives a header's value, or false. Where the headers of Split are
// there the envelope is put together again; where the body alone is an envelope it is that; else topic, id, body and
// messageHeaders (which become the envelope's "headers") are the parts of a new message. Topic and id are those of the protocol's
// own places, where brokers watch over them: HeaderTopic and HeaderID are not looked at. Beside an error stands what came, as parts.
func Join(topic, id string, body []byte, header func(name string) (string, bool), messageHeaders []Header) (wire.Carried, error) {
	parts := wire.Carried{Topic: topic, ID: id, Body: body, Headers: appendHeaders(messageHeaders)}
	out := wire.Carried{Topic: topic}
	u := unpacker{header: header}
	head, whole := u.take(HeaderHead)
	tail, hasTail := u.take(HeaderTail)
	signatures, signed := u.take(HeaderSignatures)
	origin, came := u.take(HeaderOrigin)
	if err := out.Origin.UnmarshalText(origin); err != nil && u.err == nil {
		u.err = err
	}
	switch {
	case u.err != nil:
		return parts, u.err
	case whole != hasTail:
		return parts, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the message on %s has only one of the headers %s and %s; something on its way drops headers", topic, HeaderHead, HeaderTail)
	case whole:
		out.Envelope = append(append(append(make([]byte, 0, len(head)+len(body)+len(tail)), head...), body...), tail...)
		if from, to, ok := wire.BodyPlace(out.Envelope); !ok || from != len(head) || to != len(head)+len(body) {
			return parts, fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the body of the message on %s is not the msg of the envelope in its headers; something on its way changes messages", topic)
		}
	case signed, came, wire.LooksWhole(body):
		out.Envelope = body
	default:
		return parts, nil
	}
	if len(signatures) > 0 {
		out.Signatures = signatures
	}
	return out, nil
}
