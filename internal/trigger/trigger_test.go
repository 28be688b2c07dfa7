package trigger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

func entry() *fedmsg.Entry {
	return &fedmsg.Entry{
		Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 7}, Received: time.Unix(1700000000, 5).UTC(),
		ID: "2023-feed", Topic: "org.example.prod.x.$(touch boom)", Sender: "uid:1000", Signer: "own/host", Verdict: fedmsg.VerdictOK,
		Envelope: []byte(`{"headers":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},"msg":{"a":"$(touch boom); touch boom"}}`),
	}
}

// script writes a program and gives its path.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "prog")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func command(t *testing.T, timeout time.Duration, words ...string) *Command {
	t.Helper()
	c, err := New(Options{Command: words, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestProgramGetsMessage shows that the envelope is on standard input to the byte, that the rest is in the environment, and
// that nothing of a message is ever read by a shell.
func TestProgramGetsMessage(t *testing.T) {
	t.Setenv("FEDMSG_NODE", "unix:///elsewhere")
	t.Setenv("NOTIFY_SOCKET", "/run/nothing")
	t.Setenv("TRACESTATE", "of=node")
	dir := t.TempDir()
	p := script(t, `cd "$1" && cat > in && env > env && printf '%s\n' "$@" > args`)
	e := entry()
	if err := command(t, time.Minute, p, dir, "two words; touch boom").Deliver(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"in": string(e.Envelope) + "\n", "args": dir + "\ntwo words; touch boom\n"} {
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", file, got, err, want)
		}
	}
	env, err := os.ReadFile(filepath.Join(dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"FEDMSG_TOPIC=org.example.prod.x.$(touch boom)\n", "FEDMSG_ID=2023-feed\n", "FEDMSG_POSITION=k3v5q2m7x4ab-7\n",
		"TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n", "FEDMSG_SENDER=uid:1000\n", "FEDMSG_SIGNER=own/host\n", "FEDMSG_VERDICT=ok\n", "FEDMSG_RECEIVED=2023-11-14T22:13:20.000000005Z\n",
	} {
		if !strings.Contains(string(env), want) {
			t.Errorf("the environment lacks %q", want)
		}
	}
	for _, unwanted := range []string{"FEDMSG_NODE=", "NOTIFY_SOCKET=", "TRACESTATE="} {
		if strings.Contains(string(env), unwanted) {
			t.Errorf("the environment has %s, which speaks of the process that started the program", unwanted)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "boom")); err == nil {
		t.Error("something in the message was run")
	}
}

// TestEndsOfProgram holds what each end means.
func TestEndsOfProgram(t *testing.T) {
	for _, c := range []struct {
		name, text string
		timeout    time.Duration
		permanent  bool
		code       fedmsg.Code
		says       string
	}{
		{"success without reading", "exit 0", 0, false, "", ""},
		{"bad data", "echo 'no such bug' >&2; exit 65", 0, true, fedmsg.CodeBadRequest, "no such bug"},
		{"given up", "exit 100", 0, true, fedmsg.CodeBadRequest, "status 100"},
		{"try again", "echo out; exit 75", 0, false, fedmsg.CodeUnavailable, "said: out"},
		{"any other", "printf 'a\\033[2Jb'; exit 1", 0, false, fedmsg.CodeUnavailable, `a\x1b[2Jb`},
		{"signal", "kill -9 $$", 0, false, fedmsg.CodeUnavailable, "signal"},
		{"too long", "sleep 60", 50 * time.Millisecond, false, fedmsg.CodeTimeout, "50ms"},
		{"leaves something running", "sleep 60 & exit 0", 0, false, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := entry()
			e.Envelope = append(e.Envelope, make([]byte, 1<<20)...) // more than a pipe holds
			err := command(t, c.timeout, script(t, c.text)).Deliver(t.Context(), e)
			if got := fedmsg.CodeOf(err); got != c.code {
				t.Fatalf("code %q (%v), want %q", got, err, c.code)
			}
			if deliver.IsPermanent(err) != c.permanent {
				t.Errorf("permanent is %v for %v", !c.permanent, err)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not have %q in it", err, c.says)
			}
		})
	}
}

// TestProgramEndsWithItsChildren shows that nothing goes on running behind a program that was ended.
func TestProgramEndsWithItsChildren(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "alive")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// The child ignores the polite signal and keeps the pipe open for as long as it lives.
	p := script(t, `(trap '' TERM; exec 3> "$1"; while :; do sleep 1; done) & wait`)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { done <- command(t, time.Minute, p, fifo).Deliver(ctx, entry()) }()
	r, err := os.Open(fifo) // returns when the child has opened its side
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if err := <-done; fedmsg.CodeOf(err) != fedmsg.CodeInterrupted {
		t.Errorf("error %v, want one that says it was interrupted", err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the child still lives: read %d, %v", n, err)
	}
}

// TestNoSuchProgram shows that one that is not there, or may not be started, says nothing of the message, which waits for it.
func TestNoSuchProgram(t *testing.T) {
	for _, words := range [][]string{nil, {""}} {
		if _, err := New(Options{Command: words}); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%q gives %v", words, err)
		}
	}
	file := script(t, "exit 0")
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"/nonexistent/program", "nonexistent-program", "echo hello | cat", file} {
		if err := Find(program); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%s is found: %v", program, err)
		}
		if err := command(t, time.Minute, program).Deliver(t.Context(), entry()); !deliver.IsNotNow(err) || !strings.Contains(err.Error(), "cannot start "+program) {
			t.Errorf("%s gives %v", program, err)
		}
	}
	if err := os.Chmod(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Find(file), command(t, time.Minute, file).Deliver(t.Context(), entry())); err != nil {
		t.Errorf("when it is there: %v", err)
	}
}
