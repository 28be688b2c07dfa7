package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
)

const (
	dialTime  = 15 * time.Second // for everything until the server lets this node in
	closeTime = 2 * time.Second  // for saying goodbye: a server that takes nothing does not answer
)

// link is a connection with one channel. Its methods may be called by any goroutine.
type link struct {
	connection *amqp.Connection
	channel    *amqp.Channel
	wire       *cork
	inlet      *inlet // of a link that takes messages, else nil
	frame      int    // bytes of the largest frame
}

// dial connects, logs in and opens the channel. The name is shown to the server's administrators. What takes messages must tell the
// link's inlet of each that it has handed on.
func (s *server) dial(ctx context.Context, name string, takes bool) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	sasl, err := s.login()
	if err != nil {
		return nil, err
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, unreachable(s, err)
	}
	l := &link{}
	if takes {
		l.inlet = newInlet(conn)
		conn = l.inlet
	}
	l.wire = &cork{Conn: conn}
	stop := context.AfterFunc(ctx, l.abort)
	defer stop()
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	l.connection, err = amqp.Open(l.wire, amqp.Config{
		SASL: []amqp.Authentication{sasl}, Vhost: s.vhost, FrameSize: s.frame, Heartbeat: s.heartbeat, Properties: properties,
		Locale: "en_US",
	})
	if err == nil {
		l.channel, err = l.connection.Channel()
	}
	if err != nil {
		l.abort()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, unreachable(s, err)
	}
	l.frame = l.connection.Config.FrameSize
	if l.frame == 0 {
		l.frame = maxFrame
	}
	return l, nil
}

// connect opens the connection below AMQP.
func (s *server) connect(ctx context.Context) (net.Conn, error) {
	if s.endpoint.Scheme == "amqp" {
		return new(net.Dialer).DialContext(ctx, "tcp", s.endpoint.Address("5672"))
	}
	config, err := s.files.TLS(s.endpoint.Host)
	if err != nil {
		return nil, err
	}
	return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", s.endpoint.Address("5671"))
}

// login says who this node is. The user guest, whom RabbitMQ lets in from its own machine only, has the password that
// everybody knows.
func (s *server) login() (amqp.Authentication, error) {
	if s.external {
		return &amqp.ExternalAuth{}, nil
	}
	user, password, err := s.files.Login(s.endpoint)
	if err != nil {
		return nil, err
	}
	if user == "" && s.files.Credentials == "" {
		user = "guest"
	}
	if user == "guest" && password == "" {
		password = "guest"
	}
	return &amqp.PlainAuth{Username: user, Password: password}, nil
}

// abort takes the connection away at once: the only thing that ends a write which the server does not take.
func (l *link) abort() { _ = l.wire.Close() } // it may be closed

// close says goodbye, for a moment, and takes the connection away. The library's own deadline does not end the wait for the
// answer: each heartbeat of the server moves it.
func (l *link) close() {
	guard := time.AfterFunc(closeTime, l.abort)
	defer guard.Stop()
	if err := l.connection.Close(); err != nil {
		l.abort()
	}
}

// unreachable tells why there is no session.
func unreachable(s *server, err error) error {
	return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot use %s%s", s.endpoint, cure(err))
}

// broken tells why a session ended.
func broken(s *server, err error) error {
	return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the connection to %s ended%s", s.endpoint, cure(err))
}

// cure says what helps against an error of the server, where that is known.
func cure(err error) string {
	refused, ok := errors.AsType[*amqp.Error](err)
	if !ok {
		return ""
	}
	switch refused.Code {
	case amqp.AccessRefused:
		if refused == amqp.ErrCredentials || strings.Contains(refused.Reason, "login") {
			return "; look at user, password or certificate"
		}
		return "; have its administrator give this node's user the right, or use topology=passive or none where only declaring is refused"
	case amqp.NotFound:
		return "; make what is missing there, or use topology=declare"
	case amqp.PreconditionFailed:
		return "; what is there differs from what the address says: use topology=passive, or the options it was made with"
	}
	return ""
}
