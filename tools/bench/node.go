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

// flavour is how a node is configured. Those of one stage run side by side; the one that is not measured does nothing.
type flavour string

const (
	// plain is a node that signs nothing and asks for no signatures, as the brokers do that it stands beside.
	plain flavour = "plain"
	// signing is a node as it starts without configuration: it signs what authenticated senders hand in.
	signing flavour = "signing"
	// verifying is a node that takes only what a publisher with the bench's key has signed, or itself.
	verifying flavour = "verifying"
)

// config is the configuration file of a node.
func (b *bench) config(f flavour) (string, error) {
	switch f {
	case plain:
		return "verify = \"if-signed\"\nsign = []\n", nil
	case verifying:
		k, err := b.theKey()
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("sign = []\n[[trust]]\nname = %q\nkeys = [%q]\ntopics = [\"#\"]\n", benchSigner, k.public), nil
	}
	return "", nil
}

// node is a running `fedmsg serve`.
type node struct {
	*server
	state  string
	socket string
	addr   string // of the TCP listener
	took   time.Duration

	publish, submit string // URIs of its ZeroMQ sockets
}

// theNode gives the node of that flavour and starts it at first use in a stage, on an empty state.
func (b *bench) theNode(ctx context.Context, f flavour) (*node, error) {
	if n := b.nodes[f]; n != nil {
		return n, nil
	}
	n, err := b.startNode(ctx, f, filepath.Join(b.dir, fmt.Sprintf("state-%d", time.Now().UnixNano())))
	if err == nil {
		b.nodes[f] = n
	}
	return n, err
}

// startNode starts a node on a state directory and returns when it is ready, which it measures.
func (b *bench) startNode(ctx context.Context, f flavour, state string) (*node, error) {
	text, err := b.config(f)
	if err != nil {
		return nil, err
	}
	return b.startConfigured(ctx, f, state, text)
}

// startConfigured is startNode with that configuration; the node's files are named after the flavour.
func (b *bench) startConfigured(ctx context.Context, f flavour, state, text string) (*node, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	zmqPort, err := freePort()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(b.dir, string(f)+".toml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	n := &node{state: state, socket: filepath.Join(b.dir, string(f)), addr: fmt.Sprintf("127.0.0.1:%d", port)}
	n.publish, n.submit = fmt.Sprintf("tcp://127.0.0.1:%d", zmqPort), "ipc://"+n.socket+"-submit"
	start := time.Now()
	n.server, err = startServer(filepath.Join(b.dir, string(f)+".log"), b.nodeEnv(
		"FEDMSG_STATE="+state, "FEDMSG_HTTP_LISTEN=http://"+n.addr, "FEDMSG_HTTP_SOCKET=unix://"+n.socket,
		"FEDMSG_ZEROMQ_PUBLISH="+n.publish, "FEDMSG_ZEROMQ_SUBMIT="+n.submit,
	), b.tool("fedmsg"), "serve", "--config", config)
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
