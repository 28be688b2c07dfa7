package amqp

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// ownHeader begins the headers that package carry reads, and no others.
const ownHeader = "fedmsg-"

// item makes of a delivery what the intake takes. Any shape is understood, whatever the address says.
func (s *server) item(d *amqp.Delivery) receive.Item {
	topic := s.prefix + d.RoutingKey
	header := func(name string) (string, bool) { return text(d.Headers[name]) }
	m, err := carry.Join(topic, s.idOf(d), d.Body, header, headersOf(d))
	if m.Username == "" && m.Envelope == nil {
		m.Username = d.UserId // the server has checked it
	}
	if err == nil {
		return receive.Item{Message: m}
	}
	bad, ok := errors.AsType[*fedmsg.Error](err)
	if !ok {
		bad = fedmsg.WrapError(fedmsg.CodeBadEnvelope, err, "the message on %s cannot be read", topic)
	}
	return receive.Item{Message: m, Bad: bad}
}

// idOf gives the id of a message. The library's is a UUID, before which fedmsg has the year: that in which the message was
// sent, so that it has the same id each time it comes.
func (s *server) idOf(d *amqp.Delivery) string {
	if !bareID.MatchString(d.MessageId) {
		return d.MessageId
	}
	at := d.Timestamp
	if sent, ok := text(d.Headers[headerSentAt]); ok {
		if t, err := time.Parse(time.RFC3339, sent); err == nil {
			at = t
		}
	}
	if at.IsZero() {
		at = time.Now()
	}
	year := strconv.Itoa(at.UTC().Year())
	return strings.Repeat("0", max(0, 4-len(year))) + year + "-" + d.MessageId
}

// headersOf gives the headers that become those of an envelope, by name. What servers add on the way is left out, as it differs
// from one time that a message comes to the next.
func headersOf(d *amqp.Delivery) []carry.Header {
	headers := make([]carry.Header, 0, len(d.Headers)+1)
	for name, value := range d.Headers {
		v, ok := text(value)
		if !ok || strings.HasPrefix(name, ownHeader) || isServers(name) {
			continue
		}
		headers = append(headers, carry.Header{Name: name, Value: v})
	}
	if _, ok := d.Headers[headerPriority]; !ok && d.Priority > 0 {
		headers = append(headers, carry.Header{Name: headerPriority, Value: strconv.Itoa(int(d.Priority))})
	}
	slices.SortFunc(headers, func(a, b carry.Header) int { return strings.Compare(a.Name, b.Name) })
	return folded(headers)
}

// isServers reports whether RabbitMQ adds such a header.
func isServers(name string) bool {
	for _, begin := range []string{"x-death", "x-first-death-", "x-last-death-", "x-received-from", "x-delivery-count", "x-shovelled", "x-stream-"} {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}

// text gives a value of a header as the headers of an envelope have it, which are texts. Lists and tables have none.
func text(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int8:
		return strconv.FormatInt(int64(v), 10), true
	case int16:
		return strconv.FormatInt(int64(v), 10), true
	case int32:
		return strconv.FormatInt(int64(v), 10), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case byte:
		return strconv.FormatInt(int64(v), 10), true
	case uint16:
		return strconv.FormatInt(int64(v), 10), true
	case uint32:
		return strconv.FormatInt(int64(v), 10), true
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case time.Time:
		return v.UTC().Format(time.RFC3339), true
	}
	return "", false
}
