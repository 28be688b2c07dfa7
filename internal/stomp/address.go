package stomp

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// The schemes of addresses.
const (
	schemePlain = "stomp"
	schemeTLS   = "stomp+tls"
)

// The options that sinks and sources have in common.
const (
	optDestination = "destination"
	optHeartbeat   = "heartbeat"
	optPrefix      = "prefix"
	optPlain       = "insecure_plain_stomp"
)

// The options of sinks alone, and of sources alone.
const (
	optFormat     = "format"
	optPersistent = "persistent"
	optAs         = "as"
	optTopic      = "topic"
	optSelector   = "selector"
	optAck        = "ack"
	optDurable    = "durable"
	optWrap       = "wrap"
)

// parse reads what the addresses of sinks and sources have in common.
func parse(address string, files remote.Files, options ...string) (*server, error) {
	e, err := remote.Parse(address, []string{schemePlain, schemeTLS}, append(options, optDestination, optHeartbeat, optPrefix, optPlain))
	if err != nil {
		return nil, err
	}
	s := &server{endpoint: e, files: files, beat: e.Duration(optHeartbeat, 10*time.Second, 0, time.Hour)}
	plain := e.Flag(optPlain, false)
	err = files.Validate()
	switch {
	case e.Scheme == schemePlain && (files.CA != "" || files.Certificate != ""):
		err = errors.Join(err, fault("%s has no TLS, which ca, certificate and key are for; write %s://", e, schemeTLS))
	case e.Scheme == schemePlain && !plain && !loopback(e.Host):
		err = errors.Join(err, fault("%s would have all messages, and the password, go to another machine without encryption; write %s://, or allow it with ?%s=yes", e, schemeTLS, optPlain))
	}
	if err != nil {
		return nil, errors.Join(e.Err(), err)
	}
	return s, nil
}

// loopback reports whether nothing leaves this machine on the way to the host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// places maps topics to destinations and back.
type places struct {
	before, after string // what stands around the topic in a destination
	hole          bool   // the destination has a place for the topic; else before is all of it
	prefix        string // with its dot at the end: what topics of this node have and those of the server have not
}

// hole stands in a template where the topic comes.
const hole = "{topic}"

func parsePlaces(e *remote.Endpoint, option string) (places, error) {
	var p places
	template := e.Option(option, "/topic/"+hole)
	p.before, p.after, p.hole = strings.Cut(template, hole)
	if !strings.HasPrefix(template, "/") || strings.Contains(p.after, hole) || hasControls(template) {
		return p, fault("%s is a destination such as /topic/VirtualTopic.%s, in which %s stands at most once for the topic, not %q", option, hole, hole, template)
	}
	if prefix := strings.TrimSuffix(e.Option(optPrefix, ""), "."); prefix != "" {
		p.prefix = prefix + "."
	}
	return p, nil
}

// out gives the destination of a topic, and whether the topic can be read from it.
func (p *places) out(topic string) (destination string, exact bool) {
	if !p.hole {
		return p.before, false
	}
	rest, cut := strings.CutPrefix(topic, p.prefix)
	name := safe(rest)
	return p.before + name + p.after, cut && name == rest
}

// in gives the topic that a destination stands for, if it has the form.
func (p *places) in(destination string) (topic string, ok bool) {
	rest, before := strings.CutPrefix(destination, p.before)
	rest, after := strings.CutSuffix(rest, p.after)
	if !p.hole || !before || !after || rest == "" {
		return "", false
	}
	return p.prefix + rest, true
}

// safe replaces in a topic what says something to a server in a destination: wildcards and lists to ActiveMQ (sending to "a.>"
// there reaches all below a), options behind a question mark, parts of a path and escapes to RabbitMQ.
func safe(topic string) string {
	if !strings.ContainsAny(topic, ",>*#?/% ") {
		return topic
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(",>*#?/% ", r) {
			return '_'
		}
		return r
	}, topic)
}

func hasControls(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// commands are the headers that say something to a server in what is sent to it, or that it sets itself. A publisher's header of
// such a name stays in the envelope.
func commands() []string {
	return []string{
		"ack", "amqp-message-id", "app-id", "auto-delete", "bcc", "cc", "content-encoding", "content-length", "content-type", "destination", "durable",
		"exclusive", "expiration", "expires", "message-id", "original-destination", "persistent", "priority", "receipt", "receipt-id",
		"redelivered", "reply-to", "retain", "subscription", "timestamp", "transaction", "transformation", "transformation-error", "user-id",
	}
}

// harmless reports whether a header of an envelope says nothing to a server.
func harmless(name string, commands []string) bool {
	lower := strings.ToLower(name)
	if _, found := slices.BinarySearch(commands, lower); found || lower == "" || hasControls(lower) {
		return false
	}
	for _, start := range []string{"activemq", "amq", "jms", "x-", "fedmsg-"} {
		if strings.HasPrefix(lower, start) {
			return false
		}
	}
	return true
}

// What the headers of one message may have: ActiveMQ takes 10 KiB a header with its escapes, and RabbitMQ passes all of them on in
// one AMQP frame of 128 KiB.
const (
	maxValue   = 4 << 10
	maxOurs    = 64 << 10
	maxForeign = 24 << 10
)

func limits() carry.Limits { return carry.Limits{Value: maxValue, Total: maxOurs} }

func fault(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, format, args...)
}
