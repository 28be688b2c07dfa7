package nats

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/federated-messaging/fedmsg"
)

const (
	handshakeTime = 10 * time.Second // for each step of a handshake
	pingInterval  = 20 * time.Second // after two that are not answered an idle connection counts as broken
	writeTime     = time.Minute      // a server that takes no byte for so long is not there
	writeBuffer   = 32 << 10         // bytes that are gathered before they are written
)

// link is one connection. It ends for good when it breaks: nothing is kept to be sent over another one.
type link struct {
	*nats.Conn
	socket  net.Conn
	stop    func() bool   // of what cuts it with its context
	leaving atomic.Bool   // close was called
	ended   chan struct{} // closed behind the last callback
}

// events is what a connection tells, one after the other.
type events struct {
	closed  func(err error)                         // it is over, and close was not called
	problem func(sub *nats.Subscription, err error) // something that it outlives: a subject that is not permitted, messages that were dropped
}

// dial connects and logs in. The end of ctx cuts the connection, also later.
func (a *address) dial(ctx context.Context, on events) (*link, error) {
	opts := nats.GetDefaultOptions()
	var err error
	if opts.TLSConfig, err = a.files.TLS(a.endpoint.Host); err != nil {
		return nil, err
	}
	if err := a.login(&opts); err != nil {
		return nil, err
	}
	l := &link{ended: make(chan struct{})}
	d := &dialer{ctx: ctx}
	opts.Url = "nats://" + a.endpoint.Address(defaultPort)
	opts.Name = "fedmsg " + a.name
	opts.Secure, opts.CustomDialer = a.secure, d
	opts.AllowReconnect, opts.IgnoreDiscoveredServers, opts.SkipHostLookup = false, true, true
	opts.Timeout, opts.FlusherTimeout, opts.PingInterval, opts.WriteBufferSize = handshakeTime, writeTime, pingInterval, writeBuffer
	opts.AsyncErrorCB = func(_ *nats.Conn, sub *nats.Subscription, err error) { on.problem(sub, err) }
	opts.ClosedCB = func(c *nats.Conn) {
		defer close(l.ended)
		if !l.leaving.Load() {
			on.closed(a.failed(c.LastError()))
		}
	}
	if l.Conn, err = opts.Connect(); err != nil {
		if d.stop != nil {
			d.stop()
		}
		return nil, a.failed(err)
	}
	l.socket, l.stop = d.socket, d.stop
	if !l.HeadersSupported() {
		l.close()
		return nil, fedmsg.Errorf(fedmsg.CodeUnavailable, "the server at %s knows no headers; it needs nats-server 2.2 or newer", a)
	}
	return l, nil
}

// login takes who this node is there from the file of credentials.
func (a *address) login(opts *nats.Options) error {
	secret, err := a.files.Secret()
	if err != nil || secret == "" {
		return err
	}
	if strings.HasPrefix(secret, "-----BEGIN NATS USER JWT-----") {
		return nats.UserCredentials(a.files.Credentials)(opts)
	}
	user, password, ok := strings.Cut(secret, ":")
	if ok {
		opts.User, opts.Password = user, password
	} else {
		opts.Token = secret
	}
	return nil
}

// failed makes of an error of the library, which may be nil, a sentence for people.
func (a *address) failed(err error) error {
	switch {
	case err == nil:
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the connection to %s was lost", a)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return fedmsg.WrapError(fedmsg.CodeUnauthenticated, err, "%s refuses the login; look at the file of credentials and the server's authorization", a)
	case isOf[x509.UnknownAuthorityError](err):
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the certificate of %s is of an unknown authority; name the file of its authority by ca", a)
	case errors.Is(err, nats.ErrTLS):
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "TLS with %s failed: %s; the server may ask for a certificate that it knows (certificate and key)", a, err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "%s speaks no TLS; nats:// connects without", a)
	}
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "the connection to %s failed: %s", a, err)
}

func isOf[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// settled returns when the server has dealt with all that was asked of it, with what it did not permit.
func (l *link) settled() error {
	if err := l.FlushTimeout(handshakeTime); err != nil {
		return err
	}
	if err := l.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return nil
}

// close ends the connection at once, also where a write is stuck, and returns behind its last callback.
func (l *link) close() {
	l.leaving.Store(true)
	l.stop()
	l.socket.Close()
	l.Conn.Close()
	<-l.ended
}

// dialer connects within a context, which cuts the connection when it ends, if stop was not called before. It is used once.
type dialer struct {
	ctx    context.Context
	socket net.Conn
	stop   func() bool
}

// Dial is called by the library.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: handshakeTime}).DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.socket = socket{c}
	d.stop = context.AfterFunc(d.ctx, func() { c.Close() })
	return d.socket, nil
}

// socket ends with the first write that fails. The library would drop what it was to write, go on, and take the answer to a
// later PING for that to an earlier one, so that what never left would count as delivered.
type socket struct{ net.Conn }

// Write writes all or ends the connection.
func (s socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if err != nil {
		s.Conn.Close()
	}
	return n, err
}
