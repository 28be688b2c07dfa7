package zeromq

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Config is the section [zeromq]. Start from [DefaultConfig].
type Config struct {
	// Publish has the sockets on which the log is published: tcp://HOST:PORT or ipc:///PATH, and in the query
	// format=fedmsg1, fedpub1 or fedmsg2 (the default), topics=PATTERN,… (what may be read here; # on loopback and nothing
	// elsewhere unless given, or with curve=yes what the client may read), curve=yes (only clients of [[zeromq_client]]), and
	// for ipc mode=0660 and group=NAME.
	Publish []string
	// Submit has the sockets that take submissions (FSUBMIT1); ipc:// knows its submitters by their uid, tcp:// by curve=yes
	// and otherwise not at all. Options: verify=MODE, curve=yes, mode=0660 and group=NAME for ipc.
	Submit []string
	// RelayIn has the sockets that old publishers connect to, as they did to the relay. Options: verify=MODE, sender=NAME (who
	// [[publisher]] zeromq = NAME speaks of), curve=yes, mode=0660 and group=NAME for ipc.
	RelayIn []string
	// Subscribe has what the node listens to: file:///PATH of an endpoints file, srv:DOMAIN, or tcp://HOST:PORT and ipc:///PATH
	// of one publisher. Options: verify=MODE, name=NAME, replay=URI (escaped), server_key=Z85 (escaped), topics=PREFIX,….
	Subscribe []string
	// Replay has the sockets of the old replay protocol. Options: format=fedmsg1 (the default: envelopes alone) or fedmsg2
	// (DSSE around those with detached signatures, for subscribers of such a socket), topics=PATTERN,…, curve=yes, mode=0660 and group=NAME for ipc.
	Replay []string
	// SeqID is the service under whose name this node numbers what it publishes for old replay clients, as in NAME.HOST; empty
	// numbers nothing.
	SeqID string
	// Resolver is HOST:PORT of the name server that srv: asks; empty is that of the system.
	Resolver string

	MaxPeers         int           // subscribers, submitters and others, for each socket
	MaxHandshakes    int           // under way for each socket; the oldest gives way
	MaxSubscriptions int           // prefixes of one subscriber
	MaxRequests      int           // submissions that wait to be on disk, for each socket; submitters wait beyond it
	ChunkBytes       int           // recent messages kept encoded for the subscribers of each socket; those further behind read the log
	HandshakeTimeout time.Duration // from connecting to the first message
	WriteTimeout     time.Duration // how long a subscriber may take nothing before it is cut off
	AcceptTimeout    time.Duration // how long a submission may wait to become durable; then its fate is unknown
	Heartbeat        time.Duration // silence after which a peer is asked whether it is there
	ReplayMessages   int           // the most messages of one replay answer
}

// DefaultConfig is what holds where nothing is configured. It has no Submit: its place depends on who runs the node.
func DefaultConfig() Config {
	return Config{
		Publish:          []string{"tcp://127.0.0.1:9940"},
		MaxPeers:         16384,
		MaxHandshakes:    4096,
		MaxSubscriptions: 65536,
		MaxRequests:      1024,
		ChunkBytes:       4 << 20,
		HandshakeTimeout: 10 * time.Second,
		WriteTimeout:     5 * time.Minute, // unlike a reader of HTTP, one that is cut off misses what comes meanwhile
		AcceptTimeout:    10 * time.Second,
		Heartbeat:        30 * time.Second,
		ReplayMessages:   10000,
	}
}

// Validate tells all that is wrong, each fault beginning with the name of its key. It opens nothing.
func (c *Config) Validate() error {
	var faults []error
	for _, l := range c.lists() {
		for _, uri := range l.uris {
			if _, err := parseEndpoint(l.kind, uri); err != nil {
				faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "%s: %s", l.kind.key(), err))
			}
		}
	}
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"max_peers", int64(c.MaxPeers)},
		{"max_handshakes", int64(c.MaxHandshakes)},
		{"max_subscriptions", int64(c.MaxSubscriptions)},
		{"max_requests", int64(c.MaxRequests)},
		{"chunk_bytes", int64(c.ChunkBytes)},
		{"handshake_timeout", int64(c.HandshakeTimeout)},
		{"write_timeout", int64(c.WriteTimeout)},
		{"accept_timeout", int64(c.AcceptTimeout)},
		{"heartbeat", int64(c.Heartbeat)},
		{"replay_messages", int64(c.ReplayMessages)},
	} {
		if n.value <= 0 {
			faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "zeromq.%s must be above zero", n.key))
		}
	}
	if strings.ContainsFunc(c.SeqID, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "zeromq.seq_id is the name of a service, as in NAME.HOST, without spaces and not %q", c.SeqID))
	}
	if c.Resolver != "" {
		if _, port, err := net.SplitHostPort(c.Resolver); err != nil || port == "" {
			faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "zeromq.resolver is HOST:PORT of a name server, not %q", c.Resolver))
		}
	}
	return errors.Join(faults...)
}

// Insecure lists the insecure switches that are on, by their keys, for the log and the health report.
func (c *Config) Insecure() []string {
	var keys []string
	for _, l := range c.lists() {
		for _, uri := range l.uris {
			if e, err := parseEndpoint(l.kind, uri); err == nil && e.verify == fedmsg.VerifyInsecureOff {
				keys = append(keys, l.kind.key()+" "+e.address+" verify="+string(e.verify))
			}
		}
	}
	return keys
}

// named gives what the endpoints call what comes by them, but for the lists of services, which have the names of their own.
func (c *Config) named() map[string]bool {
	names := map[string]bool{}
	for _, l := range []list{{relayIn, c.RelayIn}, {subscribe, c.Subscribe}} {
		for _, uri := range l.uris {
			e, err := parseEndpoint(l.kind, uri)
			switch {
			case err != nil || e.scheme == "file":
			case e.kind == relayIn:
				names[e.sender] = true
			default:
				names[e.service()] = true
			}
		}
	}
	return names
}

// list is one key of endpoints.
type list struct {
	kind kind
	uris []string
}

// lists gives the endpoints in the order in which they are opened: what takes messages in comes last, so that it stops first.
func (c *Config) lists() []list {
	return []list{{publish, c.Publish}, {replay, c.Replay}, {submit, c.Submit}, {relayIn, c.RelayIn}, {subscribe, c.Subscribe}}
}
