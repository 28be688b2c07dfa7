package stomp

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// item makes of a frame what can be put through a door.
func (s *Source) item(c *conn, f *frame, settled func()) receive.Item {
	ack := f.get("ack")
	item := receive.Item{Settled: func() {
		settled()
		c.Put(func(b []byte) []byte { return appendAck(b, ack) })
	}}
	topic, err := s.topic(f, strings.HasPrefix(c.server, "RabbitMQ"))
	if err == nil && f.dropped > 0 {
		err = fedmsg.Errorf(fedmsg.CodeTooLarge, "the message has %d bytes; more than %d are not looked at", f.dropped, maxMessage)
	}
	var joinErr error
	item.Message, joinErr = carry.Join(topic, f.id(), f.body, f.lookup, f.told())
	if err == nil {
		err = joinErr
	}
	if err != nil {
		item.Bad = fedmsg.WrapError(fedmsg.CodeOf(err), err, "cannot be read")
		return item
	}
	s.complete(&item.Message, f, strings.HasPrefix(c.server, "ActiveMQ/"))
	return item
}

// complete sets what differs between whole envelopes and parts.
func (s *Source) complete(m *wire.Carried, f *frame, activeMQ bool) {
	if m.Envelope == nil {
		if activeMQ {
			m.Username = f.get("JMSXUserID") // as whom it let the publisher in; to others it is a header like any
		}
		if s.wrap {
			m.Body = wrapped(m.Body)
		}
		return
	}
	if rest, ok := strings.CutPrefix(m.Topic, s.places.prefix); ok && rest != m.Topic && saysTopic(m.Envelope, rest) {
		m.Topic = rest // the envelope stays as it was made there, where topics have no prefix
	}
}

// saysTopic reports whether the envelope has the topic. The door looks for itself.
func saysTopic(envelope []byte, topic string) bool {
	var e struct {
		Topic string `json:"topic"`
	}
	return json.Unmarshal(envelope, &e) == nil && e.Topic == topic
}

// wrapped makes an object of another JSON value, or of text. Of 112 recorded messages of Red Hat's bus three were neither an object
// nor empty.
func wrapped(body []byte) []byte {
	rest := bytes.TrimLeft(body, " \t\r\n")
	if len(rest) == 0 || rest[0] == '{' || !utf8.Valid(body) {
		return body
	}
	out := []byte(`{"value":`)
	if json.Valid(body) {
		out = append(out, body...)
	} else {
		out = fedmsg.AppendJSONString(out, string(body))
	}
	return append(out, '}')
}

// topic reads the topic from where the message was sent to. What a header says counts only where a destination cannot say it:
// servers watch over who may send to which destination, and over no header.
func (s *Source) topic(f *frame, escaped bool) (string, error) {
	destination := f.get("destination")
	if original, ok := f.lookup("original-destination"); ok && s.isVirtual(original) {
		destination = original // of what came through a queue of a virtual topic
	}
	if escaped { // RabbitMQ writes what is no letter or digit as %20
		if plain, err := url.PathUnescape(destination); err == nil {
			destination = plain
		}
	}
	told, hasTold := f.lookup(carry.HeaderTopic)
	prefixed := strings.HasPrefix(told, s.places.prefix)
	if destination == s.queue { // nothing but the header, or the envelope, has it
		if hasTold && !prefixed {
			return "", fedmsg.Errorf(fedmsg.CodeBadTopic, "the message says that its topic is %q, which does not begin with the %q of the option %s", clean(told), s.places.prefix, optPrefix)
		}
		return told, nil
	}
	if hasTold && prefixed {
		if meant, _ := s.places.out(told); meant == destination {
			return told, nil
		}
	}
	topic, ok := s.places.in(destination)
	switch {
	case ok:
		return topic, nil
	case s.forms:
		return "", fedmsg.Errorf(fedmsg.CodeBadTopic, "the message came on %q, which has not the form that the option %s gives", clean(destination), optTopic)
	}
	return s.places.prefix + bare(destination), nil
}

// bare takes the kind off a destination: /topic/NAME, /queue/NAME, /exchange/EXCHANGE/NAME.
func bare(destination string) string {
	kind, name, ok := strings.Cut(strings.TrimPrefix(destination, "/"), "/")
	if !ok {
		return destination
	}
	if kind == "exchange" {
		if _, key, ok := strings.Cut(name, "/"); ok {
			return key
		}
	}
	return name
}

// id is the name under which the message comes again if it comes again: what fedmsg or ActiveMQ gave it. RabbitMQ counts
// deliveries there, so that the same message would have another name.
func (f *frame) id() string {
	if id, ok := f.lookup(carry.HeaderID); ok {
		return id
	}
	if id := f.get("message-id"); strings.HasPrefix(id, "ID:") {
		return id
	}
	return ""
}

// told gives the headers that are the publisher's, or say the same of the message at each delivery and to each who gets it: what
// comes twice must be the same then.
func (f *frame) told() []carry.Header {
	var all []carry.Header
	for _, h := range f.headers {
		switch h.name {
		case "ack", "subscription", "redelivered", "message-id", "destination", "original-destination", "content-length", "receipt":
			continue
		}
		if !strings.HasPrefix(h.name, "amq6100_") {
			all = append(all, carry.Header{Name: h.name, Value: h.value})
		}
	}
	return all
}

func appendAck(b []byte, id string) []byte {
	b = append(b, "ACK\n"...)
	b = appendHeader(b, "id", id)
	return append(b, "\n\x00"...)
}
