package fedmsgtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Command is one run of the program that is no node.
type Command struct {
	Name       string              // as it is called; empty is fedmsg
	Args       []string            // without the name
	Stdin      io.Reader           // nil is empty
	Env        []string            // KEY=VALUE, above the cleaned environment
	Home       string              // stands for the user's directories; empty is a new one, removed afterwards
	Credential *syscall.Credential // the user to run as; nil is the one of the test
	Binary     string              // the program; it must be set where Run is used, CLI sets it
}

// Result is what a run left.
type Result struct {
	Status         int // exit status, -1 when a signal ended it
	Stdout, Stderr string
	Elapsed        time.Duration
}

// String shows a result in the message of a failing test.
func (r Result) String() string {
	return fmt.Sprintf("status %d after %s\nstdout: %s\nstderr: %s", r.Status, r.Elapsed, r.Stdout, r.Stderr)
}

// CLI runs `fedmsg ARGS` against the node, found by FEDMSG_NODE over its unix socket, with the node's own home. A status
// other than 0 is the caller's to judge.
func (n *Node) CLI(t testing.TB, stdin io.Reader, args ...string) Result {
	t.Helper()
	r, err := n.Command(stdin, args...).Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Command prepares what [Node.CLI] runs, for other goroutines or with changes.
func (n *Node) Command(stdin io.Reader, args ...string) *Command {
	return &Command{
		Args: args, Stdin: stdin, Home: n.home.dir, Binary: n.opts.Binary,
		Env: []string{"FEDMSG_NODE=unix://" + n.Socket},
	}
}

// CLI runs `fedmsg ARGS` where no node is.
func CLI(t testing.TB, stdin io.Reader, args ...string) Result {
	t.Helper()
	r, err := (&Command{Args: args, Stdin: stdin, Binary: Binary(t)}).Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Run runs the command to its end. It fails when the command cannot be started or does not end within a minute. Any goroutine
// may call it.
func (c *Command) Run() (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h := home{c.Home}
	if h.dir == "" {
		dir, err := os.MkdirTemp("", "fm")
		if err != nil {
			return Result{}, err
		}
		defer os.RemoveAll(dir)
		h.dir = dir
		if err := h.make(); err != nil {
			return Result{}, err
		}
	}
	cmd := exec.CommandContext(ctx, c.Binary, c.Args...)
	if c.Name != "" {
		cmd.Args[0] = c.Name
	}
	var out, diag bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, &out, &diag
	// Without it the machine's spool, where there is one, would be used.
	cmd.Env = h.environ(append([]string{"FEDMSG_SPOOL_DIRECTORY=" + filepath.Join(h.dir, "state", "fedmsg", "spool")}, c.Env...))
	cmd.Dir = h.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.Credential}
	start := time.Now()
	err := cmd.Run()
	r := Result{Stdout: out.String(), Stderr: diag.String(), Elapsed: time.Since(start)}
	if ctx.Err() != nil {
		return r, fmt.Errorf("%s %v does not end: %w\n%s", filepath.Base(c.Binary), c.Args, ctx.Err(), r)
	}
	if cmd.ProcessState == nil {
		return r, err
	}
	r.Status = cmd.ProcessState.ExitCode()
	return r, nil
}
