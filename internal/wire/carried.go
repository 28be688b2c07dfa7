package wire

import (
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
)

// Carried is a message as another bus or node brought it: a whole envelope, or the parts of which this node makes one. Its
// slices belong to whoever hands it over.
type Carried struct {
	Envelope   []byte          // the exact bytes; nil where there are parts
	Signatures json.RawMessage // detached, beside Envelope: an array as AppendSignatures makes it, or nil
	Origin     fedmsg.Position // where another node had it, beside Envelope; zero where none did

	Topic    string // where it came on; beside Envelope it must be the envelope's own, unless it is empty
	ID       string // empty where it came without one
	Username string // empty where it came without one
	Headers  []byte // a JSON object of strings, or nil
	Body     []byte // a JSON object; {} where it is empty
}

// Size is how many bytes the message has.
func (c *Carried) Size() int {
	return len(c.Envelope) + len(c.Signatures) + len(c.Topic) + len(c.ID) + len(c.Username) + len(c.Headers) + len(c.Body)
}

// Carried decodes what another bus or node brought. An envelope is read as of the old wire where that is the only way to take
// it: nodes pass on what they took by their own old doors. The result may share the message's memory. Beside an
// error of a decoded envelope stands the envelope.
func (d *Decoder) Carried(c *Carried) (Submitted, error) {
	if c.Envelope == nil {
		sub, err := d.carriedParts(c)
		return Submitted{Submission: sub}, err
	}
	env, err := d.Envelope(c.Envelope, Strict)
	if err != nil && oldOnly(err) {
		if old, oldErr := d.Envelope(c.Envelope, Old); oldErr == nil {
			env, err = old, nil
		}
	}
	if err != nil {
		return Submitted{}, err
	}
	s := Submitted{Whole: true, Envelope: env, Origin: c.Origin}
	// verification: carried-topic (TestCarriedRefusals)
	if c.Topic != "" && c.Topic != env.Topic {
		return s, fedmsg.Errorf(fedmsg.CodeBadTopic, "the message came on %q and the topic in its envelope is %q; they must be the same", clip(c.Topic), clip(env.Topic))
	}
	if len(c.Signatures) == 0 || string(c.Signatures) == "[]" {
		return s, nil
	}
	// verification: carried-bytes (TestCarriedRefusals)
	if err := exact(&env, c.Envelope); err != nil {
		return s, err
	}
	s.Signatures, err = detached(c.Signatures)
	return s, err
}

// oldOnly reports whether what a strict door refused so may be in order on the old wire.
func oldOnly(err error) bool {
	switch fedmsg.CodeOf(err) {
	case fedmsg.CodeBadJSON, fedmsg.CodeBadTopic, fedmsg.CodeBadBody, fedmsg.CodeBadEnvelope, fedmsg.CodeBadID:
		return true
	}
	return false
}

// carriedParts decodes a message that came as parts, strictly.
func (d *Decoder) carriedParts(c *Carried) (Submission, error) {
	if size := c.Size(); size > d.Limits.Envelope {
		return Submission{Topic: clip(c.Topic)}, d.tooLarge(size)
	}
	sub := Submission{Topic: c.Topic, Username: c.Username}
	if err := d.Limits.CheckTopic(sub.Topic); err != nil {
		return sub, err
	}
	if err := d.checkName(c.Username); err != nil {
		return sub, err
	}
	if err := d.headersPart(&sub, c.Headers); err != nil {
		return sub, err
	}
	if c.ID != "" {
		sub.ID = c.ID
		if err := d.checkID(sub.ID, Strict); err != nil {
			return sub, err
		}
	}
	return sub, d.bodyPart(&sub, c.Body)
}
