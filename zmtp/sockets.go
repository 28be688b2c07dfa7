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
