package httpapi

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Config is the section [http]. Start from [DefaultConfig]; every time and limit must be above zero.
type Config struct {
	// Listen has the TCP endpoints: http://HOST:PORT or https://HOST:PORT?cert=FILE&key=FILE, and in the query also
	// client_ca=FILE (client certificates signed by it name their senders), topics=PATTERN,… (what a reader without a
	// token may read here; # on loopback and nothing elsewhere unless given), verify=MODE (what is asked of signatures
	// here; a fedmsg.VerifyMode, that of the node unless given), replaying=allow (a publisher may say, as on the socket, that
	// its messages waited somewhere, so that their age does not count) and fd=NAME (use the ready-made listener of that name).
	Listen []string
	// Socket is the unix socket: a path, or unix:///PATH?mode=0660&group=NAME&topics=PATTERN,…&verify=MODE; empty for
	// none. The uid of the peer is the sender.
	Socket string
	// AllowedHosts are names, without port, that clients may use for this node beside localhost and IP addresses. A Host
	// header with another name is refused: a web page could have pointed that name here.
	AllowedHosts []string
	// AllowedOrigins are web origins, as in https://apps.example.org, whose pages may read. They may never publish.
	AllowedOrigins []string
	// InsecurePlainHTTP lets bearer tokens pass over http:// from beyond this machine, where anybody can read them.
	InsecurePlainHTTP bool
	// AccessLog writes a line into the operator's log for each request when it has ended: method, path without its query,
	// status, time, sender, address. Of a stream that is one line when it ends.
	AccessLog bool

	// MaxConnections bounds the open connections of all listeners together.
	MaxConnections int
	// MaxConnectionsPerAddress bounds the connections of one remote IP address, of IPv6 one /64 network. Loopback and the
	// unix socket do not count.
	MaxConnectionsPerAddress int
	// MaxHeaderBytes bounds the request line and headers of a request.
	MaxHeaderBytes int
	// MaxBodyBytes bounds a request's body, or one line of NDJSON. It must be above what limits.envelope takes when it is
	// signed (DSSE has it in base64) to be of no concern to publishers, who are better told about the limit on messages.
	MaxBodyBytes int
	// PublishQueue bounds the batches of one NDJSON publisher whose receipts have not been written; the node stops reading
	// from a publisher that does not read its receipts. A batch has at most 1,024 messages.
	PublishQueue int

	// MaxQuestions bounds the questions that the archive answers at the same time; further ones wait for their turn, within their time.
	MaxQuestions int
	// MaxExports bounds the exports of the archive that are under way at the same time; further ones are refused.
	MaxExports int

	// HeaderTimeout is how long a client may take to send the headers of a request, TLS handshake included.
	HeaderTimeout time.Duration
	// BodyTimeout is how long it may take, from then on, to send the body; not for NDJSON.
	BodyTimeout time.Duration
	// WriteTimeout is how long an answer, or a piece of a streamed one, may wait for the client to read.
	WriteTimeout time.Duration
	// AcceptTimeout is how long a plain request, or a batch of an NDJSON publisher, may wait for its messages to become
	// durable; then their fate is unknown, which ends the NDJSON stream.
	AcceptTimeout time.Duration
	// IdleTimeout is how long a connection may stay open between requests.
	IdleTimeout time.Duration
	// PublishIdleTimeout is how long an NDJSON publisher may send nothing; an empty line counts as something.
	PublishIdleTimeout time.Duration

	// Stream bounds the live streams.
	Stream StreamConfig
}

// DefaultConfig is what holds where nothing is configured. It has no Socket: its place depends on who runs the node.
func DefaultConfig() Config {
	return Config{
		Listen:                   []string{"http://127.0.0.1:8940"},
		MaxConnections:           16384,
		MaxConnectionsPerAddress: 256,
		MaxHeaderBytes:           32 << 10,
		MaxBodyBytes:             4 << 20,
		PublishQueue:             32,
		MaxQuestions:             8,
		MaxExports:               16,
		HeaderTimeout:            10 * time.Second,
		BodyTimeout:              30 * time.Second,
		WriteTimeout:             30 * time.Second,
		AcceptTimeout:            10 * time.Second,
		IdleTimeout:              2 * time.Minute,
		PublishIdleTimeout:       10 * time.Minute,
		Stream:                   DefaultStreamConfig(),
	}
}

// Validate tells all that is wrong, each fault beginning with the name of its key. It opens nothing.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, format, args...))
	}
	for _, u := range c.Listen {
		if _, err := parseEndpoint(u); err != nil {
			fault("http.listen: %s", err)
		}
	}
	if c.Socket != "" {
		if _, err := parseSocket(c.Socket); err != nil {
			fault("http.socket: %s", err)
		}
	}
	for _, h := range c.AllowedHosts {
		if h == "" || strings.ContainsAny(h, ":/*@ ") {
			fault("http.allowed_hosts: %q is not a host name; write it without scheme, port and wildcards", h)
		}
	}
	for _, o := range c.AllowedOrigins {
		if err := checkOrigin(o); err != nil {
			fault("http.allowed_origins: %s", err)
		}
	}
	faults = append(faults, c.checkNumbers(), c.Stream.Validate())
	return errors.Join(faults...)
}

// checkNumbers refuses limits and times that would let nothing pass.
func (c *Config) checkNumbers() error {
	return aboveZero([]number{
		{"max_connections", int64(c.MaxConnections)},
		{"max_connections_per_address", int64(c.MaxConnectionsPerAddress)},
		{"max_header_bytes", int64(c.MaxHeaderBytes)},
		{"max_body_bytes", int64(c.MaxBodyBytes)},
		{"publish_queue", int64(c.PublishQueue)},
		{"max_questions", int64(c.MaxQuestions)},
		{"max_exports", int64(c.MaxExports)},
		{"header_timeout", int64(c.HeaderTimeout)},
		{"body_timeout", int64(c.BodyTimeout)},
		{"write_timeout", int64(c.WriteTimeout)},
		{"accept_timeout", int64(c.AcceptTimeout)},
		{"idle_timeout", int64(c.IdleTimeout)},
		{"publish_idle_timeout", int64(c.PublishIdleTimeout)},
	})
}

// number is a key of the section, without http., and what it is set to.
type number struct {
	key   string
	value int64
}

// aboveZero has a fault for each number that is not.
func aboveZero(all []number) error {
	var faults []error
	for _, n := range all {
		if n.value <= 0 {
			faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "http.%s must be above zero", n.key))
		}
	}
	return errors.Join(faults...)
}

// Insecure lists the insecure switches that are on, by their keys, for the log and the health report.
func (c *Config) Insecure() []string {
	var keys []string
	if c.InsecurePlainHTTP {
		keys = append(keys, "http.insecure_plain_http")
	}
	for _, uri := range c.Listen {
		if e, err := parseEndpoint(uri); err == nil && e.verify == fedmsg.VerifyInsecureOff {
			keys = append(keys, "http.listen "+e.address+" verify="+string(e.verify))
		}
	}
	if e, err := parseSocket(c.Socket); err == nil && e.verify == fedmsg.VerifyInsecureOff {
		keys = append(keys, "http.socket verify="+string(e.verify))
	}
	return keys
}

// allowsOrigin reports whether pages of the origin may read.
func (c *Config) allowsOrigin(origin string) bool {
	return slices.Contains(c.AllowedOrigins, origin)
}
