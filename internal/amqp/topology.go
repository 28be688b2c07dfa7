package amqp

import (
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// maxPrefetch is what AMQP has room for. With the default a source is as fast as with more.
const (
	defaultPrefetch = 256
	maxPrefetch     = 65535
)

// queue is where a source takes from.
type queue struct {
	name      string // empty: the server names it, and it lives as long as the connection
	patterns  []string
	durable   bool
	exclusive bool
	expires   time.Duration // it goes when nobody has used it for so long; 0 never
}

func queueOptions() []string {
	return []string{"bind", "durable", "exclusive", "expires", "prefetch", "queue"}
}

// queueOf reads the options of a source's queue. Where no patterns to bind are named they are the topics of the source.
func queueOf(at *remote.Endpoint, c receive.Config, prefix string) (q queue, err error) {
	q.name = at.Option("queue", "fedmsg-"+c.Name)
	q.durable = at.Flag("durable", q.name != "")
	q.exclusive = at.Flag("exclusive", q.name == "")
	q.expires = at.Duration("expires", 0, time.Second, 365*24*time.Hour)
	if at.Has("bind") {
		for p := range strings.SplitSeq(at.Option("bind", ""), ",") {
			if p != "" {
				q.patterns = append(q.patterns, p)
			}
		}
	} else {
		for _, p := range c.Topics {
			q.patterns = append(q.patterns, keyPattern(p, prefix))
		}
	}
	for _, p := range append([]string{q.name}, q.patterns...) {
		if len(p) > maxShort {
			return q, fault("%q has more than %d bytes, which AMQP has no room for", p[:32]+"…", maxShort)
		}
	}
	return q, nil
}

// keyPattern is the pattern of routing keys whose topics match p when prefix is put before them.
func keyPattern(p fedmsg.Pattern, prefix string) string {
	if rest, ok := strings.CutPrefix(p.String(), prefix); ok && rest != "" {
		return rest
	}
	return "#"
}

// prepareExchange makes or looks for the exchange. Those that the server has by itself cannot be made.
func (s *server) prepareExchange(ch *amqp.Channel) error {
	if s.topology == none || s.exchange == "" {
		return nil
	}
	if s.topology == passive || strings.HasPrefix(s.exchange, "amq.") {
		return ch.ExchangeDeclarePassive(s.exchange, s.exchangeType, true, false, false, false, nil)
	}
	return ch.ExchangeDeclare(s.exchange, s.exchangeType, true, false, false, false, nil)
}

// prepareQueue makes or looks for the queue and gives its name. A queue without a name of its own is made always.
func (s *Source) prepareQueue(ch *amqp.Channel) (string, error) {
	q := s.queue
	if q.name != "" {
		switch s.topology {
		case none:
			return q.name, nil
		case passive:
			_, err := ch.QueueDeclarePassive(q.name, q.durable, false, q.exclusive, false, nil)
			return q.name, err
		}
	}
	var args amqp.Table
	if q.expires > 0 {
		args = amqp.Table{"x-expires": q.expires.Milliseconds()}
	}
	made, err := ch.QueueDeclare(q.name, q.durable, q.name == "", q.exclusive, false, args)
	if err != nil {
		return "", err
	}
	for _, p := range q.patterns {
		if s.exchange == "" {
			break // the default exchange takes no bindings: it finds each queue by its name
		}
		if err := ch.QueueBind(made.Name, p, s.exchange, false, nil); err != nil {
			return "", err
		}
	}
	return made.Name, nil
}
