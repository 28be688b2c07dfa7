package zmtp

import (
	"context"
	"sync"
)

// Sub receives what it subscribed to.
type Sub struct {
	*socket
	inbox *inbox[struct{}]

	mu       sync.RWMutex // guards what follows
	prefixes Prefixes     // counted
	peers    map[*upstream]struct{}
}

// upstream tells one peer what is wanted.
type upstream struct {
	c    *Conn
	wake chan struct{} // has a token when there is something to tell

	// Guarded by Sub.mu.
	all     bool                // it was told nothing yet
	changed map[string]struct{} // prefixes for which it should be told whether they are wanted
}

// NewSub makes a Sub.
func NewSub(o Options) *Sub { return newSub(SUB, o, func(s *Sub, c *Conn) { s.serve(c, s.filter) }) }

func newSub(t SocketType, o Options, serve func(*Sub, *Conn)) *Sub {
	s := &Sub{inbox: newInbox[struct{}](o), peers: make(map[*upstream]struct{})}
	s.socket = newSocket(t, o, func(c *Conn) { serve(s, c) })
	return s
}

// Subscribe asks all peers, also those to come, for messages whose first frame begins with prefix. Subscriptions are counted:
// one that was made twice is cancelled twice. It does not wait for the peers.
func (s *Sub) Subscribe(prefix string) error {
	return s.change(prefix, func(p []byte) bool { return s.prefixes.Add(p) })
}

// Unsubscribe takes one Subscribe back.
func (s *Sub) Unsubscribe(prefix string) error {
	return s.change(prefix, func(p []byte) bool { return s.prefixes.Remove(p) })
}

// change changes what is wanted, and has the peers told if it is something else then.
func (s *Sub) change(prefix string, change func([]byte) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.inbox.closed:
		return ErrClosed
	default:
	}
	if !change([]byte(prefix)) {
		return nil
	}
	s.subscriptions.Store(int64(s.prefixes.Len()))
	for u := range s.peers {
		if !u.all {
			u.changed[prefix] = struct{}{}
			u.rouse()
		}
	}
	return nil
}

// Receive gives the next message, of the peers in turn. Any goroutine may call it.
func (s *Sub) Receive(ctx context.Context) (Message, error) {
	i, _, err := s.inbox.take(ctx)
	return i.Message, err
}

// ReceiveBatch waits for a message and appends to batch what has come, at least one and at most as many as there is room for
// without growing it (one, if there is no room). Any goroutine may call it.
func (s *Sub) ReceiveBatch(ctx context.Context, batch []Message) ([]Message, error) {
	return s.inbox.takeMany(ctx, batch)
}

// Close ends everything; what was not received yet is lost. It may be called several times.
func (s *Sub) Close() error {
	s.inbox.close()
	return s.socket.Close()
}

// Stats tells what it has done so far.
func (s *Sub) Stats() Stats {
	st := s.socket.Stats()
	st.Received = s.inbox.count()
	return st
}

// serve tells a peer what is wanted and takes what comes.
func (s *Sub) serve(c *Conn, keep func([]Incoming) []Incoming) {
	u := &upstream{c: c, wake: make(chan struct{}, 1), all: true, changed: make(map[string]struct{})}
	u.rouse()
	s.mu.Lock()
	s.peers[u] = struct{}{}
	s.mu.Unlock()
	var telling sync.WaitGroup
	telling.Go(func() { s.tell(u) })
	receive(c, laneOf(c, s.inbox, struct{}{}), keep)
	c.Close()
	s.mu.Lock()
	delete(s.peers, u)
	s.mu.Unlock()
	telling.Wait()
}

// filter takes out what nobody asked for, or nobody wants any longer.
func (s *Sub) filter(batch []Incoming) []Incoming {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rest := batch[:0]
	for _, i := range batch {
		if !i.Subscribe && !i.Cancel && s.prefixes.Match(i.Message[0]) {
			rest = append(rest, i)
		}
	}
	return rest
}

// tell tells a peer what is wanted until the connection ends.
func (s *Sub) tell(u *upstream) {
	for {
		select {
		case <-u.wake:
		case <-u.c.ended:
			return
		}
		if news := s.news(u); len(news) > 0 && u.c.Write(news) != nil {
			return
		}
	}
}

// news encodes what a peer was not told yet.
func (s *Sub) news(u *upstream) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var news []byte
	if u.all {
		for prefix := range s.prefixes.All() {
			news = u.c.appendSubscription(news, prefix, false)
		}
		u.all = false
		return news
	}
	for prefix := range u.changed {
		news = u.c.appendSubscription(news, []byte(prefix), !s.prefixes.Has([]byte(prefix)))
	}
	clear(u.changed)
	return news
}

func (u *upstream) rouse() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}
