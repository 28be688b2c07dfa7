package zeromq

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// format is a way in which entries stand on the wire.
type format string

const (
	formatFedmsg1 format = "fedmsg1" // topic, envelope: what the deployed programs read
	formatFedpub1 format = "fedpub1" // topic, FEDPUB1, headers, body: the publishing service of 2017
	formatFedmsg2 format = "fedmsg2" // topic, FEDMSG2, envelope, signatures
)

// parseFormat reads the option format=.
func parseFormat(text string) (format, error) {
	switch f := format(text); f {
	case formatFedmsg1, formatFedpub1, formatFedmsg2:
		return f, nil
	}
	return "", fmt.Errorf("format is one of fedmsg1, fedpub1 and fedmsg2, not %q", text)
}

// decode reads what is in the log already, whatever the limits were when it came and are now.
func decode(e *fedmsg.Entry) (wire.Envelope, error) {
	d := wire.Decoder{Limits: fedmsg.Limits{
		Body: math.MaxInt32, Envelope: math.MaxInt32, Depth: storedDepth, TopicBytes: math.MaxInt32, TopicWords: math.MaxInt32,
		Headers: math.MaxInt32, HeaderBytes: math.MaxInt32, IDBytes: math.MaxInt32, NameBytes: math.MaxInt32,
	}}
	return d.Envelope(e.Envelope, wire.Old)
}

// storedDepth is the most that limits.depth can be.
const storedDepth = 1000

// appendEntry appends the entry as one message in the format, or gives why it cannot be said in it.
func (f format) appendEntry(dst []byte, e *fedmsg.Entry) ([]byte, error) {
	topic := []byte(e.Topic)
	switch f {
	case formatFedmsg1:
		return zmtp.AppendMessage(dst, topic, e.Envelope), nil
	case formatFedpub1:
		headers, body, err := parts(e)
		if err != nil {
			return dst, err
		}
		return zmtp.AppendMessage(dst, topic, []byte(wire.FrameParts), headers, body), nil
	}
	signatures := []byte(e.Signatures)
	if len(signatures) == 0 {
		signatures = []byte("[]")
	}
	return zmtp.AppendMessage(dst, topic, []byte(wire.FrameEnvelope), e.Envelope, signatures), nil
}

// answer is the entry as a replay socket of the format gives it: the envelope, or as fedmsg2 DSSE around it, which carries the
// signatures that are not in it.
func (f format) answer(e *fedmsg.Entry) []byte {
	if f == formatFedmsg2 && len(e.Signatures) > 0 {
		return wire.AppendDSSE(nil, wire.EnvelopeType, e.Envelope, e.Signatures)
	}
	return bytes.Clone(e.Envelope)
}

// size estimates from above what appendEntry appends.
func size(e *fedmsg.Entry) int {
	return len(e.Topic) + len(e.Envelope) + len(e.Signatures) + len(e.ID) + 64
}

// parts gives headers, with the id among them, and body, as the envelope has them. A body that is not an object cannot be
// said: whoever reads the form takes each for one.
func parts(e *fedmsg.Entry) (headers, body []byte, err error) {
	env, err := decode(e)
	if err != nil {
		return nil, nil, err
	}
	if len(env.Body) == 0 || env.Body[0] != '{' {
		return nil, nil, fedmsg.Errorf(fedmsg.CodeBadBody, "the body of %s is not an object", e.Position)
	}
	rest, err := withoutID(env.Headers)
	if err != nil {
		return nil, nil, err
	}
	headers = append(make([]byte, 0, len(rest)+len(e.ID)+32), `{"`+wire.IDHeader+`":`...)
	headers = fedmsg.AppendJSONString(headers, e.ID)
	if len(rest) > 0 {
		headers = append(headers, ',')
	}
	return append(append(headers, rest...), '}'), env.Body, nil
}

// withoutID gives the inside of the headers' object, without one that the id's takes the place of.
func withoutID(headers []byte) ([]byte, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	if bytes.Contains(headers, []byte(wire.IDHeader)) || bytes.IndexByte(headers, '\\') >= 0 { // a key may have escapes
		all := map[string]json.RawMessage{}
		if err := json.Unmarshal(headers, &all); err != nil {
			return nil, err
		}
		if _, has := all[wire.IDHeader]; has {
			delete(all, wire.IDHeader)
			var err error
			if headers, err = json.Marshal(all); err != nil {
				return nil, err
			}
		}
	}
	return bytes.TrimSpace(headers[1 : len(headers)-1]), nil
}

// embedded reports whether the envelope has a signature in it, as programs of the old system ask for. Whether it is a good one
// is theirs to find out.
func embedded(e *fedmsg.Entry) bool {
	if !bytes.Contains(e.Envelope, []byte(`"signature"`)) {
		return false
	}
	env, err := decode(e)
	return err == nil && env.Signed()
}
