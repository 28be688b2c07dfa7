package zmtp

import (
	"context"
	"fmt"
	"net"
)

// Dial connects to a URI and makes the handshake; one attempt, no longer than ctx and Options.HandshakeTimeout.
func Dial(ctx context.Context, uri string, t SocketType, o Options) (*Conn, error) {
	a, err := parseURI(uri, false)
	if err != nil {
		return nil, err
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.filled()
	return dial(ctx, uri, a, t, &o)
}

// dial is Dial of what has been read and filled.
func dial(ctx context.Context, uri string, a address, t SocketType, o *Options) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.HandshakeTimeout)
	defer cancel()
	connect := o.Dial
	if connect == nil {
		connect = (&net.Dialer{KeepAliveConfig: o.KeepAlive}).DialContext
	}
	nc, err := connect(ctx, a.network, a.name)
	if err != nil {
		return nil, fmt.Errorf("zmtp: cannot connect to %s: %w", uri, networkError(err))
	}
	c := newConn(nc, uri, t, o)
	stop := context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
	err = c.handshake(o)
	if !stop() && err == nil {
		err = c.failure(context.Cause(ctx))
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}
