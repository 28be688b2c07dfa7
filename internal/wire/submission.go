package wire

import (
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/nearest"
)

// Submission is a message as a new door is sent it, of which the node makes the envelope.
type Submission struct {
	Topic    string
	ID       string // empty when the node is to choose
	Username string // empty when absent or null
	Headers  []byte // a compact JSON object of strings; nil when absent, null or empty
	Body     []byte // a compact JSON object
}

// Submitted is what a request of a new door holds: one of its forms.
type Submitted struct {
	Whole      bool            // the form: Envelope when true, Submission when false
	Envelope   Envelope        // zero unless Whole
	Copied     bool            // Envelope shares no memory with what was decoded
	Signatures json.RawMessage // detached, as AppendSignatures makes them; nil unless Whole and signed so
	Origin     fedmsg.Position // where another node had it, as whoever hands it in says; zero where none did
	Submission Submission      // zero if Whole
}

// Submitted decodes a request of a new door, strictly. An object with any of msg_id, timestamp, i, crypto, signature and
// certificate is a whole envelope, whose unknown members are kept in its bytes. One with neither topic nor msg that begins
// with a member of DSSE is DSSE around a whole envelope. One without msg that has envelope or envelope_base64 is an entry as
// nodes give it, see [Decoder.Carried]: its envelope, signatures and origin count, or its position where it has no origin, and
// all else is what another node knew. Any other is a [Submission], in which an unknown key is refused: a misspelt one would be
// lost in silence. The result may share data's memory; its strings are copies.
func (d *Decoder) Submitted(data []byte) (Submitted, error) {
	if s, ok := d.usualEntry(data); ok {
		return s, nil
	}
	var in members
	s, err := d.open(&in, data, Strict, DSSESize(d.Limits.Envelope))
	defer s.release()
	switch {
	case in.entry && !in.has(bodyField): // nested deeper, it may not have been read to its end
		return d.entry(s.data)
	case err != nil:
		return Submitted{}, err
	case in.dsse():
		return d.signed(s.data)
	case len(s.data) > d.Limits.Envelope:
		return Submitted{}, d.tooLarge(len(s.data))
	case in.whole():
		env, err := d.envelope(&in, Strict)
		return Submitted{Whole: true, Envelope: env}, err
	}
	sub, err := d.submission(&in)
	return Submitted{Submission: sub}, err
}

// signed decodes DSSE around a whole envelope. The envelope is what was signed to the byte, so that nothing may be mended.
func (d *Decoder) signed(data []byte) (Submitted, error) {
	doc, err := DecodeDSSE(data, d.Limits.Envelope)
	if err != nil {
		return Submitted{}, err
	}
	// verification: payload-type (TestSubmittedDSSERefusals)
	if doc.Type != EnvelopeType {
		return Submitted{}, malformed("payloadType is %q; what is signed for publishing is %s", clip(doc.Type), EnvelopeType)
	}
	env, err := d.Envelope(doc.Payload, Strict)
	if err != nil {
		return Submitted{}, err
	}
	if err := exact(&env, doc.Payload); err != nil {
		return Submitted{}, err
	}
	return Submitted{Whole: true, Copied: true, Envelope: env, Signatures: doc.Signatures}, nil
}

// exact holds that an envelope was decoded without being mended, which takes bytes out.
func exact(env *Envelope, data []byte) error {
	// verification: payload-bytes (TestSubmittedDSSERefusals)
	if len(env.Bytes) != len(data) {
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope,
			"signed envelope has white space around it, or line breaks or tabs between its tokens; an envelope is one line, and its bytes cannot be changed once signed")
	}
	return nil
}

// submission makes the Submission of what was read.
func (d *Decoder) submission(in *members) (Submission, error) {
	if in.has(unknownField) {
		return Submission{}, unknownKey(in.unknown)
	}
	if err := d.checkSubmission(in); err != nil {
		return Submission{}, err
	}
	c := in.copyStrings(idField)
	if err := d.checkName(c.username); err != nil {
		return Submission{}, err
	}
	if err := d.Limits.CheckTopic(c.topic); err != nil {
		return Submission{}, err
	}
	if in.raw(idField) != nil {
		if err := d.checkID(c.id, Strict); err != nil {
			return Submission{}, err
		}
	}
	sub := Submission{Topic: c.topic, ID: c.id, Username: c.username, Body: in.body()}
	if in.spacedBody {
		sub.Body = appendCompact(make([]byte, 0, len(sub.Body)), sub.Body)
	}
	if in.headers.count > 0 {
		sub.Headers = in.raw(headersField)
		if in.spacedHeaders {
			sub.Headers = appendCompact(make([]byte, 0, len(sub.Headers)), sub.Headers)
		}
	}
	return sub, nil
}

// checkSubmission holds the types of a submission's members, and their limits.
func (d *Decoder) checkSubmission(in *members) error {
	if err := in.wants(idField, '"', "id", "a string"); err != nil {
		return err
	}
	if err := in.wants(usernameField, '"', "username", "a string"); err != nil {
		return err
	}
	if err := in.wants(headersField, '{', "headers", "an object of strings"); err != nil {
		return err
	}
	if in.headers.count > 0 && !in.headers.strings {
		return errHeaders()
	}
	return d.checkCommon(in, Strict)
}

// unknownKey refuses a key of a submission, naming the nearest known one.
func unknownKey(key string) error {
	if best := nearest.Word(key, []string{"topic", "msg", "id", "headers", "username"}); best != "" {
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "unknown key %q; did you mean %q?", key, best)
	}
	return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "unknown key %q; a submission has topic, msg, id, headers and username, and all else belongs into msg", key)
}
