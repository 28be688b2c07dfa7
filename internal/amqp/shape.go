package amqp

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// publishing is what is published for one entry.
type publishing struct {
	key     string // the routing key
	message amqp.Publishing
	remark  string // what of the entry does not travel; empty if all does
}

// frameRest is how much of the frame of the headers is kept for all that is no header.
const frameRest = 2 << 10

// publishing makes of an entry what is published. An error is the entry's own.
func (s *server) publishing(e *fedmsg.Entry, frame int) (publishing, error) {
	p := publishing{key: e.Topic}
	if s.prefix != "" {
		rest, ok := strings.CutPrefix(e.Topic, s.prefix)
		if !ok || rest == "" {
			return p, fedmsg.Errorf(fedmsg.CodeBadTopic,
				"the topic does not begin with %q, which prefix of the sink's address takes off; leave such topics out of the sink's topics", s.prefix)
		}
		p.key = rest
	}
	if len(p.key) > maxShort {
		return p, fedmsg.Errorf(fedmsg.CodeBadTopic, "the topic has %d bytes; a routing key of AMQP has at most %d", len(p.key), maxShort)
	}
	p.message = amqp.Publishing{
		ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent, MessageId: e.ID, Headers: amqp.Table{},
	}
	if s.fedora {
		return p, s.fedoraShape(&p, e, frame-frameRest)
	}
	p.message.Timestamp = e.Received
	used := 0
	for _, h := range carry.Trace(e.Envelope) {
		used += len(h.Name) + len(h.Value) + headerCost
		p.message.Headers[h.Name] = h.Value
	}
	return p, s.carried(&p, e, carry.Envelope, frame-frameRest-used)
}

// carried puts in body and headers what makes the same entry of it again, in at most that many bytes of headers.
func (s *server) carried(p *publishing, e *fedmsg.Entry, form carry.Form, room int) error {
	m, err := carry.Split(e, form, carry.Limits{Total: max(room, 1)})
	if err != nil {
		return err
	}
	if m.Lossy {
		p.remark = "the envelope around the message has no room in the headers: what was sent is the message alone, without signatures"
	}
	for _, h := range m.Headers {
		p.message.Headers[h.Name] = h.Value
	}
	p.message.Body = m.Body
	if len(p.message.MessageId) > maxShort {
		p.message.MessageId = ""
	}
	return nil
}

// yearID is an id of fedmsg: the year, and the UUID that is all the id where the library fedora-messaging made it.
var yearID = regexp.MustCompile(`^[0-9]{4}-([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$`)

// bareID is that UUID.
var bareID = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// headerCost is what a header takes in the frame beside its name and value.
const headerCost = 8

// The headers of the library fedora-messaging.
const (
	headerSchema   = "fedora_messaging_schema"
	headerSeverity = "fedora_messaging_severity"
	headerSentAt   = "sent-at"
	headerPriority = "priority"
)

// sentAtForm is how the library writes times: with the offset, in whole seconds.
const sentAtForm = "2006-01-02T15:04:05-07:00"

// defaultSeverity is INFO.
const defaultSeverity = 20

// fedoraShape makes the message as the library does.
func (s *server) fedoraShape(p *publishing, e *fedmsg.Entry, room int) error {
	m := &p.message
	if parts := yearID.FindStringSubmatch(e.ID); parts != nil {
		m.MessageId = parts[1]
	}
	used := 0
	for _, h := range unfolded(carry.MessageHeaders(e.Envelope)) {
		if strings.HasPrefix(h.Name, ownHeader) || len(h.Name) > maxShort || isCommand(h.Name) {
			continue
		}
		cost := len(h.Name) + len(h.Value) + headerCost
		if used+cost > room/2 {
			p.remark = "its headers have no room in AMQP's; some are left out"
			continue
		}
		used += cost
		m.Headers[h.Name] = typed(h)
	}
	if _, ok := m.Headers[headerSchema].(string); !ok {
		m.Headers[headerSchema] = "base.message"
	}
	if _, ok := m.Headers[headerSeverity].(int32); !ok {
		m.Headers[headerSeverity] = int32(defaultSeverity)
	}
	if _, ok := m.Headers[headerSentAt].(string); !ok {
		m.Headers[headerSentAt] = madeAt(e).Format(sentAtForm)
	}
	if n, ok := m.Headers[headerPriority].(int32); ok && n > 0 && n <= 255 {
		m.Priority = uint8(n)
	}
	return s.carried(p, e, carry.Body, room-used-frameRest)
}

// isCommand reports whether a header says something to RabbitMQ, which routes by CC and BCC, and closes the channel where they are no
// lists: a publisher's header of such a name stays in the envelope, else anybody could hold a sink up.
func isCommand(name string) bool {
	lower := strings.ToLower(name)
	return lower == "cc" || lower == "bcc" || strings.HasPrefix(lower, "x-")
}

// typed gives the value that the library's consumers expect of a header, whose value is a text in the envelope.
func typed(h carry.Header) any {
	switch {
	case h.Name == headerSeverity || h.Name == headerPriority:
		if n, err := strconv.ParseInt(h.Value, 10, 32); err == nil {
			return int32(n)
		}
	case h.Value == "true":
		if _, _, ok := cutIndex(h.Name); ok {
			return true
		}
	}
	return h.Value
}

// madeAt is when the publisher made the message.
func madeAt(e *fedmsg.Entry) time.Time {
	if t, ok := wire.TimeOf(e.Envelope); ok {
		return t.UTC()
	}
	return e.Received.UTC()
}
