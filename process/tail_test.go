package process

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// tailing is a `fedmsg tail` that runs beside the test.
type tailing struct {
	cmd   *exec.Cmd
	lines chan string // of standard output; closed at its end
	notes chan string // of standard error; closed at its end
}

// startTail runs `fedmsg tail ARGS` until the test ends.
func startTail(t *testing.T, node *fedmsgtest.Node, args ...string) *tailing {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, fedmsgtest.Binary(t), append([]string{"tail"}, args...)...)
	cmd.Env = []string{"HOME=" + dir, "FEDMSG_NODE=unix://" + node.Socket}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	diag, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &tailing{cmd: cmd, lines: make(chan string, 1<<16), notes: make(chan string, 1<<16)}
	for scan, to := range map[*bufio.Scanner]chan string{bufio.NewScanner(out): r.lines, bufio.NewScanner(diag): r.notes} {
		go func() {
			defer close(to)
			for scan.Scan() {
				to <- scan.Text()
			}
		}()
	}
	t.Cleanup(func() {
		cancel()
		for range r.lines {
		}
		for range r.notes {
		}
		_ = cmd.Wait()
	})
	return r
}

// next gives the next line of standard output.
func (r *tailing) next(t *testing.T) string {
	t.Helper()
	line, ok := <-r.lines
	if !ok {
		t.Fatalf("tail ended; it said %q", <-r.notes)
	}
	return line
}

// TestTailThroughRestarts restarts the node under a tail, once in order and once by kill -9, while messages come: tail says on
// standard error that the connection broke and that it is there again, and shows each message once and in order. An
// interrupt ends it without a word and with status 0.
func TestTailThroughRestarts(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	tail := startTail(t, node, "--after", "0", "--format", "raw")
	const each = 500
	next := 0
	publishMany := func() {
		var in strings.Builder
		for i := range each {
			fmt.Fprintf(&in, `{"topic":%q,"msg":{"n":%d}}`+"\n", topic, next+i)
		}
		if r := node.CLI(t, strings.NewReader(in.String()), "publish", "--no-spool"); r.Status != 0 {
			t.Fatalf("publish: %s", r)
		}
	}
	seen := func() {
		for range each {
			if line, want := tail.next(t), fmt.Sprintf(`"msg":{"n":%d}`, next); !strings.Contains(line, want) {
				t.Fatalf("tail shows %s where %s should come", line, want)
			}
			next++
		}
	}
	publishMany()
	seen()
	for i, end := range []func(){func() { node.Stop(t) }, node.Kill9} {
		publishMany() // on its way, perhaps, when the node ends
		end()
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		seen()
		publishMany()
		seen()
		var notes []string
		for len(notes) == 0 || !strings.Contains(notes[len(notes)-1], "connected again") {
			note, ok := <-tail.notes
			if !ok {
				t.Fatalf("restart %d: tail ended after %q", i, notes)
			}
			notes = append(notes, note)
		}
		said := map[string]bool{}
		for _, note := range notes[:len(notes)-1] {
			if said[note] {
				t.Errorf("restart %d: tail said %q twice", i, note)
			}
			said[note] = true
			if !strings.HasPrefix(note, "fedmsg tail: ") || !strings.Contains(note, "; trying again until it works") || strings.Contains(note, `\n`) {
				t.Errorf("restart %d: tail said %q", i, note)
			}
		}
		if len(notes) < 2 {
			t.Errorf("restart %d: tail did not say that the connection broke, only %q", i, notes)
		}
	}
	if err := tail.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for line := range tail.lines {
		t.Errorf("after all it shows %s", line)
	}
	for note := range tail.notes {
		t.Errorf("interrupted, it says %q", note)
	}
	if err := tail.cmd.Wait(); err != nil {
		t.Errorf("interrupted, tail ends with %s", err)
	}
}

// TestTailEndsWithItsReader ends `fedmsg tail | head -1` although no second message comes.
func TestTailEndsWithItsReader(t *testing.T) {
	t.Parallel()
	head := fedmsgtest.Tool(t, "head")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	if r := node.CLI(t, nil, "publish", "--topic", topic, "--message", "only"); r.Status != 0 {
		t.Fatalf("publish: %s", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	script := fmt.Sprintf(`set -o pipefail; %q tail --after 0 --format raw | %q -n 1`, fedmsgtest.Binary(t), head)
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Env = []string{"HOME=" + t.TempDir(), "FEDMSG_NODE=unix://" + node.Socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // of a shell its children would stay
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), `{"log":"only"}`) {
		t.Errorf("%s gives %q and ends with %v", script, out, err)
	}
}

// TestTailWhere asks for messages by sender, signer and an expression.
func TestTailWhere(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	for n := range 5 {
		publish(t, node, fmt.Sprintf("where-%d", n), n)
	}
	uid := fmt.Sprintf("uid:%d", os.Getuid())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--where", "msg.n > 2"}, "where-3"},
		{[]string{"--where", `msg.absent.far == 1 or id == "where-4"`, "--sender", "uid"}, "where-4"},
		{[]string{"--sender", uid, "--sender", "token:x"}, "where-0"},
		{[]string{"--sender", "node"}, "late"},
		{[]string{"--signer", "debian"}, "late"},
	} {
		tail := startTail(t, node, append([]string{"--after", "0", "--format", "json"}, c.args...)...)
		if c.want == "late" { // nothing is wanted: what tail gives it does not get from here
			if err := tail.cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			for line := range tail.lines {
				t.Errorf("%q: %s", c.args, line)
			}
			continue
		}
		if line := tail.next(t); !strings.Contains(line, `"id":"`+c.want+`"`) {
			t.Errorf("%q: first %s, want %s", c.args, line, c.want)
		}
	}
	refused := startTail(t, node, "--where", "msg.n >")
	for range refused.lines {
	}
	if note := <-refused.notes; !strings.Contains(note, "the where expression is wrong at character 7") {
		t.Errorf("a wrong expression: %s", note)
	}
}
