package fedmsgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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
	Addr      string // HOST:PORT
	dir       string
	binary    string
	out       *output
	run       *run
	keepAlive *os.File // the server ends when it is closed, as it is when this process ends
}

// natsScript becomes the server, which ends with descriptor 3, also when this process is killed.
const natsScript = `(read x <&3; kill -9 -$$) &
exec "$0" "$@" 3<&-`

// natsPatience bounds the start and the stop: they take less than a second on an idle machine.
const natsPatience = time.Minute

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
	n := &NATS{Addr: fmt.Sprintf("127.0.0.1:%d", quietPort()), dir: dir, binary: opts.Binary, out: newOutput()}
	config := fmt.Sprintf("listen: %q\njetstream { store_dir: %q }\n%s\n", n.Addr, filepath.Join(dir, "js"), opts.Config)
	if opts.TLS != nil {
		pair, err := opts.TLS.Issue("localhost")
		if err != nil {
			return nil, err
		}
		config += fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: %t }\n",
			pair.Certificate, pair.Key, opts.TLS.File, opts.Certificates)
	}
	return n, os.WriteFile(n.config(), []byte(config), 0o600)
}

func (n *NATS) config() string { return filepath.Join(n.dir, "nats.conf") }

// Start starts a server that does not run, and returns when it serves.
func (n *NATS) Start() error {
	if n.run != nil {
		return errors.New("the nats-server runs already")
	}
	read, keep, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	from := len(n.out.String())
	cmd := exec.Command("/bin/sh", "-c", natsScript, n.binary, "-c", n.config())
	cmd.Dir, cmd.Stdout, cmd.Stderr = n.dir, n.out, n.out
	cmd.ExtraFiles = []*os.File{read}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		keep.Close()
		return err
	}
	life := &run{cmd: cmd, ended: make(chan struct{})}
	go func() { // ends with the process; Kill9 at the latest waits for it
		_, err := cmd.Process.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the reader of descriptor 3
		_ = cmd.Wait()                                      // ends the copying of its output
		life.err = err
		close(life.ended)
	}()
	n.run, n.keepAlive = life, keep
	return n.awaitLine(from, "Server is ready")
}

func (n *NATS) awaitLine(from int, text string) error {
	deadline := time.NewTimer(natsPatience)
	defer deadline.Stop()
	for {
		said, more := n.out.after(from)
		if strings.Contains(said, text) {
			return nil
		}
		select {
		case <-more:
		case <-n.run.ended:
			return fmt.Errorf("nats-server ended where %q was awaited:\n%s", text, tail(n.Logs(), 40))
		case <-deadline.C:
			return fmt.Errorf("nats-server has not said %q after %s:\n%s", text, natsPatience, tail(n.Logs(), 40))
		}
	}
}

// Logs gives all that the server has printed, over all its lives.
func (n *NATS) Logs() string { return n.out.String() }

// PID is the process id of the running server.
func (n *NATS) PID() int { return n.run.cmd.Process.Pid }

// Kill9 ends the server at once, as kill -9 does, and waits until it is gone. Without a running one it does nothing.
func (n *NATS) Kill9() {
	if n.run == nil {
		return
	}
	_ = syscall.Kill(-n.run.cmd.Process.Pid, syscall.SIGKILL) // an error says that it is gone already
	<-n.run.ended
	n.run = nil
	n.keepAlive.Close()
}

// Stop ends the server by SIGTERM.
func (n *NATS) Stop() error {
	if n.run == nil {
		return nil
	}
	deadline := time.NewTimer(natsPatience)
	defer deadline.Stop()
	_ = n.run.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	var err error
	select {
	case <-n.run.ended:
	case <-deadline.C:
		err = fmt.Errorf("nats-server does not stop within %s:\n%s", natsPatience, tail(n.Logs(), 40))
	}
	n.Kill9()
	return err
}

// Restart stops it and starts it again with what it has on disk.
func (n *NATS) Restart() error { return errors.Join(n.Stop(), n.Start()) }

// Pause freezes the server (SIGSTOP) and returns when all of it stands still: connections are accepted by the kernel, nothing
// answers.
func (n *NATS) Pause() error {
	if err := n.run.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(natsPatience); !n.frozen(); {
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

// Resume lets a paused server go on (SIGCONT).
func (n *NATS) Resume() error { return n.run.cmd.Process.Signal(syscall.SIGCONT) }
