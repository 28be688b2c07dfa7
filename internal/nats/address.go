package nats

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// defaultPort is that of nats-server.
const defaultPort = "4222"

// optionPlain allows to send a password or token over a connection that everybody on the way can read.
const optionPlain = "insecure_plain"

// address is what sinks and sources have in common.
type address struct {
	endpoint *remote.Endpoint
	files    remote.Files
	name     string // of the sink or source
	secure   bool   // TLS from the beginning

	jetStream bool
	domain    string // of JetStream; empty is the server's own
	stream    string // empty leaves it to the server: the one that takes the subject
	prefix    string // of topics: left out of subjects, and put before them
}

// parse reads an address that may have these options beside the common ones.
func parse(to, name string, files remote.Files, options ...string) (*address, error) {
	e, err := remote.Parse(to, []string{"nats", "nats+tls"}, append([]string{"jetstream", "stream", "domain", "prefix", optionPlain}, options...))
	if err != nil {
		return nil, err
	}
	a := &address{
		endpoint: e, files: files, name: name, secure: e.Scheme == "nats+tls",
		stream: e.Option("stream", ""), domain: e.Option("domain", ""), prefix: e.Option("prefix", ""),
	}
	a.jetStream = e.Flag("jetstream", false)
	if err := errors.Join(files.Validate(), a.check(e.Flag(optionPlain, false))); err != nil {
		return nil, errors.Join(e.Err(), err)
	}
	return a, nil
}

// check tells what of an address cannot be; plain allows secrets to go over the network for all to read.
func (a *address) check(plain bool) error {
	e := a.endpoint
	switch {
	case e.User != "":
		return fault("the user stands in the file of credentials, as USER:PASSWORD, and not in the address")
	case e.Path != "" && e.Path != "/":
		return fault("the address has the path %q; NATS has none", e.Path)
	case a.files.Credentials != "" && !a.secure && !plain && !loopback(e.Host):
		return fault("credentials would go to %s in plain text; use nats+tls://, or %s=yes where nobody listens", e.Host, optionPlain)
	case !a.jetStream && (a.stream != "" || a.domain != ""):
		return fault("stream and domain need jetstream=yes")
	case a.stream != "" && !plainName(a.stream):
		return fault("%q cannot be the name of a stream", a.stream)
	case a.domain != "" && !plainName(a.domain):
		return fault("%q cannot be the name of a domain", a.domain)
	}
	return nil
}

// form reads the option format.
func (a *address) form() carry.Form {
	if a.endpoint.OneOf("format", "envelope", "body") == "body" {
		return carry.Body
	}
	return carry.Envelope
}

// String is the address for people.
func (a *address) String() string { return a.endpoint.String() }

// plainName reports whether JetStream takes it as the name of a stream or consumer.
func plainName(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`.*>/\`, r)
	})
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func fault(format string, args ...any) error {
	return &fedmsg.Error{Code: fedmsg.CodeConfig, Message: fmt.Sprintf(format, args...)}
}
