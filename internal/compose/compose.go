// Package compose makes of what a publisher says the draft of an envelope, wherever it goes from there: to a node or into the
// mesh.
//
// It promises that the same message is the same draft on every way, and that nothing in a body can become a member of the
// envelope. It numbers nothing, signs nothing, and leaves to the doors what is theirs to judge.
package compose

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/user"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Defaults fill in what a message leaves out.
type Defaults struct {
	TopicPrefix, Environment, Modname string // complete short topics, see [fedmsg.FullTopic]; without TopicPrefix topics stay as they are
	Username                          string // whom messages claim as their publisher
	Limits                            fedmsg.Limits
}

// Draft makes of m what is sent, all but the numbers.
func (o *Defaults) Draft(m *fedmsg.Message) (wire.Draft, error) {
	d := wire.Draft{Topic: m.Topic, ID: m.ID, Username: m.Username}
	if o.TopicPrefix != "" {
		d.Topic = fedmsg.FullTopic(o.TopicPrefix, o.Environment, o.Modname, m.Topic)
	}
	if err := o.Limits.CheckTopic(d.Topic); err != nil {
		return d, err
	}
	at := m.Time
	if at.IsZero() {
		at = time.Now()
	}
	d.Time = at.Unix()
	if d.ID == "" {
		d.ID = wire.NewID(at)
	}
	if d.Username == "" {
		d.Username = o.Username
	}
	var err error
	if d.Body, err = object(m.Body); err != nil {
		return d, err
	}
	if len(d.Body) > o.Limits.Body {
		return d, fedmsg.Errorf(fedmsg.CodeTooLarge, "body has %d bytes; limits.body is %d", len(d.Body), o.Limits.Body)
	}
	if len(m.Headers) > 0 {
		d.Headers = headers(m.Headers)
	}
	return d, nil
}

// Username is who the user of this process claims to be: $LOGNAME, $USER, or the name of the account.
func Username() string {
	for _, key := range []string{"LOGNAME", "USER"} {
		if name := os.Getenv(key); name != "" {
			return name
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
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

// Body makes a body of what a caller hands over: JSON as it is, anything else by encoding/json.
func Body(body any) (json.RawMessage, error) {
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
