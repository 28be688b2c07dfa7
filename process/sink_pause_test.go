package process

import (
	"fmt"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestSinkPauseOverRestart holds that a paused sink is given nothing, also by a node that was started again, that another one is not
// touched, and that it goes on where it stood.
func TestSinkPauseOverRestart(t *testing.T) {
	t.Parallel()
	rec, other := newRecorder(t), newRecorder(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("paused") + other.config("other")})
	delivered(t, node, numbered(1, "a.b.c", ""), "paused,other")
	if out := cliOK(t, node, "sink", "pause", "paused"); !strings.HasPrefix(out, "paused paused at ") {
		t.Errorf("pause says %q", out)
	}
	delivered(t, node, numbered(2, "a.b.c", ""), "other")
	node.Restart(t)
	delivered(t, node, numbered(3, "a.b.c", ""), "other")
	if s := sinkOf(t, node, "paused"); s.State != deliver.StatePaused || s.Lag != 2 || s.Position.Seq != 1 {
		t.Errorf("%+v", s)
	}
	if w := sinksOf(t, node, "n-3"); w.states() != "paused=pending other=delivered" || !strings.Contains(w.Sinks[0].Reason, "paused") {
		t.Errorf("%+v", w.Sinks)
	}
	if rec.numbers() != "1" || other.numbers() != "1 2 3" {
		t.Errorf("the paused one has %q, the other %q", rec.numbers(), other.numbers())
	}
	table := cliOK(t, node, "sink", "ls")
	if lines := strings.Split(table, "\n"); !strings.HasPrefix(lines[0], "NAME ") || !strings.HasPrefix(lines[1], "paused  paused ") || !strings.HasPrefix(lines[2], "other   running ") {
		t.Errorf("sink ls prints\n%s", table)
	}
	for words, want := range map[string]string{
		"sink resume ": "paused\nother\n:4\n", "dead list ": "sink/paused\nsink/other\n:4\n", "publish --wait ": "paused\nother\n:4\n", "sink resume paused ": ":4\n",
	} {
		if out := cliOK(t, node, append([]string{"__complete"}, strings.Split(words, " ")...)...); out != want {
			t.Errorf("%q is completed by %q, want %q", words, out, want)
		}
	}
	cliOK(t, node, "sink", "resume", "paused")
	delivered(t, node, numbered(3, "a.b.c", ""), "paused")
	node.Restart(t)
	delivered(t, node, numbered(4, "a.b.c", ""), "paused,other")
	if rec.numbers() != "1 2 3 4" || other.numbers() != "1 2 3 4" {
		t.Errorf("the paused one has %q, the other %q", rec.numbers(), other.numbers())
	}
}

// TestSinkRewind holds what a sink is given that is moved backwards and forwards, also where the node is started again in between.
func TestSinkRewind(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("moved")})
	var second string
	for n := 1; n <= 4; n++ {
		if w := delivered(t, node, numbered(n, "a.b.c", ""), "moved"); n == 2 {
			second = w.Position.String()
		}
	}
	cliOK(t, node, "sink", "rewind", "moved", "--to", second)
	delivered(t, node, numbered(5, "a.b.c", ""), "moved")
	want := "1 2 3 4 3 4 5"
	if rec.numbers() != want {
		t.Errorf("behind %s it was given %q, want %q", second, rec.numbers(), want)
	}

	cliOK(t, node, "sink", "pause", "moved")
	cliOK(t, node, "sink", "rewind", "moved", "--to", "beginning")
	node.Restart(t)
	if s := sinkOf(t, node, "moved"); s.State != deliver.StatePaused || s.Lag != 5 || rec.numbers() != want {
		t.Errorf("%+v; it was given %q", s, rec.numbers())
	}
	cliOK(t, node, "sink", "resume", "moved")
	delivered(t, node, numbered(5, "a.b.c", ""), "moved")
	if want += " 1 2 3 4 5"; rec.numbers() != want {
		t.Errorf("from the beginning it was given %q, want %q", rec.numbers(), want)
	}

	cliOK(t, node, "sink", "pause", "moved")
	cliOK(t, node, "publish", "--topic", "a.b.c", "--id", "n-6", "--json-input", "--message", `{"n":6}`)
	cliOK(t, node, "sink", "rewind", "moved", "--to", "now")
	cliOK(t, node, "sink", "resume", "moved")
	delivered(t, node, numbered(7, "a.b.c", ""), "moved")
	if want += " 7"; rec.numbers() != want {
		t.Errorf("moved to now it was given %q, want %q", rec.numbers(), want)
	}
	for range 2 {
		if w := sinksOf(t, node, "n-6"); w.states() != "moved=skipped" {
			t.Errorf("what it was moved past is %s", w.states())
		}
		node.Restart(t)
	}
}

// TestSinkRewindRefused holds that a sink stays where it is when it is asked to go where there is nothing.
func TestSinkRewindRefused(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("moved")})
	w := delivered(t, node, numbered(1, "a.b.c", ""), "moved")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"moved"}, 64, "--to"},
		{[]string{"moved", "--to", "yesterday"}, 64, "LOGID-SEQ"},
		{[]string{"moved", "--to", fmt.Sprintf("%s-%d", w.Position.Log, 2)}, 64, "ends at 1"},
		{[]string{"moved", "--to", "aaaabbbbcccc-1"}, 64, string(w.Position.Log)},
		{[]string{"movd", "--to", "beginning"}, 65, "moved"},
	} {
		r := node.CLI(t, nil, append([]string{"sink", "rewind"}, c.args...)...)
		if r.Status != c.status || !strings.Contains(r.Stderr, c.says) {
			t.Errorf("rewind %q ended with %s; want %d and %q", c.args, r, c.status, c.says)
		}
	}
	if s := sinkOf(t, node, "moved"); s.Position != w.Position {
		t.Errorf("it stands at %s, want %s", s.Position, w.Position)
	}
	for _, verb := range []string{"pause", "resume", "show"} {
		if r := node.CLI(t, nil, "sink", verb, "movd"); r.Status != 65 || !strings.Contains(r.Stderr, "moved") {
			t.Errorf("%s of a sink that is not there: %s", verb, r)
		}
	}
}
