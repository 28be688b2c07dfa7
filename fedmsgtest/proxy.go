package fedmsgtest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy stands between clients and a server and passes their bytes on, until it is told to break the connections. Any
// goroutine may use it.
type Proxy struct {
	Addr string // HOST:PORT, where clients connect to

	to       string
	listener net.Listener
	wait     sync.WaitGroup

	mu      sync.Mutex
	pairs   map[*pair]bool // guarded by mu
	left    int            // guarded by mu: bytes of the server until the cut; negative without one
	cuts    int            // guarded by mu
	refuses bool           // guarded by mu
	closed  bool           // guarded by mu
}

// pair is one connection, as both sides have it.
type pair struct{ client, server net.Conn }

// reset ends both without a word, as a firewall does.
func (p *pair) reset() {
	for _, c := range []net.Conn{p.client, p.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // the end is a reset
			tcp.Close()
		}
	}
}

// StartProxy starts one for the server at HOST:PORT. It ends with the test.
func StartProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), to: to, listener: l, pairs: make(map[*pair]bool), left: -1}
	p.wait.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		l.Close()
		p.Cut()
		p.wait.Wait()
	})
	return p
}

// Cut breaks the connections that there are.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

func (p *Proxy) cut() {
	for one := range p.pairs {
		one.reset()
	}
	clear(p.pairs)
	p.cuts++
	p.left = -1
}

// CutAfter breaks the connections when so many more bytes of the server have been passed on: in the middle of what it says.
func (p *Proxy) CutAfter(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = bytes
}

// Cuts is how often connections were broken.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

// Refuse has the proxy break new connections at once, or not any more.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = refuse
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.join(client) })
	}
}

// join passes bytes both ways until one side ends.
func (p *Proxy) join(client net.Conn) {
	one := &pair{client: client}
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		one.reset()
		return
	}
	one.server = server
	p.mu.Lock()
	if p.refuses || p.closed {
		p.mu.Unlock()
		one.reset()
		return
	}
	p.pairs[one] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(server, client) // an end of either side is the end of both
		one.reset()
	})
	p.answers(one)
	both.Wait()
	p.mu.Lock()
	delete(p.pairs, one)
	p.mu.Unlock()
}

// answers passes on what the server says, up to the cut.
func (p *Proxy) answers(one *pair) {
	defer one.reset()
	buf := make([]byte, 32<<10)
	for {
		n, err := one.server.Read(buf)
		p.mu.Lock()
		last := p.left >= 0 && n >= p.left
		if last {
			n = p.left
		} else if p.left > 0 {
			p.left -= n
		}
		p.mu.Unlock()
		if _, writeErr := one.client.Write(buf[:n]); writeErr != nil || err != nil {
			return
		}
		if last {
			p.Cut()
			return
		}
	}
}
