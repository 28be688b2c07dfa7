package httpapi

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
)

// conn is one accepted connection with what its listener knows of it, so that nothing of that has to be found again for
// each request.
type conn struct {
	net.Conn
	door     *listener
	peer     fedmsg.Sender // the uid at the other end of a unix socket; else nobody
	address  netip.Addr    // of the other end, of IPv6 its /64 network; zero on a unix socket
	loopback bool          // the other end is on this machine
	counted  bool          // it counts in the limit per address
	fresh    atomic.Bool   // no request has begun on it
	once     sync.Once     // of closing
}

// Close closes the connection and gives its place to another.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.door.limits.leave(c) })
	return err
}

// NetConn gives the connection below, as [tls.Conn.NetConn] does.
func (c *conn) NetConn() net.Conn { return c.Conn }

// connKey is the key under which each connection's context has its *conn. It is the only value this package puts into a
// context: net/http offers no other way from a connection to its requests.
type connKey struct{}

// connContext is the ConnContext of the http.Server.
func connContext(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, unwrapConn(nc))
}

// connState is the ConnState of the http.Server.
func connState(nc net.Conn, state http.ConnState) {
	if state != http.StateNew {
		unwrapConn(nc).fresh.Store(false)
	}
}

// unwrapConn finds the conn below TLS.
func unwrapConn(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn) // all listeners of the server make nothing else
	return c
}

// connOf gives the connection of a request.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
