package fedmsgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// Pause freezes the server (SIGSTOP) and returns when all of it stands still: connections are accepted by the kernel, nothing
// answers.
func (n *NATS) Pause() error {
	if err := n.broker.Pause(); err != nil {
		return err
	}
	for deadline := time.Now().Add(brokerPatience); !n.frozen(); {
		if time.Now().After(deadline) {
			return errors.New("nats-server does not stand still after SIGSTOP")
		}
	}
	return nil
}

// frozen reports whether each thread is stopped: the kernel stops them one by one, and tells of it only here.
func (n *NATS) frozen() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", n.PID()))
	for _, file := range threads {
		stat, err := os.ReadFile(file)
		if _, rest, ok := strings.Cut(string(stat), ") "); err != nil || !ok || !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return err == nil
}
