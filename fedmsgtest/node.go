package fedmsgtest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long an event is waited for that takes milliseconds on an idle machine. It only bounds a failing test.
const patience = 60 * time.Second

// lifetime bounds one life of a node. Whoever waits for ever for a node, or for what comes from it, is told by its end: one test
// fails, and the others keep their time.
func lifetime() time.Duration { return time.Duration(Count(3, 60)) * time.Minute }

// AnyTopic is for [NodeOptions].Env: the node signs unsigned messages on every topic, where by default it signs those below
// its own prefix and environment and refuses the others. It is for tests with messages of many sites.
const AnyTopic = "FEDMSG_SIGNING_TOPICS=#"

// NodeOptions says how a node is started. The zero value is a node with nothing configured but where it listens and keeps
// its state.
type NodeOptions struct {
	State      string              // state directory; empty is a new one
	Config     string              // text of the configuration file; empty starts without one
	Args       []string            // further arguments after `fedmsg serve`
	Env        []string            // KEY=VALUE, after and above what StartNode sets
	Wrap       []string            // a command put before the program, as strace -D … (it must keep the program's pid)
	Archive    string              // archive.store of the configuration; empty is none, so that a test that needs no archive does not wait for one
	Credential *syscall.Credential // the user to run as; nil is the one of the test
	Binary     string              // the program; empty is [Binary]

	life time.Duration // how long one run may last; zero is lifetime
}

// Node is a running `fedmsg serve`. Its fields change at [Node.Start] only. Its methods that do not take a testing.TB may be
// used by any goroutine, but one at a time starts and ends it.
type Node struct {
	URL    string // http://127.0.0.1:PORT
	Socket string // path of the unix socket
	State  string // state directory
	HTTP   *http.Client

	opts NodeOptions
	home home
	out  *output
	run  *run
	from int // bytes of out that an earlier run printed
}

// run is one life of a node.
type run struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has been waited for
	err   error         // of Wait; read after ended
}

// StartNode starts a node and returns when it is ready. The test's end kills it if it still runs and prints its log if the
// test failed.
func StartNode(t testing.TB, opts NodeOptions) *Node {
	t.Helper()
	n := NewNode(t, opts)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return n
}

// NewNode prepares a node and does not start it; the rest is as in [StartNode].
func NewNode(t testing.TB, opts NodeOptions) *Node {
	t.Helper()
	if opts.Binary == "" {
		opts.Binary = Binary(t)
	}
	// Not t.TempDir: its long names do not fit into the 108 bytes of a socket's address.
	dir, err := os.MkdirTemp("", "fm")
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{opts: opts, home: home{dir}, out: newOutput(), State: opts.State, Socket: filepath.Join(dir, "s")}
	n.HTTP = &http.Client{Transport: &http.Transport{DialContext: n.dialSocket, MaxIdleConnsPerHost: 64}}
	t.Cleanup(func() {
		n.Kill9()
		n.HTTP.CloseIdleConnections()
		if t.Failed() {
			t.Logf("log of the node on %s:\n%s", n.State, tail(n.Logs(), 200))
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := n.prepare(); err != nil {
		t.Fatal(err)
	}
	return n
}

// prepare makes the files that the node starts with.
func (n *Node) prepare() error {
	if err := n.home.make(); err != nil {
		return err
	}
	if n.State == "" {
		n.State = filepath.Join(n.home.dir, "node")
	}
	if n.opts.Config != "" {
		if err := os.WriteFile(n.configFile(), []byte(n.opts.Config), 0o644); err != nil {
			return err
		}
	}
	if c := n.opts.Credential; c != nil {
		return filepath.WalkDir(n.home.dir, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, int(c.Uid), int(c.Gid))
		})
	}
	return nil
}

func (n *Node) configFile() string { return filepath.Join(n.home.dir, "fedmsg.toml") }

// Start starts a node that does not run, on the same state and socket and on a new port, and returns when it is ready.
func (n *Node) Start() error {
	n.from = len(n.out.String())
	if err := n.Launch(); err != nil {
		return err
	}
	return n.awaitReady(n.from)
}

// Launch starts the process of a node that does not run and does not wait until it is ready, as for one that must refuse.
func (n *Node) Launch() error {
	if n.run != nil {
		return fmt.Errorf("the node runs already")
	}
	args := append([]string{}, n.opts.Wrap...)
	args = append(args, n.opts.Binary, "serve")
	if n.opts.Config != "" {
		args = append(args, "--config", n.configFile())
	}
	args = append(args, n.opts.Args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = n.home.dir
	cmd.Env = n.home.environ(append([]string{
		"FEDMSG_STATE=" + n.State,
		"FEDMSG_HTTP_LISTEN=http://127.0.0.1:0",
		"FEDMSG_HTTP_SOCKET=unix://" + n.Socket,
		"FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0",
		"FEDMSG_ARCHIVE_STORE=" + cmp.Or(n.opts.Archive, "none"),
	}, n.opts.Env...))
	cmd.Stdout, cmd.Stderr = n.out, n.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: n.opts.Credential}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := &run{cmd: cmd, ended: make(chan struct{})}
	life := cmp.Or(n.opts.life, lifetime())
	late := time.AfterFunc(life, func() {
		fmt.Fprintf(n.out, "-- ended by its test, which has not ended it within %s\n", life)
		_ = cmd.Process.Kill() // it may be gone
	})
	go func() { // ends with the process; Kill9 at the latest waits for it
		r.err = cmd.Wait()
		late.Stop()
		close(r.ended)
	}()
	n.run = r
	return nil
}

// awaitReady waits for the lines that say where the node listens, then for /readyz.
func (n *Node) awaitReady(before int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url, err := n.AwaitLine(ctx, before, "listening on http")
	if err != nil {
		return err
	}
	n.URL = "http" + url
	if _, err := n.AwaitLine(ctx, before, "listening on unix://"); err != nil {
		return err
	}
	if _, err := n.AwaitLine(ctx, before, "  curl "); err != nil { // the last of what it says at the start
		return err
	}
	return n.AwaitReady(ctx)
}

// Said gives the rest of each line that begins with prefix and that the node printed since it was started last, as
// "publishing on " of its ZeroMQ sockets.
func (n *Node) Said(prefix string) []string {
	var all []string
	text, _ := n.out.after(n.from)
	for l := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(l, prefix); ok {
			all = append(all, strings.TrimSpace(rest))
		}
	}
	return all
}

// AwaitLine waits until the node has printed a line that starts with prefix, after the first skip bytes of its log, and
// gives the rest of the line.
func (n *Node) AwaitLine(ctx context.Context, skip int, prefix string) (string, error) {
	for {
		text, more := n.out.after(skip)
		if rest, ok := line(text, prefix); ok {
			return rest, nil
		}
		select {
		case <-more:
		case <-n.run.ended:
			if text, _ := n.out.after(skip); text != "" {
				if rest, ok := line(text, prefix); ok {
					return rest, nil
				}
			}
			return "", fmt.Errorf("the node ended (%v) before it printed %q:\n%s", n.run.err, prefix, tail(n.Logs(), 40))
		case <-ctx.Done():
			return "", fmt.Errorf("the node has not printed %q: %w\n%s", prefix, ctx.Err(), tail(n.Logs(), 40))
		}
	}
}

// AwaitReady asks /readyz until it says yes.
func (n *Node) AwaitReady(ctx context.Context) error {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		status, body, err := n.Get(ctx, "/readyz")
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-again.C:
		case <-n.run.ended:
			return fmt.Errorf("the node ended (%v) before it was ready:\n%s", n.run.err, tail(n.Logs(), 40))
		case <-ctx.Done():
			return fmt.Errorf("the node is not ready: status %d %s, error %v\n%s", status, body, err, tail(n.Logs(), 40))
		}
	}
}
