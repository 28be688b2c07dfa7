package zmtp

import "context"

// The sockets below are stubs that their owners replace, each by a file of its own.

// Pub sends each message to the subscribers that want it. A subscriber that does not keep up with Options.SendLimit messages
// or SendBytes misses some, which is counted, unless Blocking is set.
type Pub struct{ *socket }

// NewPub makes a Pub.
func NewPub(o Options) *Pub { panic("not built") }

// Blocking makes Send wait for the slowest subscriber instead of letting it miss messages. It is set before the first Bind or
// Connect.
func (p *Pub) Blocking(on bool) { panic("not built") }

// Send hands a message to all subscribers whose prefixes its first frame begins with. It keeps nothing of the frames. It does
// not wait, unless Blocking is set. Any goroutine may call it.
func (p *Pub) Send(ctx context.Context, frames ...[]byte) error { panic("not built") }

// WaitSubscribers returns when at least n peers have each subscribed to something, or with the error of ctx.
func (p *Pub) WaitSubscribers(ctx context.Context, n int) error { panic("not built") }

// XPub is a Pub that is told of subscriptions.
type XPub struct{ *Pub }

// NewXPub makes an XPub.
func NewXPub(o Options) *XPub { panic("not built") }

// Receive waits for the next change of what all subscribers together want: the first subscription to a prefix, the last
// cancellation of it; or for a message that an XSUB peer sent upstream.
func (p *XPub) Receive(ctx context.Context) (Incoming, error) { panic("not built") }

// Sub receives what it subscribed to.
type Sub struct{ *socket }

// NewSub makes a Sub.
func NewSub(o Options) *Sub { panic("not built") }

// Subscribe asks all peers, also those to come, for messages whose first frame begins with prefix. Subscriptions are counted:
// one that was made twice is cancelled twice. It does not wait for the peers.
func (s *Sub) Subscribe(prefix string) error { panic("not built") }

// Unsubscribe takes one Subscribe back.
func (s *Sub) Unsubscribe(prefix string) error { panic("not built") }

// Receive gives the next message, of the peers in turn. Any goroutine may call it.
func (s *Sub) Receive(ctx context.Context) (Message, error) { panic("not built") }

// XSub is a Sub that can also send messages upstream, to XPUB peers.
type XSub struct{ *Sub }

// NewXSub makes an XSub.
func NewXSub(o Options) *XSub { panic("not built") }

// Send sends a message upstream to all peers.
func (s *XSub) Send(ctx context.Context, frames ...[]byte) error { panic("not built") }

// Push hands each message to one of its peers, in turn.
type Push struct{ *socket }

// NewPush makes a Push.
func NewPush(o Options) *Push { panic("not built") }

// Send waits until a peer has room. It keeps nothing of the frames.
func (p *Push) Send(ctx context.Context, frames ...[]byte) error { panic("not built") }

// Pull receives from its peers in turn.
type Pull struct{ *socket }

// NewPull makes a Pull.
func NewPull(o Options) *Pull { panic("not built") }

// Receive gives the next message.
func (p *Pull) Receive(ctx context.Context) (Message, error) { panic("not built") }

// Dealer sends to its peers in turn and receives from them in turn.
type Dealer struct{ *socket }

// NewDealer makes a Dealer.
func NewDealer(o Options) *Dealer { panic("not built") }

// Send waits until a peer has room.
func (d *Dealer) Send(ctx context.Context, frames ...[]byte) error { panic("not built") }

// Receive gives the next message.
func (d *Dealer) Receive(ctx context.Context) (Message, error) { panic("not built") }

// Router receives with the name of the peer in front, and sends to the peer of that name.
type Router struct{ *socket }

// NewRouter makes a Router.
func NewRouter(o Options) *Router { panic("not built") }

// Receive gives the next message; its first frame is the peer's identity, its own or one that was made up. from is the peer.
func (r *Router) Receive(ctx context.Context) (m Message, from Peer, err error) { panic("not built") }

// Send sends to the peer that the first frame names; it waits until that has room. ErrNoPeer says that there is none.
func (r *Router) Send(ctx context.Context, frames ...[]byte) error { panic("not built") }

// Req asks one of its peers at a time.
type Req struct{ *socket }

// NewReq makes a Req.
func NewReq(o Options) *Req { panic("not built") }

// Do sends a request to the next peer and waits for the reply. After an error the peer's connection is given up and made
// again, so that a late reply is never taken for that of another request. Several goroutines take turns.
func (r *Req) Do(ctx context.Context, frames ...[]byte) (Message, error) { panic("not built") }

// Rep answers.
type Rep struct{ *socket }

// NewRep makes a Rep.
func NewRep(o Options) *Rep { panic("not built") }

// Receive gives the next request, of the peers in turn. Several may be open at a time; each is replied to once.
func (r *Rep) Receive(ctx context.Context) (*Request, error) { panic("not built") }

// Request is one request that waits for its reply.
type Request struct {
	Message Message // without the envelope of the way
	From    Peer
}

// Reply answers the request. ErrNoPeer says that who asked is gone.
func (q *Request) Reply(ctx context.Context, frames ...[]byte) error { panic("not built") }
