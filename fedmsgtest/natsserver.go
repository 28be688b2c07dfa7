package fedmsgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// NATSOptions says how a nats-server is started. The zero value has JetStream, no TLS and no users.
type NATSOptions struct {
	// TLS makes it take connections with TLS only.
	TLS *Authority
	// Certificates lets in only who shows a certificate of that authority.
	Certificates bool
	Config       string // further lines of its configuration file, as of authorization
	Binary       string // the program; empty is nats-server of the system
}

// NATS is a real nats-server on a loopback port, with JetStream in a directory of its own. Its port stays the same over its
// lives. One goroutine at a time starts and ends it.
type NATS struct {
	Addr string // HOST:PORT
	broker
}

// StartNATS starts a server that ends with the test.
func StartNATS(t testing.TB, opts NATSOptions) *NATS {
	t.Helper()
	if opts.Binary == "" {
		opts.Binary = Tool(t, "nats-server")
	}
	n, err := newNATS(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.Kill9()
		if t.Failed() {
			t.Logf("log of nats-server:\n%s", tail(n.Logs(), 60))
		}
	})
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return n
}

func newNATS(dir string, opts NATSOptions) (*NATS, error) {
	file := filepath.Join(dir, "nats.conf")
	n := &NATS{Addr: fmt.Sprintf("127.0.0.1:%d", quietPort())}
	n.broker = broker{
		name: "nats-server", ready: "Server is ready", script: brokerScript, args: []string{opts.Binary, "-c", file}, dir: dir, out: newOutput(),
	}
	config := fmt.Sprintf("listen: %q\njetstream { store_dir: %q }\n%s\n", n.Addr, filepath.Join(dir, "js"), opts.Config)
	if opts.TLS != nil {
		pair, err := opts.TLS.Issue("localhost")
		if err != nil {
			return nil, err
		}
		config += fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: %t }\n",
			pair.Certificate, pair.Key, opts.TLS.File, opts.Certificates)
	}
	return n, os.WriteFile(file, []byte(config), 0o600)
}
