package client

import (
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Decoder reads messages in the form in which HTTP takes them, for programs that pass on what others wrote. It is safe for
// concurrent use.
type Decoder struct{ wire wire.Decoder }

// NewDecoder makes a Decoder with the default limits.
func NewDecoder() *Decoder { return &Decoder{wire.Decoder{Limits: fedmsg.DefaultLimits()}} }

// Decode reads {"topic","msg","id"?,"headers"?,"username"?} as a Message, or a whole envelope, DSSE around one, or an entry, which
// it gives as it is to be sent; it is nil in the first case. data may be shared by the result.
func (d *Decoder) Decode(data []byte) (m fedmsg.Message, envelope []byte, err error) {
	s, err := d.wire.Submitted(data)
	if err != nil {
		return m, nil, err
	}
	if s.Signatures != nil || !s.Origin.IsZero() {
		return m, document(&s), nil
	}
	if s.Whole {
		return m, s.Envelope.Bytes, nil
	}
	sub := s.Submission
	m = fedmsg.Message{ID: sub.ID, Topic: sub.Topic, Username: sub.Username, Body: sub.Body}
	if sub.Headers != nil {
		if err := json.Unmarshal(sub.Headers, &m.Headers); err != nil {
			return m, nil, fedmsg.WrapError(fedmsg.CodeBadEnvelope, err, "headers is not an object of strings")
		}
	}
	return m, nil, nil
}
