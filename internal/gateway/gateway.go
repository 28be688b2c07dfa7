// Package gateway publishes over ZeroMQ, to whoever may not come nearer, what it is given from inside.
//
// It promises that nothing comes in through it: its sockets only publish. It has no log: a subscriber reads the recent messages
// from memory, each at its own pace, and one who falls further behind than that is sent on to the newest, which is counted and
// logged. It verifies nothing; whoever gives it messages has.
package gateway

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/zeromq"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// Config says what a gateway is made of.
type Config struct {
	ZeroMQ    zeromq.Config                  // only its limits and Publish are used; an endpoint without topics= gives all
	Clients   []zeromq.Client                // who may come to endpoints with curve=yes
	Curve     func() (zmtp.CurvePair, error) // the gateway's keys, for endpoints with curve=yes
	RingBytes int                            // bytes of recent messages that subscribers read; 0 is 64 MiB
	Source    iter.Seq2[fedmsg.Entry, error] // ends with the context that it was made with; a gap is logged and passed
	IsGap     func(error) bool               // reports whether an error of Source stands for messages that are missing
	StopIn    time.Duration                  // how long subscribers may take to be given the last messages; 0 is 5 s
	Logger    *slog.Logger
}

const (
	defaultRing   = 64 << 20
	defaultStopIn = 5 * time.Second
)

// Gateway is an open gateway. Make it with [Open] and let [Gateway.Run] serve.
type Gateway struct {
	c      Config
	feed   *feed.Feed
	server *zeromq.Server
	log    fedmsg.LogID
	seq    uint64 // of the newest message
}

// Open opens the sockets. Run must follow.
func Open(c Config) (*Gateway, error) {
	if c.RingBytes <= 0 {
		c.RingBytes = defaultRing
	}
	if c.StopIn <= 0 {
		c.StopIn = defaultStopIn
	}
	g := &Gateway{c: c, log: "gatewayaaaaa"} // no position of it is ever told to anybody
	z := c.ZeroMQ
	z.Submit, z.RelayIn, z.Subscribe, z.Replay, z.SeqID = nil, nil, nil, nil, ""
	if err := z.Validate(); err != nil { // before what is added below, which nobody wrote
		return nil, err
	}
	z.Publish = nil
	for _, uri := range c.ZeroMQ.Publish {
		z.Publish = append(z.Publish, open(uri))
	}
	g.feed = feed.New(feed.Config{Log: g.log, RingBytes: c.RingBytes, Open: func(after uint64) feed.LogReader { return behind{g, after} }})
	server, err := zeromq.New(z, zeromq.Deps{Feed: g.feed, Clients: c.Clients, Curve: c.Curve, Embeds: true, Logger: c.Logger})
	if err != nil {
		g.feed.Close()
		return nil, err
	}
	g.server = server
	return g, nil
}

// open lets an endpoint give everything that the gateway is given, unless it says what it gives.
func open(uri string) string {
	_, query, has := strings.Cut(uri, "?")
	if values, err := url.ParseQuery(query); err != nil || values.Has("topics") || values.Get("curve") == "yes" {
		return uri
	}
	if !has {
		return uri + "?topics=%23"
	}
	return uri + "&topics=%23"
}

// Addrs lists where it publishes, as URIs.
func (g *Gateway) Addrs() []string { return g.server.Addrs() }

// Places tells in sentences where it publishes, and how.
func (g *Gateway) Places() []string { return g.server.Places() }

// Run publishes until Source ends, and gives its error.
func (g *Gateway) Run() error {
	serving := make(chan error, 1)
	go func() { serving <- g.server.Run(context.Background()) }() // ends by Shutdown
	err := g.pump()
	ctx, cancel := context.WithTimeout(context.Background(), g.c.StopIn)
	defer cancel()
	err = errors.Join(err, g.server.Shutdown(ctx), <-serving)
	g.feed.Close()
	return err
}

// pump publishes what the source gives, under numbers of its own: what is not wanted outside leaves no holes.
func (g *Gateway) pump() error {
	for e, err := range g.c.Source {
		if err != nil && g.c.IsGap != nil && g.c.IsGap(err) {
			g.c.Logger.Warn("messages are missing", "why", err)
			continue
		}
		if err != nil {
			return err
		}
		g.seq++
		e.Position = fedmsg.Position{Log: g.log, Seq: g.seq}
		g.feed.Publish([]fedmsg.Entry{e})
	}
	return nil
}

// behind stands in place of a log for a subscriber that has fallen out of the recent messages: it goes on with the newest.
type behind struct {
	g     *Gateway
	after uint64
}

// Next gives the gap.
func (b behind) Next() (*fedmsg.Entry, error) {
	last := b.g.feed.Last().Seq
	if last <= b.after+1 {
		return nil, io.EOF
	}
	return nil, &fedmsg.Gap{
		From: fedmsg.Position{Log: b.g.log, Seq: b.after + 1}, To: fedmsg.Position{Log: b.g.log, Seq: last - 1}, Reason: fedmsg.GapTrimmed,
	}
}

// Close does nothing.
func (b behind) Close() error { return nil }
