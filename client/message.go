package client

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/compose"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// outgoing is what becomes one line of a request.
type outgoing struct {
	wire.Draft
	whole  []byte // a ready-made envelope, or DSSE around one, in place of the draft
	signed bool   // whole is signed, and stays as it is
	// plain leaves it to the node to make the envelope. A message whose id the caller chose may be published again by
	// another process: it is the same message if topic, body and headers are, and not what an envelope has besides.
	plain bool
}

// append appends the line without its end. i is the counter for an envelope that is made here.
func (o *outgoing) append(b []byte, i uint64) []byte {
	switch {
	case o.whole != nil:
		return append(b, o.whole...)
	case !o.plain:
		o.I, o.N = i, i
		return wire.AppendEnvelope(b, &o.Draft)
	}
	b = append(b, `{"id":`...)
	b = fedmsg.AppendJSONString(b, o.ID)
	b = append(b, `,"topic":`...)
	b = fedmsg.AppendJSONString(b, o.Topic)
	if o.Headers != nil {
		b = append(append(b, `,"headers":`...), o.Headers...)
	}
	if o.Username != "" {
		b = fedmsg.AppendJSONString(append(b, `,"username":`...), o.Username)
	}
	b = append(append(b, `,"msg":`...), o.Body...)
	return append(b, '}')
}

// draft makes of m what is sent, all but the counters, which are given together with its place in the order.
func (c *Client) draft(m *fedmsg.Message) (outgoing, error) {
	defaults := compose.Defaults{
		TopicPrefix: c.o.TopicPrefix, Environment: c.o.Environment, Modname: c.o.Modname, Username: c.o.Username, Limits: c.limits,
	}
	draft, err := defaults.Draft(m)
	d := outgoing{Draft: draft, plain: m.ID != "" && m.Time.IsZero() && c.signer == nil}
	if m.ID == "" || c.signer == nil { // else the same message once more must be the same bytes
		d.Stream = c.stream
	}
	return d, err
}
