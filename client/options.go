package client

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// SpoolDefault as Options.Spool stands for the machine's spool: /var/spool/fedmsg where it exists, else the user's own.
const SpoolDefault = "default"

// Options says how to reach a node. The zero value works: it finds the node of this machine.
type Options struct {
	// Node is unix:///path, http://host:port or https://host:port. Empty means $FEDMSG_NODE, else the first that answers of
	// $XDG_RUNTIME_DIR/fedmsg.sock (without that variable $XDG_STATE_HOME/fedmsg/fedmsg.sock), /run/fedmsg/fedmsg.sock
	// and http://127.0.0.1:8940.
	Node string

	// Token is the bearer token; empty sends none. It goes over plain HTTP only to a loopback address.
	Token string

	// InsecurePlainHTTP lets Token go over plain HTTP to any host.
	InsecurePlainHTTP bool

	// TLS is used for https; nil means the system's roots.
	TLS *tls.Config

	// Spool is the directory in which messages wait when no node answers: empty means none, SpoolDefault the machine's.
	Spool string

	// Timeout bounds one publish whose context has no deadline, and each attempt to connect; zero means 5 s.
	Timeout time.Duration

	// Idle is after how long without a message the connection for publishing is closed; zero means 30 s.
	Idle time.Duration

	// InFlightBytes bounds what was handed over and is not acknowledged; beyond it a publish waits; zero means 16 MiB.
	InFlightBytes int

	// TopicPrefix, Environment and Modname complete short topics as the old system did: a topic that does not begin with
	// TopicPrefix becomes PREFIX.ENVIRONMENT.MODNAME.TOPIC, see [fedmsg.FullTopic]. Without TopicPrefix topics are used as they are. An empty
	// Environment is dev, and an empty Modname is left out.
	TopicPrefix, Environment, Modname string

	// Username is what messages claim as their publisher; empty means $LOGNAME, $USER or the name of the user.
	Username string

	// SigningKey is the file of a private key in PEM (see `fedmsg keys new`), which only its owner may read. With it every
	// message is signed here, over its exact bytes, so that anybody who trusts the key can check it later; else the node signs
	// as itself. The time is signed too: a message with an ID of its own is the same as an earlier one only if its Time and
	// Username are the same, and under the ID of another one it is refused.
	SigningKey string

	// SigningCertificate is the file of the key's certificate in PEM, which is sent with each signature: who trusts the
	// authority need not know the key. Empty means none.
	SigningCertificate string

	// Logger hears of lost connections and of the spool; nil is silent.
	Logger *slog.Logger
}
