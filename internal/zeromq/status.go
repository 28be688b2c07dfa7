package zeromq

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// shownPrefixes is how many subscriptions of one subscriber are told, of the many thousands that it may have.
const shownPrefixes = 32

// Subscriber is what is known of one subscriber of a publishing socket now.
type Subscriber struct {
	Sender   fedmsg.Sender   // what it would be if it published; zero for nobody
	Address  string          // from where it comes, HOST:PORT; empty over a unix socket
	Since    time.Time       // when it connected
	Prefixes []string        // the first of its subscriptions, at most 32; none: it wants nothing, or everything
	Position fedmsg.Position // everything up to it was written to the subscriber, or is not wanted
	Messages uint64          // written to it
}

// Subscribers lists who subscribes now, who came first before the others. It may be called by any goroutine.
func (s *Server) Subscribers() []Subscriber {
	var all []Subscriber
	for _, e := range s.edges {
		p, publishes := e.(*publisher)
		if !publishes {
			continue
		}
		for _, one := range p.all() {
			all = append(all, one.status())
		}
	}
	slices.SortFunc(all, func(a, b Subscriber) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Address, b.Address)) })
	return all
}

// status may be called by any goroutine.
func (s *subscriber) status() Subscriber {
	peer := s.conn.Peer()
	st := Subscriber{Sender: senderOf(peer), Address: peer.Address, Since: s.since, Messages: s.sent.Load(), Position: s.of.deps.Feed.Last()}
	select {
	case <-s.begun:
		st.Position.Seq = min(st.Position.Seq, max(s.first, s.given.Load()))
	default: // it has not asked for anything
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for prefix := range s.wanted.All() {
		if len(st.Prefixes) == shownPrefixes {
			break
		}
		if len(prefix) > 0 {
			st.Prefixes = append(st.Prefixes, string(prefix))
		}
	}
	return st
}

// senderOf names who is at the other end where the connection tells it, by a CURVE key or by the user on this machine.
func senderOf(p zmtp.Peer) fedmsg.Sender {
	switch {
	case len(p.Key) > 0:
		return fedmsg.Sender{Kind: fedmsg.SenderCurve, Name: p.User}
	case p.Address == "" && p.UID >= 0:
		return fedmsg.Sender{Kind: fedmsg.SenderUID, Name: strconv.Itoa(p.UID)}
	}
	return fedmsg.Sender{}
}
