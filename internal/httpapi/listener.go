package httpapi

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/federated-messaging/fedmsg"
)

// listener accepts the connections of one endpoint, counts them and finds out who is at the other end.
type listener struct {
	net.Listener
	limits *connLimits
	refuse func(limit string) // told of each connection over a limit

	name     string            // as Addrs shows it
	read     []fedmsg.Pattern  // what everybody may read here; never changed
	verify   fedmsg.VerifyMode // what is asked of signatures here; empty leaves it to the node
	into     Door              // the way into the log for what comes in here
	late     Door              // the way for what waited somewhere before; nil where its age counts as that of any other
	tls      bool
	local    bool          // a unix socket
	loopback bool          // only this machine can reach it
	certs    *certificates // nil without TLS
	remove   func()        // removes the socket's file; nil where there is none of ours
	closing  sync.Once     // net/http and the server both close listeners
}

// Accept waits for the next connection that is within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: nc, door: l}
		c.fresh.Store(true)
		if l.local {
			c.loopback = true
			if c.peer, err = peerOf(nc); err != nil {
				nc.Close()
				continue // the peer is gone already
			}
		} else if a, err := netip.ParseAddrPort(nc.RemoteAddr().String()); err == nil {
			c.address = a.Addr().Unmap().WithZone("")
			c.loopback = c.address.IsLoopback()
			if c.address.Is6() { // whoever has one such address has all of its network
				network, _ := c.address.Prefix(64)
				c.address = network.Addr()
			}
		}
		if limit, ok := l.limits.enter(c); !ok {
			l.refuse(limit)
			l.turnAway(nc, limit)
			continue
		}
		return c, nil
	}
}

// entrance gives the way into the log for messages that come as they are made, or that waited somewhere before.
func (l *listener) entrance(replaying bool) Door {
	if replaying && l.late != nil {
		return l.late
	}
	return l.into
}

// serving gives the listener that the http.Server is to use.
func (l *listener) serving() net.Listener {
	if l.certs == nil {
		return l
	}
	return tls.NewListener(l, l.certs.config())
}

// Close stops accepting and removes the socket's file if this server made it. Only the first call does something.
func (l *listener) Close() (err error) {
	l.closing.Do(func() {
		if l.remove != nil {
			l.remove()
		}
		err = l.Listener.Close()
	})
	return err
}

// turnAway says on a plain connection why it is closed. One small write to a new connection does not block.
func (l *listener) turnAway(nc net.Conn, limit string) {
	if !l.tls {
		body := fedmsg.AppendErrorJSON(nil, fedmsg.Errorf(fedmsg.CodeBusy, "too many connections; the limit is the node's key %s; close some, or try again later", limit))
		head := "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: " +
			strconv.Itoa(len(body)) + "\r\n\r\n"
		nc.SetWriteDeadline(time.Now().Add(time.Second))
		nc.Write(append([]byte(head), body...))
	}
	nc.Close()
}

// peerOf gives the uid that the kernel noted when the peer connected.
func peerOf(nc net.Conn) (fedmsg.Sender, error) {
	u, ok := nc.(*net.UnixConn)
	if !ok {
		return fedmsg.Sender{}, fedmsg.Errorf(fedmsg.CodeInternal, "connection of a unix socket is a %T", nc)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return fedmsg.Sender{}, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return fedmsg.Sender{}, err
	}
	if credErr != nil {
		return fedmsg.Sender{}, credErr
	}
	return fedmsg.Sender{Kind: fedmsg.SenderUID, Name: strconv.FormatUint(uint64(cred.Uid), 10)}, nil
}
