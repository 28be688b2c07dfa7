package zeromq

import "time"

// Config is the section [zeromq]. Start from [DefaultConfig].
type Config struct {
	// Publish has the sockets on which the log is published: tcp://HOST:PORT or ipc:///PATH, and in the query
	// format=fedmsg1, fedpub1 or fedmsg2 (the default), topics=PATTERN,… (what may be read here; # on loopback and nothing
	// elsewhere unless given, or with curve=yes what the client may read) and curve=yes (only clients of [[zeromq_client]]).
	Publish []string
	// Submit has the sockets that take submissions (FSUBMIT1); ipc:// knows its submitters by their uid, tcp:// by curve=yes
	// and otherwise not at all. Options: verify=MODE, mode=0660 and group=NAME for ipc.
	Submit []string
	// RelayIn has the sockets that old publishers connect to, as they did to the relay. Options: verify=MODE, sender=NAME (who
	// [[publisher]] zeromq = NAME speaks of), curve=yes.
	RelayIn []string
	// Subscribe has what the node listens to: file:///PATH of an endpoints file, srv:DOMAIN, or tcp://HOST:PORT and ipc:///PATH
	// of one publisher. Options: verify=MODE, name=NAME, replay=URI (escaped), server_key=Z85, topics=PREFIX,….
	Subscribe []string
	// Replay has the sockets of the old replay protocol. Options: topics=PATTERN,…, curve=yes.
	Replay []string
	// SeqID is the service under whose name this node numbers what it publishes for old replay clients, as in NAME.HOST; empty
	// numbers nothing.
	SeqID string
	// Resolver is HOST:PORT of the name server that srv: asks; empty is that of the system.
	Resolver string

	MaxPeers         int           // subscribers, submitters and others, for each socket
	MaxHandshakes    int           // under way for each socket; the oldest gives way
	MaxSubscriptions int           // prefixes of one subscriber
	HandshakeTimeout time.Duration // from connecting to the first message
	WriteTimeout     time.Duration // how long a subscriber may take nothing before it is cut off
	AcceptTimeout    time.Duration // how long a submission may wait to become durable; then its fate is unknown
	Heartbeat        time.Duration // silence after which a peer is asked whether it is there
	ReplayMessages   int           // the most messages of one replay answer
}
