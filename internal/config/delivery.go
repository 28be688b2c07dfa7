package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/amqp"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/mailin"
	"github.com/federated-messaging/fedmsg/internal/nats"
	"github.com/federated-messaging/fedmsg/internal/peer"
	"github.com/federated-messaging/fedmsg/internal/poll"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/remote"
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
		return made, err
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
	case "maildir":
		made.InFlight = mailin.MaildirInFlight
		made.Source, err = mailin.NewMaildir(s, c.mailReader(), logger)
	default:
		err = unknownScheme("from", s.From, "poll+…://", "lmtp+unix://", "lmtp://", "smtp://", "maildir://")
	}
	return made, err
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
	schemes := append(more, "amqp://", "amqps://", "stomp://", "stomp+tls://", "nats://", "nats+tls://", "https://", "http://")
	return fedmsg.Errorf(fedmsg.CodeConfig, "%s begins with none of %s and unix://", key, strings.Join(schemes, ", "))
}

// validateDelivery refuses sinks and sources that cannot work.
func (c *Config) validateDelivery() error {
	var faults []error
	numbers := map[string]int{}
	for i := range c.Sink {
		s := &c.Sink[i]
		e := element{"sink", i + 1, s.Name}
		faults = append(faults, e.unique(numbers), e.files(s.Files()))
		if err := e.faults(s.Validate); err != nil {
			faults = append(faults, err)
			continue
		}
		faults = append(faults, e.faults(func() error {
			_, err := NewSink(*s, slog.New(slog.DiscardHandler))
			return err
		}))
	}
	clear(numbers)
	for i := range c.Source {
		s := &c.Source[i]
		e := element{"source", i + 1, s.Name}
		faults = append(faults, e.unique(numbers), e.files(s.Files()))
		if err := e.faults(s.Validate); err != nil {
			faults = append(faults, err)
			continue
		}
		faults = append(faults, e.faults(func() error {
			_, err := c.NewSource(*s, "", slog.New(slog.DiscardHandler))
			return err
		}))
	}
	return errors.Join(faults...)
}

// element is one table of a list, whose faults begin with the list's name and its number.
type element struct {
	list   string
	number int
	name   string
}

// fault says what is wrong with it. Its own name, with which packages deliver and receive begin, stands behind its number.
func (e *element) fault(text string) error {
	for _, name := range []string{e.name + ": ", e.list + " " + e.name + ": ", e.list + " " + strconv.Quote(e.name) + ": "} {
		text = strings.TrimPrefix(text, name)
	}
	if e.name == "" {
		return fault(e.list, "%d: %s", e.number, text)
	}
	return fault(e.list, "%d (%s): %s", e.number, e.name, text)
}

// faults names each fault that check finds.
func (e *element) faults(check func() error) error {
	var out []error
	for _, err := range flatten(check()) {
		text := err.Error()
		if f, ok := errors.AsType[*fedmsg.Error](err); ok {
			text = f.Message
		}
		out = append(out, e.fault(text))
	}
	return errors.Join(out...)
}

// unique refuses a name that an earlier element has.
func (e *element) unique(numbers map[string]int) error {
	if e.name == "" {
		return nil
	}
	if first, taken := numbers[e.name]; taken {
		return e.fault(fmt.Sprintf("is the name of %s %d too; files, metrics and commands tell them apart by it", e.list, first))
	}
	numbers[e.name] = e.number
	return nil
}

// files refuses names of files that cannot be meant.
func (e *element) files(f remote.Files) error {
	var faults []error
	for _, n := range []struct{ key, path string }{
		{"credentials", f.Credentials}, {"ca", f.CA}, {"certificate", f.Certificate}, {"key", f.Key},
	} {
		if n.path != "" && !filepath.IsAbs(n.path) {
			faults = append(faults, e.fault(fmt.Sprintf("%s is an absolute path, not %q", n.key, n.path)))
		}
	}
	return errors.Join(faults...)
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
