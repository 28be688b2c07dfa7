package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/amqp"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/mailin"
	"github.com/federated-messaging/fedmsg/internal/nats"
	"github.com/federated-messaging/fedmsg/internal/peer"
	"github.com/federated-messaging/fedmsg/internal/poll"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/stomp"
	"github.com/federated-messaging/fedmsg/internal/trigger"
)

// NewSink makes of a [[sink]] the kind that its address or command asks for, which opens nothing.
func NewSink(c deliver.Config, logger *slog.Logger) (made deliver.Configured, err error) {
	made.Config = c
	if len(c.Command) > 0 {
		made.InFlight, made.Config.AnswerTimeout = trigger.SinkInFlight, trigger.Patience(c)
		made.Sink, err = trigger.NewSink(c, logger)
		return made, err
	}
	switch schemeOf(c.To) {
	case "amqp", "amqps":
		made.InFlight, made.IdleTimeout = amqp.SinkInFlight, amqp.SinkIdleTimeout
		made.Sink, err = amqp.NewSink(c, logger)
	case "stomp", "stomp+tls":
		made.InFlight = stomp.SinkInFlight
		made.Sink, err = stomp.NewSink(c, logger)
	case "nats", "nats+tls":
		made.InFlight, made.IdleTimeout = nats.SinkInFlight, nats.SinkIdleTimeout
		made.Sink, err = nats.NewSink(c, logger)
	case "https", "http", "unix":
		made.InFlight, made.IdleTimeout = peer.SinkInFlight, peer.SinkIdleTimeout
		made.Sink, err = peer.NewSink(c, logger)
	default:
		err = unknownScheme("to", c.To)
	}
	return made, err
}

// NewSource makes of a [[source]] the kind that its address asks for, which opens nothing. It keeps what it must know from one
// start of the node to the next in the directory. The node's topic prefix and environment stand before the topics of what has none.
func (c *Config) NewSource(m MessageSource, dir string, logger *slog.Logger) (made receive.Configured, err error) {
	s := m.Config
	made.Config = s
	if strings.HasPrefix(s.From, poll.Scheme) {
		made.InFlight = poll.SourceInFlight
		made.Source, made.Config, err = c.NewPoll(m, dir)
		return made, errors.Join(c.unsigned(&s, "rows"), err)
	}
	if m.Poll.IsSet() {
		return made, fedmsg.Errorf(fedmsg.CodeConfig, "poll is for a source whose from begins with %s", poll.Scheme)
	}
	switch schemeOf(s.From) {
	case "amqp", "amqps":
		made.InFlight = amqp.SourceInFlight
		made.Source, err = amqp.NewSource(s, logger)
	case "stomp", "stomp+tls":
		made.InFlight = stomp.SourceInFlight
		made.Source, err = stomp.NewSource(s, logger)
	case "nats", "nats+tls":
		made.InFlight = nats.SourceInFlight
		made.Source, err = nats.NewSource(s, logger)
	case "https", "http", "unix":
		made.InFlight = peer.SourceInFlight
		made.Source, err = peer.NewSource(s, dir, logger)
	case "lmtp+unix", "lmtp", "smtp":
		made.InFlight = mailin.ListenerInFlight
		made.Source, err = mailin.NewListener(s, c.mailReader(), logger)
		err = errors.Join(c.unsigned(&s, "mails"), err)
	case "maildir":
		made.InFlight = mailin.MaildirInFlight
		made.Source, err = mailin.NewMaildir(s, c.mailReader(), logger)
		err = errors.Join(c.unsigned(&s, "mails"), err)
	default:
		err = unknownScheme("from", s.From, "poll+https://", "poll+exec:", "poll+postgres://", "poll+sqlite://", "lmtp+unix://", "lmtp://", "smtp://", "maildir://")
	}
	return made, err
}

// unsigned refuses a source of what has no signatures where these are asked for and nobody makes them.
func (c *Config) unsigned(s *receive.Config, what string) error {
	if cmp.Or(s.Verify, c.Verify) != fedmsg.VerifyRequire || s.Sign && len(c.Sign) > 0 {
		return nil
	}
	if s.Sign {
		return fedmsg.Errorf(fedmsg.CodeConfig, "%s have no signature, which verify = \"require\" asks for, and this node signs nothing; have it sign, with sign = [\"dsse\"] at the top of the file, or write verify = \"if-signed\" here", what)
	}
	return fedmsg.Errorf(fedmsg.CodeConfig, "%s have no signature, which verify = \"require\" asks for; write sign = true, so that this node signs what it makes of them", what)
}

// missingPrograms warns of sinks and sources whose program is not there. It may come, with a package or a disk, and all else works
// without it: what is for it waits.
func (c *Config) missingPrograms() (all []string) {
	add := func(list string, i int, name string, command []string) {
		if len(command) == 0 || command[0] == "" {
			return
		}
		if err := trigger.Find(command[0]); err != nil {
			all = append(all, fmt.Sprintf("%s %d (%s) does nothing until its program is there: %s", list, i+1, name, err))
		}
	}
	for i := range c.Sink {
		add("sink", i, c.Sink[i].Name, c.Sink[i].Command)
	}
	for i := range c.Source {
		add("source", i, c.Source[i].Name, c.Source[i].Poll.Command)
	}
	return all
}

// mailReader says how the mails of all sources are read that do not say it themselves.
func (c *Config) mailReader() mailin.Reader {
	return mailin.Reader{TopicPrefix: c.TopicPrefix, Environment: c.Environment, MaxBody: c.Limits.Body}
}

func schemeOf(address string) string {
	scheme, _, _ := strings.Cut(address, "://")
	return scheme
}

// unknownScheme lists the schemes that there are: those of sinks and sources, and more.
func unknownScheme(key, address string, more ...string) error {
	if address == "" {
		return fedmsg.Errorf(fedmsg.CodeConfig, "%s is not set", key)
	}
	hint := ""
	if key == "from" && filepath.IsAbs(address) {
		hint = "; did you mean maildir://" + address + "?"
	}
	schemes := append(more, "amqp://", "amqps://", "stomp://", "stomp+tls://", "nats://", "nats+tls://", "https://", "http://")
	return fedmsg.Errorf(fedmsg.CodeConfig, "%s begins with none of %s and unix://%s", key, strings.Join(schemes, ", "), hint)
}

// InsecureDelivery lists the insecure switches of sinks and sources that are on.
func (c *Config) InsecureDelivery() []string {
	var keys []string
	for i := range c.Sink {
		keys = append(keys, insecureOptions("sink "+c.Sink[i].Name, c.Sink[i].To)...)
	}
	for i := range c.Source {
		s := &c.Source[i]
		if s.Verify == fedmsg.VerifyInsecureOff {
			keys = append(keys, "source "+s.Name+" verify = "+string(s.Verify))
		}
		if s.Poll.InsecurePlainHTTP {
			keys = append(keys, "source "+s.Name+" poll.insecure_plain_http = true")
		}
		keys = append(keys, insecureOptions("source "+s.Name, s.From)...)
	}
	return keys
}

// insecureOptions lists the options of an address that have insecure in their name and are on.
func insecureOptions(of, address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	var keys []string
	for name, values := range u.Query() {
		if strings.Contains(name, "insecure") && len(values) == 1 && values[0] != "no" {
			keys = append(keys, of+" "+name+"="+values[0])
		}
	}
	return keys
}
