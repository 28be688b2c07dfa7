package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// program writes a shell script that may be started.
func program(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestTriggerGoesOn shows that a trigger with a place of its own does each message once, over several runs of it and a restart
// of the node, that it gives up what the program gives up, and that only wanted messages reach the program.
func TestTriggerGoesOn(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	out := filepath.Join(t.TempDir(), "out")
	// Number 7 is one that the program cannot take.
	p := program(t, `n=$(sed 's/.*"msg":{"n":\([0-9]*\).*/\1/'); [ "$n" != 7 ] || exit 65; echo "$n $FEDMSG_TOPIC" >> "$1"`)
	publish := func(from, to int) (want string) {
		t.Helper()
		for n := from; n < to; n++ {
			for _, topic := range []string{"made", "other"} {
				message := fmt.Sprintf(`{"topic":"org.example.dev.test.thing.%s","msg":{"n":%d}}`, topic, n)
				if _, err := node.Publish(t.Context(), []byte(message)); err != nil {
					t.Fatal(err)
				}
			}
			if n != 7 && n != 3 {
				want += fmt.Sprintf("%d org.example.dev.test.thing.made\n", n)
			}
		}
		return want
	}
	state := filepath.Join(t.TempDir(), "place")
	run := func(limit int, extra ...string) {
		t.Helper()
		args := append([]string{"trigger", "--topic", "#.made", "--where", "msg.n != 3", "--state", state, "--limit", fmt.Sprint(limit)}, extra...)
		if r := node.CLI(t, nil, append(args, "--", p, out)...); r.Status != 0 {
			t.Fatalf("trigger ended with %s", r)
		}
	}
	want := publish(0, 10)
	run(4, "--after", "0") // 0 1 2 4
	run(5)                 // 5 6 7 8 9, of which 7 is given up
	want += publish(10, 12)
	node.Restart(t)
	run(2)
	got, err := os.ReadFile(out)
	if err != nil || string(got) != want {
		t.Errorf("the program was given\n%s%v, want\n%s", got, err, want)
	}
	letters := filepath.Join(state, "trigger", "dead", "*.letter")
	if dead, err := filepath.Glob(letters); err != nil || len(dead) != 1 {
		t.Fatalf("%q have what was given up, %v; want one", dead, err)
	}
	p = program(t, `echo "dead $FEDMSG_TOPIC" >> "$1"`)
	if r := node.CLI(t, nil, "trigger", "--topic", "#.made", "--state", state, "--retry-dead", "--", p, out); r.Status != 0 {
		t.Fatalf("--retry-dead ended with %s", r)
	}
	got, err = os.ReadFile(out)
	if want += "dead org.example.dev.test.thing.made\n"; err != nil || string(got) != want {
		t.Errorf("with --retry-dead the program was given\n%s%v, want\n%s", got, err, want)
	}
	if dead, err := filepath.Glob(letters); err != nil || len(dead) != 0 {
		t.Errorf("%q still lie there, %v", dead, err)
	}
}

// TestTriggerSaysWhatIsWrong holds the errors that a user makes first.
func TestTriggerSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--topic", "#"}, 64, "COMMAND [ARGUMENT]… is missing"},
		{[]string{"--", "cat"}, 64, "say which messages"},
		{[]string{"--topic", "#", "--", "/nonexistent/program"}, 64, "no such program"},
		{[]string{"--topic", "#", "--", "echo hello | cat"}, 64, "no shell"},
		{[]string{"--topic", "#", "--where", "msg.n >", "--", "cat"}, 64, "where"},
		{[]string{"--topic", "#", "--node", "unix:///nonexistent.sock", "--", "cat"}, 69, "nonexistent.sock"},
	} {
		r := node.CLI(t, nil, append([]string{"trigger"}, c.args...)...)
		if r.Status != c.status || !strings.Contains(r.Stderr, c.says) {
			t.Errorf("trigger %q ended with %s; want status %d and %q", c.args, r, c.status, c.says)
		}
	}
}
