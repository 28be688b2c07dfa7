package httpapi

import (
	"net/netip"
	"sync"
)

// connLimits counts the connections of all listeners.
type connLimits struct {
	total, perAddress int // the limits; never changed

	mu        sync.Mutex
	conns     map[*conn]struct{} // under mu
	byAddress map[netip.Addr]int // under mu; only addresses that have connections
}

func newConnLimits(total, perAddress int) *connLimits {
	return &connLimits{
		total: total, perAddress: perAddress,
		conns: make(map[*conn]struct{}), byAddress: make(map[netip.Addr]int),
	}
}

// enter counts a connection, or says by the key of the configuration which limit it would pass.
func (l *connLimits) enter(c *conn) (limit string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.total {
		return "http.max_connections", false
	}
	if !c.loopback {
		if l.byAddress[c.address] >= l.perAddress {
			return "http.max_connections_per_address", false
		}
		l.byAddress[c.address]++
		c.counted = true
	}
	l.conns[c] = struct{}{}
	return "", true
}

// leave gives the place of a connection free. One that was never let in changes nothing.
func (l *connLimits) leave(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, in := l.conns[c]; !in {
		return
	}
	delete(l.conns, c)
	if !c.counted {
		return
	}
	if l.byAddress[c.address]--; l.byAddress[c.address] == 0 {
		delete(l.byAddress, c.address)
	}
}

// open gives the number of connections.
func (l *connLimits) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// closeFresh closes the connections on which no request has begun: net/http would give each five seconds before it takes
// it for idle, which is all the time that stopping has.
func (l *connLimits) closeFresh() {
	l.mu.Lock()
	var fresh []*conn
	for c := range l.conns {
		if c.fresh.Load() {
			fresh = append(fresh, c)
		}
	}
	l.mu.Unlock()
	for _, c := range fresh {
		c.Close()
	}
}
