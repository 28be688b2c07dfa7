package amqp

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// server is what an address says of the server that both ways need.
type server struct {
	endpoint  *remote.Endpoint
	files     remote.Files
	vhost     string
	external  bool          // the certificate of the connection is the login
	heartbeat time.Duration // between signs of life
	frame     int           // bytes of the largest frame that is proposed

	exchange     string
	exchangeType string
	topology     topology
	fedora       bool   // the shape of messages
	prefix       string // what the topics here have before those there
}

// topology says what is made at the server.
type topology string

const (
	declare topology = "declare" // what is missing is made
	passive topology = "passive" // what is missing is an error
	none    topology = "none"    // nothing is looked at
)

// Bounds of options. RabbitMQ proposes frames of 128 KiB, in one of which all headers of a message must stand.
const (
	defaultFrame = 128 << 10
	minFrame     = 8 << 10
	maxFrame     = 16 << 20
	maxShort     = 255 // bytes of AMQP's short strings: names, routing keys, ids
)

// commonOptions are what both ways take in an address.
func commonOptions() []string {
	return []string{
		"auth", "exchange", "exchange_type", "format", "frame_max", "heartbeat", "insecure_plain_amqp", "prefix", "topology",
	}
}

// parse reads an address with the options that both ways have. The others are the caller's to read from the endpoint.
func parse(address string, files remote.Files, options []string) (server, *remote.Endpoint, error) {
	at, err := remote.Parse(address, []string{"amqp", "amqps"}, options)
	if err != nil {
		return server{}, nil, err
	}
	s := server{endpoint: at, files: files, vhost: strings.TrimPrefix(at.Path, "/")}
	if s.vhost == "" {
		s.vhost = "/"
	}
	s.heartbeat = at.Duration("heartbeat", 10*time.Second, time.Second, 10*time.Minute)
	s.frame = at.Number("frame_max", defaultFrame, minFrame, maxFrame)
	if err := errors.Join(files.Validate(), s.readLogin(at), s.readShape(at)); err != nil {
		return server{}, nil, errors.Join(at.Err(), err)
	}
	return s, at, nil
}

// readLogin finds out who this node is there.
func (s *server) readLogin(at *remote.Endpoint) error {
	named := at.User != "" || s.files.Credentials != ""
	first, second := "plain", "external"
	if s.files.Certificate != "" && s.files.Credentials == "" {
		first, second = second, first
	}
	s.external = at.OneOf("auth", first, second) == "external"
	insecure := at.Flag("insecure_plain_amqp", false)
	switch {
	case s.external && (at.Scheme != "amqps" || s.files.Certificate == ""):
		return fault("auth=external needs amqps:// and a certificate")
	case at.Scheme == "amqp" && (s.files.Certificate != "" || s.files.CA != ""):
		return fault("%s has no TLS, where certificate and ca are of no use; write amqps://", at)
	}
	if at.Scheme == "amqp" && !isLoopback(at.Host) && !insecure {
		return fault("%s would have the password and all messages go over the network for everybody to read; write amqps://, or insecure_plain_amqp=yes for a network of your own", at)
	}
	if !named && !s.external && !isLoopback(at.Host) {
		return fault("%s says of no user who this node is; write amqp://USER@HOST and put USER:PASSWORD into the file of credentials", at)
	}
	return nil
}

// readShape reads what messages look like and where they go.
func (s *server) readShape(at *remote.Endpoint) error {
	s.fedora = at.OneOf("format", "plain", "fedora") == "fedora"
	s.exchange = at.Option("exchange", "amq.topic")
	s.exchangeType = at.OneOf("exchange_type", "topic", "fanout", "direct", "headers")
	s.topology = topology(at.OneOf("topology", string(declare), string(passive), string(none)))
	s.prefix = at.Option("prefix", "")
	if len(s.vhost) > maxShort || len(s.exchange) > maxShort {
		return fault("%s has a name of more than %d bytes, which AMQP has no room for", at, maxShort)
	}
	return nil
}

// isLoopback reports whether what is sent to the host stays on this machine.
func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
