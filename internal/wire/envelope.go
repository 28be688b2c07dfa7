package wire

import "github.com/federated-messaging/fedmsg"

// Mode says which door the bytes came through.
type Mode uint8

// The modes.
const (
	// Strict is every new door: I-JSON, topics by Limits.CheckTopic, the body an object.
	Strict Mode = iota
	// Old is the old wire: NaN, Infinity, -Infinity and lone surrogates are let through, topics are held to
	// Limits.CheckOldTopic, and the body may be any value. Duplicate keys are refused here too.
	Old
)

// Decoder decodes what doors are sent, within limits. It is a value without state, safe for concurrent use.
type Decoder struct {
	Limits fedmsg.Limits // start from fedmsg.DefaultLimits
}

// Envelope is one decoded envelope. Its slices are parts of Bytes; its strings are copies.
type Envelope struct {
	Bytes    []byte // the exact bytes, one line: no byte below 0x20, no white space around the object
	Topic    string
	ID       string // msg_id, or sha256-HEX of Bytes where the envelope has none (old envelopes)
	Username string // empty when absent or null

	// The members as raw JSON; nil when absent or null.

	Timestamp   []byte // a number, whole or not
	Body        []byte // msg
	Headers     []byte // an object
	Signature   []byte
	Certificate []byte
	Crypto      []byte

	// NotIJSON tells that the bytes have NaN, Infinity or lone surrogates, which strict JSON parsers refuse.
	NotIJSON bool
}

// Signed reports whether the envelope carries an embedded signature, good or bad.
func (e *Envelope) Signed() bool { return e.Signature != nil }

// Envelope decodes one whole envelope. The result shares data's memory, except where white space had to be mended.
//
// White space below 0x20 between the tokens cannot stay, because an envelope is one line. At a strict door an unsigned
// envelope that has it is compacted and a signed one is refused; on the old wire each such byte becomes a space, which
// changes neither meaning nor signature. White space around the object is never part of it.
func (d *Decoder) Envelope(data []byte, m Mode) (Envelope, error) {
	panic("not yet")
}
