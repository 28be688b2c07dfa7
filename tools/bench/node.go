package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// benchTopic is where all messages go.
const benchTopic = "org.example.dev.bench.thing.make"

// node is a running `fedmsg serve`.
type node struct {
	*server
	state  string
	socket string
	addr   string // of the TCP listener
	took   time.Duration
}

// theNode gives the node of the stage and starts it at first use, on an empty state.
func (b *bench) theNode(ctx context.Context) (*node, error) {
	if b.node != nil {
		return b.node, nil
	}
	n, err := b.startNode(ctx, filepath.Join(b.dir, fmt.Sprintf("state-%d", time.Now().UnixNano())))
	b.node = n
	return n, err
}

// startNode starts a node on a state directory and returns when it is ready, which it measures.
func (b *bench) startNode(ctx context.Context, state string) (*node, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	n := &node{state: state, socket: filepath.Join(b.dir, "s"), addr: fmt.Sprintf("127.0.0.1:%d", port)}
	start := time.Now()
	n.server, err = startServer(filepath.Join(b.dir, "node.log"), b.nodeEnv(
		"FEDMSG_STATE="+state, "FEDMSG_HTTP_LISTEN=http://"+n.addr, "FEDMSG_HTTP_SOCKET=unix://"+n.socket,
	), b.tool("fedmsg"), "serve")
	if err != nil {
		return nil, err
	}
	err = n.await(ctx, time.Millisecond, n.ready)
	n.took = time.Since(start)
	if err != nil {
		_ = n.stop() // the first error says more
		return nil, err
	}
	return n, nil
}

// nodeEnv is an environment without settings of the user, and extra.
func (b *bench) nodeEnv(extra ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "XDG_STATE_HOME=" + b.dir, "XDG_RUNTIME_DIR=" + b.dir, "XDG_CONFIG_HOME=" + b.dir,
	}, extra...)
}

// ready asks /readyz over the socket.
func (n *node) ready() error {
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", n.socket)
		},
	}}
	resp, err := c.Get("http://localhost/readyz")
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", resp.Status)
	}
	return nil
}
