package client

import (
	"bufio"
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/compose"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// Client publishes and follows. It is safe for concurrent use. Goroutines and the connection for publishing come with the
// first message; Close ends them.
type Client struct {
	o         Options
	endpoints []endpoint
	limits    fedmsg.Limits
	stream    string       // random name of this run, in every envelope
	spool     *spool.Spool // nil when it is off
	signer    *signer      // nil when this client signs nothing
	logger    *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // of all goroutines that the client started

	spoolMu sync.Mutex // held while messages are put into the spool, so that they stand there in order; taken before box.mu
	look    sync.Once  // whether something waits in the spool from before
	box     outbox

	pushBuffers pushBuffers
}

// New makes a Client. It opens no connection; it fails only when o is wrong, with [fedmsg.CodeConfig].
func New(o Options) (*Client, error) {
	places, err := endpoints(o.Node, os.Getenv)
	if err != nil {
		return nil, err
	}
	for _, e := range places {
		if o.Token != "" && !e.private() && !o.InsecurePlainHTTP {
			return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the token would go to %s without encryption; use https, or allow it with InsecurePlainHTTP", e.uri)
		}
	}
	if i := strings.IndexFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }); i >= 0 {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the token has a space, line break or other character at byte %d that no token has", i+1)
	}
	if o.TopicPrefix != "" && o.Environment == "" {
		o.Environment = "dev"
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Idle <= 0 {
		o.Idle = 30 * time.Second
	}
	if o.InFlightBytes <= 0 {
		o.InFlightBytes = 16 << 20
	}
	if o.Username == "" {
		o.Username = compose.Username()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{o: o, endpoints: places, limits: fedmsg.DefaultLimits(), stream: rand.Text(), logger: o.Logger}
	if c.signer, err = newSigner(o.SigningKey, o.SigningCertificate); err != nil {
		return nil, err
	}
	if o.Spool != "" {
		dir := o.Spool
		if dir == SpoolDefault {
			dir = spool.DefaultDir(os.Getenv)
		}
		c.spool = spool.New(dir, spool.Options{})
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.box.init()
	return c, nil
}

// Publish sends body on topic and returns when it is durable. body is anything that encoding/json makes an object of;
// json.RawMessage and []byte are taken as JSON. See [Client.PublishMessage] for errors.
func (c *Client) Publish(ctx context.Context, topic string, body any) (fedmsg.Receipt, error) {
	raw, err := compose.Body(body)
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	return c.PublishMessage(ctx, fedmsg.Message{Topic: topic, Body: raw})
}

// PublishMessage sends m and returns when it is durable, or the deadline of ctx, else Options.Timeout, is over, or ctx is
// cancelled. Empty fields of m are filled in. A message whose ID is given and whose Time is not is the same message as an
// earlier one, also of another process, if topic, body and headers are; with Options.SigningKey see there.
//
// [fedmsg.CodeQueued] says that the message is in the spool and will be sent; the receipt then has only the id.
// [fedmsg.CodeUnavailable] says that it was not sent, [fedmsg.CodeTimeout] that it was sent and the outcome is unknown:
// publishing it again with the id of the receipt is safe. Any other code is the node's refusal.
func (c *Client) PublishMessage(ctx context.Context, m fedmsg.Message) (fedmsg.Receipt, error) {
	d, err := c.draft(&m)
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	t, err := c.submit(ctx, &d, c.deadline(ctx))
	if err != nil {
		return fedmsg.Receipt{ID: d.ID}, err
	}
	return t.Wait(ctx)
}

// PublishEnvelope sends a whole envelope, or DSSE around one, and returns as [Client.PublishMessage] does. The envelope is
// stored byte for byte. One that nobody signed is signed if Options.SigningKey is there.
func (c *Client) PublishEnvelope(ctx context.Context, envelope []byte) (fedmsg.Receipt, error) {
	t, err := c.submitEnvelope(ctx, envelope, c.deadline(ctx))
	if err != nil {
		return fedmsg.Receipt{}, err
	}
	return t.Wait(ctx)
}

// Submit fixes the order of m behind all that were submitted before and returns without waiting for the node. ctx bounds
// the wait for room when Options.InFlightBytes are under way; the message itself has Options.Timeout.
func (c *Client) Submit(ctx context.Context, m fedmsg.Message) (*Ticket, error) {
	d, err := c.draft(&m)
	if err != nil {
		return nil, err
	}
	return c.submit(ctx, &d, time.Time{})
}

// SubmitEnvelope is [Client.Submit] for a whole envelope.
func (c *Client) SubmitEnvelope(ctx context.Context, envelope []byte) (*Ticket, error) {
	return c.submitEnvelope(ctx, envelope, time.Time{})
}

func (c *Client) submitEnvelope(ctx context.Context, envelope []byte, deadline time.Time) (*Ticket, error) {
	d, err := c.wholeMessage(envelope)
	if err != nil {
		return nil, err
	}
	return c.submit(ctx, d, deadline)
}

// deadline is when a message must have an outcome: what ctx says, else Options.Timeout from now.
func (c *Client) deadline(ctx context.Context) time.Time {
	if d, ok := ctx.Deadline(); ok {
		return d
	}
	return time.Now().Add(c.o.Timeout)
}

// Log asks the node what it has: the name of its log and the first and last numbers.
func (c *Client) Log(ctx context.Context) (LogInfo, error) {
	p := poster{c: c}
	defer p.close()
	return p.log(ctx)
}

// Close ends the connections and waits for the goroutines. What is under way goes to the spool, or fails with an unknown
// outcome. A Client that is closed publishes no more.
func (c *Client) Close() error {
	c.box.close()
	c.cancel()
	c.giveUp(errClosed())
	c.wg.Wait()
	return nil
}

// newReader is the reader for answers on a connection for publishing.
func newReader(conn interface{ Read([]byte) (int, error) }) *bufio.Reader {
	return bufio.NewReaderSize(conn, 32<<10)
}
