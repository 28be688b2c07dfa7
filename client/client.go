package client

import (
	"context"
	"iter"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Client publishes and follows. It is safe for concurrent use.
type Client struct{ o Options }

// New makes a Client. It opens no connection; it fails only when o is wrong, with [fedmsg.CodeConfig].
func New(o Options) (*Client, error) { return &Client{o: o}, nil }

// Publish sends body on topic and returns when it is durable.
func (c *Client) Publish(ctx context.Context, topic string, body any) (fedmsg.Receipt, error) {
	return fedmsg.Receipt{}, nil
}

// PublishMessage sends m and returns when it is durable.
func (c *Client) PublishMessage(ctx context.Context, m fedmsg.Message) (fedmsg.Receipt, error) {
	return fedmsg.Receipt{}, nil
}

// PublishEnvelope sends a whole envelope, byte for byte, and returns when it is durable.
func (c *Client) PublishEnvelope(ctx context.Context, envelope []byte) (fedmsg.Receipt, error) {
	return fedmsg.Receipt{}, nil
}

// Ticket stands for a message whose place in the order is fixed.
type Ticket struct{}

// Submit fixes the order of m behind all submitted before and returns without waiting for the node.
func (c *Client) Submit(ctx context.Context, m fedmsg.Message) (*Ticket, error) { return nil, nil }

// Wait returns when the message is durable.
func (t *Ticket) Wait(ctx context.Context) (fedmsg.Receipt, error) { return fedmsg.Receipt{}, nil }

// DrainSpool sends what waits in the spool.
func (c *Client) DrainSpool(ctx context.Context) error { return nil }

// Close ends the connections; what is in flight fails or goes to the spool.
func (c *Client) Close() error { return nil }

// FollowOptions says what to follow and from where.
type FollowOptions struct {
	Topics   []fedmsg.Pattern
	Prefixes []string
	After    fedmsg.Position // go on behind this one
	Since    time.Time       // else from the first received at or after this time
	All      bool            // else from the very beginning; else only what comes from now on
	FailFast bool            // end with the error if the first connection fails, instead of trying on

	// Lost is called when the connection was lost, with the reason and the wait before the next attempt; may be nil.
	Lost func(err error, wait time.Duration)
	// Resumed is called when it stands again; may be nil.
	Resumed func()
	// Passed is called with positions up to which nothing more was wanted; may be nil.
	Passed func(fedmsg.Position)
}

// Follow gives the entries.
func (c *Client) Follow(ctx context.Context, o FollowOptions) iter.Seq2[fedmsg.Entry, error] { return nil }

// Publish sends by a Client that all callers in this process share.
func Publish(ctx context.Context, topic string, body any) (fedmsg.Receipt, error) {
	return fedmsg.Receipt{}, nil
}
