package zmtp

import (
	"container/list"
	"errors"
	"net"
)

// admit begins the handshake of a connection, or turns it away.
func (l *Listener) admit(nc net.Conn, handle func(*Conn)) {
	c := newConn(nc, l.uri, l.local, &l.o)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.isClosed():
		c.end(ErrClosed)
		return
	case len(l.peers) >= l.o.MaxPeers:
		l.turnAway(c, refused("there are %d peers, which is the limit", l.o.MaxPeers))
		return
	case l.shaking.Len() >= l.o.MaxHandshakes:
		oldest := l.shaking.Remove(l.shaking.Front()).(*Conn)
		oldest.end(refused("it had not finished its handshake when %d others had begun one, which is the limit", l.o.MaxHandshakes))
	}
	e := l.shaking.PushBack(c)
	l.hands.Go(func() { l.serve(c, e, handle) })
}

// serve makes the handshake and calls handle.
func (l *Listener) serve(c *Conn, e *list.Element, handle func(*Conn)) {
	defer c.Close()
	if err := l.enter(c, e, c.handshake(&l.o)); err != nil {
		return
	}
	defer l.leave(c)
	handle(c)
	c.Close()
	c.linger(l.closed)
}

// enter counts what came of a handshake and makes the connection one of the peers.
func (l *Listener) enter(c *Conn, e *list.Element, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shaking.Remove(e) // does nothing if it gave way
	if err == nil && len(l.peers) >= l.o.MaxPeers {
		err = c.failure(refused("there are %d peers, which is the limit", l.o.MaxPeers))
	}
	if err == nil && l.isClosed() {
		err = ErrClosed
	}
	if err != nil {
		l.turnAway(c, err)
		return err
	}
	l.peers[c] = struct{}{}
	l.counts.connects++
	l.counts.last = ""
	l.o.Logger.Debug("let a peer in", "peer", c.peer.String(), "endpoint", l.uri, "type", c.peer.Type.String())
	return nil
}

// turnAway ends a connection that did not become a peer. The caller has mu.
func (l *Listener) turnAway(c *Conn, err error) {
	c.end(err)
	why := *c.cause.Load()
	switch {
	case errors.Is(err, ErrClosed):
	case errors.Is(why, errWordless):
		l.o.Logger.Debug("a peer went before it said anything", "peer", c.peer.String(), "endpoint", l.uri)
	default:
		l.counts.failed(err)
		l.o.Logger.Info("turned a peer away", "peer", c.peer.String(), "endpoint", l.uri, "error", networkError(why))
	}
}

func (l *Listener) leave(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.peers, c)
	l.o.Logger.Debug("a peer is gone", "peer", c.peer.String(), "endpoint", l.uri)
}
