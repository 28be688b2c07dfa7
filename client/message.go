package client

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
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
	d := outgoing{
		Draft: wire.Draft{Topic: m.Topic, ID: m.ID, Username: m.Username, Stream: c.stream},
		plain: m.ID != "" && m.Time.IsZero() && c.signer == nil,
	}
	if m.ID != "" && c.signer != nil {
		d.Stream = "" // the same message once more must be the same bytes
	}
	if c.o.TopicPrefix != "" {
		d.Topic = fedmsg.FullTopic(c.o.TopicPrefix, c.o.Environment, c.o.Modname, m.Topic)
	}
	if err := c.limits.CheckTopic(d.Topic); err != nil {
		return d, err
	}
	now := m.Time
	if now.IsZero() {
		now = time.Now()
	}
	d.Time = now.Unix()
	if d.ID == "" {
		d.ID = wire.NewID(now)
	}
	if d.Username == "" {
		d.Username = c.o.Username
	}
	var err error
	if d.Body, err = object(m.Body); err != nil {
		return d, err
	}
	if len(d.Body) > c.limits.Body {
		return d, fedmsg.Errorf(fedmsg.CodeTooLarge, "body has %d bytes; limits.body is %d", len(d.Body), c.limits.Body)
	}
	if len(m.Headers) > 0 {
		d.Headers = headers(m.Headers)
	}
	return d, nil
}

// headers encodes labels as a compact JSON object in a fixed order.
func headers(labels map[string]string) []byte {
	b := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = fedmsg.AppendJSONString(b, name)
		b = append(b, ':')
		b = fedmsg.AppendJSONString(b, labels[name])
	}
	return append(b, '}')
}

// marshal makes a body of what a caller hands over: JSON as it is, anything else by encoding/json.
func marshal(body any) (json.RawMessage, error) {
	switch b := body.(type) {
	case json.RawMessage:
		return b, nil
	case []byte:
		return b, nil
	case nil:
		return json.RawMessage(`{}`), nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeBadBody, err, "the body cannot be written as JSON")
	}
	return b, nil
}

// object checks that b is one JSON object from its first byte to its last, so that nothing in it can become a member of the
// envelope, and takes layout out. What stands inside is the node's to judge.
func object(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return []byte(`{}`), nil
	}
	end, plain := closes(b)
	if end == len(b)-1 && plain {
		return b, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeBadJSON, err, "the body is not JSON")
	}
	b = compact.Bytes()
	if end, plain = closes(b); end != len(b)-1 || !plain {
		return nil, fedmsg.Errorf(fedmsg.CodeBadBody, "the body is not a JSON object; write it as {…}")
	}
	return b, nil
}

// closes finds the brace that closes the object with which b begins, or gives -1. plain tells that there is no layout
// between the tokens up to there.
func closes(b []byte) (end int, plain bool) {
	if b[0] != '{' {
		return -1, true
	}
	depth, plain := 0, true
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if i = closesString(b, i); i < 0 {
				return -1, plain
			}
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i, plain
			}
		case c <= ' ':
			plain = false
		}
	}
	return -1, plain
}

// closesString finds the quote that closes the string which begins at i, or gives -1; so does a control character, which no
// string may have.
func closesString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i
		case c < 0x20:
			return -1
		case c == '\\' && i+1 < len(b) && b[i+1] >= 0x20:
			i++
		}
	}
	return -1
}
