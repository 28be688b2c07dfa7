package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg/tools/bench/zmqpeer"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// fanOut is one publisher and its subscribers, which are sockets of one other process.
type fanOut struct {
	library string
	ipc     bool
	peers   int
	count   int  // messages for a second of a round
	curve   bool // encrypted
	window  int  // see package zmqpeer; 0 is none
	stalled bool // one more subscriber that takes nothing
	whole   bool // the processor time is that of both processes, for a message; else the publisher's, for a delivery
}

func (f fanOut) run(ctx context.Context, b *bench) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience+20*b.o.span)
	defer cancel()
	p := zmqPart{role: "pub", uri: "tcp://127.0.0.1:0", peers: f.peers, window: f.window}
	if f.ipc {
		p.uri = "ipc://" + filepath.Join(b.dir, fmt.Sprintf("zmq-%d", time.Now().UnixNano()))
	}
	if f.curve {
		p.curve = curveKeys()
	}
	p.count = max(1000, int(float64(f.count)*b.o.span.Seconds()))
	pub, err := b.startZMQ(ctx, f.library, p)
	if err != nil {
		return sample{}, err
	}
	defer pub.kill()
	if p.uri, err = pub.expect("bound"); err != nil {
		return sample{}, err
	}
	p.role = "sub"
	sub, err := b.startZMQ(ctx, f.library, p)
	if err != nil {
		return sample{}, err
	}
	defer sub.kill()
	if _, err := sub.expect("ready"); err != nil {
		return sample{}, err
	}
	if f.stalled {
		c, err := stall(ctx, p.uri)
		if err != nil {
			return sample{}, err
		}
		defer c.Close()
	}
	return f.between(pub, sub)
}

// between starts what is measured and awaits the end of it.
func (f fanOut) between(pub, sub *zmqProcess) (sample, error) {
	if err := pub.say("go"); err != nil {
		return sample{}, err
	}
	got, err := sub.result(pub.say)
	if err != nil {
		return sample{}, err
	}
	if err := pub.say("done"); err != nil {
		return sample{}, err
	}
	sent, err := pub.result(func(line string) error { return fmt.Errorf("%s said %q", pub.name, line) })
	if err != nil {
		return sample{}, err
	}
	used := sent.CPU
	if f.whole {
		used += got.CPU
	}
	return sample{
		rate: float64(got.Count) / got.Seconds,
		cpu:  time.Duration(used / float64(got.Count) * float64(time.Second)),
		size: sent.RSS,
	}, nil
}

// stall is a subscriber that takes one message, to be known as one, and nothing after that.
func stall(ctx context.Context, uri string) (*zmtp.Conn, error) {
	c, err := zmtp.Dial(ctx, uri, zmtp.SUB, zmtp.Options{})
	if err != nil {
		return nil, err
	}
	if err = c.Subscribe(nil, false); err == nil {
		_, err = c.Receive(nil)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// curveKeys makes the keys of one round.
func curveKeys() *zmqpeer.Curve {
	server, client := zmtp.NewCurvePair(), zmtp.NewCurvePair()
	return &zmqpeer.Curve{
		ServerPublic: server.Public.String(), ServerSecret: server.Secret.Reveal(),
		ClientPublic: client.Public.String(), ClientSecret: client.Secret.Reveal(),
	}
}

// requests measures requests and replies one after the other, each of 1 KB.
func requests(library string) func(context.Context, *bench) (sample, error) {
	return func(ctx context.Context, b *bench) (sample, error) {
		ctx, cancel := context.WithTimeout(ctx, startPatience+20*b.o.span)
		defer cancel()
		rep, err := b.startZMQ(ctx, library, zmqPart{role: "rep", uri: "tcp://127.0.0.1:0"})
		if err != nil {
			return sample{}, err
		}
		defer rep.kill()
		uri, err := rep.expect("bound")
		if err != nil {
			return sample{}, err
		}
		req, err := b.startZMQ(ctx, library, zmqPart{role: "req", uri: uri, count: max(1000, int(15_000*b.o.span.Seconds()))})
		if err != nil {
			return sample{}, err
		}
		defer req.kill()
		r, err := req.result(func(line string) error { return fmt.Errorf("%s said %q", req.name, line) })
		return sample{rate: float64(r.Count) / r.Seconds, span: time.Duration(r.P50 * float64(time.Microsecond))}, err
	}
}
