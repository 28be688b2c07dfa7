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
const (
	HeaderID         = "fedmsg-id"
	HeaderTopic      = "fedmsg-topic"      // where the protocol's own place for topics cannot hold it
	HeaderHead       = "fedmsg-head"       // the envelope's bytes before msg
	HeaderTail       = "fedmsg-tail"       // and those behind it
	HeaderSignatures = "fedmsg-signatures" // the array of detached signatures
	HeaderOrigin     = "fedmsg-origin"     // POSITION in the log of the node that sent it, or of the first that had it
)

// Header is one header of a message.
type Header struct{ Name, Value string }

// Limits bounds what a protocol takes; zero fields are without bound.
type Limits struct {
	Value int // bytes of one header's value
	Total int // bytes of all headers of this package together
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
func Split(e *fedmsg.Entry, form Form, limits Limits) (Message, error) { panic("not built") }

// MessageHeaders gives the headers inside an envelope (its member "headers"), in their order.
func MessageHeaders(envelope []byte) []Header { panic("not built") }

// Join makes of what came what can be put through a door. Header gives a header's value, or false. Where the headers of Split are
// there the envelope is put together again; where the body alone is an envelope it is that; else topic, id, body and
// messageHeaders (which become the envelope's "headers") are the parts of a new message.
func Join(topic, id string, body []byte, header func(name string) (string, bool), messageHeaders []Header) (wire.Carried, error) {
	panic("not built")
}
