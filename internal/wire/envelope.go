package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// Mode says which door the bytes came through.
type Mode uint8

// The modes.
const (
	// Strict is every new door: I-JSON, topics by Limits.CheckTopic, the body an object, every known member of its type.
	Strict Mode = iota
	// Old is the old wire: NaN, Infinity, -Infinity and lone surrogates are let through, topics are held to
	// Limits.CheckOldTopic, and the body and the members around it may be any value. Duplicate keys are refused here too.
	Old
)

// Decoder decodes what doors are sent, within limits. It is a value without state, safe for concurrent use.
type Decoder struct {
	Limits fedmsg.Limits // start from fedmsg.DefaultLimits
}

// ContentID is what ids begin with that are of what an envelope says, and not its own: see [Envelope].
const ContentID = "sha256-"

// Envelope is one decoded envelope. Its slices are parts of Bytes; its strings are copies.
type Envelope struct {
	Bytes    []byte // the exact bytes, one line: no byte below 0x20, no white space around the object
	Topic    string
	ID       string // msg_id, or sha256-HEX of what is said where the envelope has none (old envelopes)
	Username string // empty when absent or null; a lone surrogate in it is U+FFFD

	// The members as raw JSON; nil when absent or null. On the old wire Headers is nil also when it is not an object and
	// Timestamp when it is not a number; the others may be any value there.

	Timestamp   []byte // a number, whole or not
	Body        []byte // msg; never nil
	Headers     []byte // an object
	Signature   []byte // a string
	Certificate []byte // a string
	Crypto      []byte // a string

	// NotIJSON tells that the bytes have NaN, Infinity or lone surrogates, which strict JSON parsers refuse.
	NotIJSON bool
}

// Signed reports whether the envelope carries an embedded signature, good or bad.
func (e *Envelope) Signed() bool { return e.Signature != nil }

// Bare reports whether no member of the envelope speaks of signatures, so that one can be put into it.
func (e *Envelope) Bare() bool {
	return e.Signature == nil && e.Certificate == nil && e.Crypto == nil
}

// Envelope decodes one whole envelope. The result shares data's memory, except where white space had to be mended.
//
// White space below 0x20 between the tokens cannot stay, because an envelope is one line. At a strict door an unsigned
// envelope that has it is compacted and a signed one is refused; on the old wire each such byte becomes a space, which
// changes neither meaning nor signature. White space around the object is never part of it.
func (d *Decoder) Envelope(data []byte, m Mode) (Envelope, error) {
	var in members
	s, err := d.open(&in, data, m, d.Limits.Envelope)
	defer s.release()
	if err != nil {
		return Envelope{}, err
	}
	return d.envelope(&in, m)
}

// open reads the outermost object of data, which has at most so many bytes. The scanner, which the caller releases, is never
// nil.
func (d *Decoder) open(in *members, data []byte, m Mode, most int) (*scanner, error) {
	data = trimmed(data)
	s := borrow(data, d.Limits.Depth)
	s.lenient = m == Old
	if len(data) > most {
		return s, d.tooLarge(len(data))
	}
	in.read(s)
	return s, s.err
}

// tooLarge refuses a message of so many bytes.
func (d *Decoder) tooLarge(size int) error {
	return fedmsg.Errorf(fedmsg.CodeTooLarge, "message has %d bytes; limits.envelope is %d", size, d.Limits.Envelope)
}

// envelope makes the Envelope of what was read.
func (d *Decoder) envelope(in *members, m Mode) (Envelope, error) {
	s := in.s
	switch {
	case s.controls == 0:
	case m == Old:
		s.data = spaced(s.data)
	case in.raw(signatureField) != nil:
		return Envelope{}, fedmsg.Errorf(fedmsg.CodeBadEnvelope,
			"signed envelope has line breaks or tabs between its tokens; an envelope is one line, and its bytes cannot be changed once signed")
	default:
		// Rare enough to be read twice.
		return d.Envelope(appendCompact(make([]byte, 0, len(s.data)), s.data), m)
	}
	if err := d.checkMembers(in, m); err != nil {
		return Envelope{}, err
	}
	c := in.copyStrings(msgIDField)
	if err := d.checkName(c.username); err != nil {
		return Envelope{}, err
	}
	e := Envelope{
		Bytes: s.data[:len(s.data):len(s.data)], Topic: c.topic, ID: c.id, Username: c.username,
		Timestamp: in.raw(timestampField), Body: in.body(), Headers: in.raw(headersField),
		Signature: in.raw(signatureField), Certificate: in.raw(certificateField), Crypto: in.raw(cryptoField),
		NotIJSON: s.notIJSON,
	}
	if m == Old {
		if err := d.Limits.CheckOldTopic(e.Topic); err != nil {
			return Envelope{}, err
		}
		e.forgive(in)
	} else if err := d.Limits.CheckTopic(e.Topic); err != nil {
		return Envelope{}, err
	}
	if in.raw(msgIDField) == nil {
		e.ID = idOf(e.Bytes)
		return e, nil
	}
	if err := d.checkID(e.ID, m); err != nil {
		return Envelope{}, err
	}
	return e, nil
}

// idOf gives the id of an envelope that has none: the hash of its canonical form without what whoever signs puts in. An old
// signature stays good in whatever way the same is written, and who writes it in another way must not have another message.
func idOf(envelope []byte) string {
	said, err := appendCanonical(nil, envelope, saidMembers)
	if err != nil { // too deep for the old system, and so for its signatures
		said = envelope
	}
	sum := sha256.Sum256(said)
	return ContentID + hex.EncodeToString(sum[:])
}

// forgive leaves out what the old wire may send in a member that is of no use.
func (e *Envelope) forgive(in *members) {
	e.Username = strings.ToValidUTF8(e.Username, "\ufffd")
	if in.kind(headersField) != '{' {
		e.Headers = nil
	}
	if in.kind(timestampField) != '0' || string(e.Timestamp) == "-Infinity" {
		e.Timestamp = nil
	}
}
