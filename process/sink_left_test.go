package process

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSinkLettersOfOldName holds that the dead letters of a sink that was renamed are listed under the name that it had, marked, can be
// shown and dropped, and tell when they are retried that there is no such sink; and that they are its again when it is back.
func TestSinkLettersOfOldName(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	rec.put("picky")
	state := filepath.Join(t.TempDir(), "state")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: state, Config: rec.config("rabbit")})
	for n := 1; n <= 3; n++ {
		awaitSinks(t, node, numbered(n, "a.b.bad", `,"bad":true`), "rabbit", patience)
	}
	node.Stop(t)

	node = fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: state, Config: rec.config("hare")})
	awaitSinks(t, node, numbered(4, "a.b.bad", `,"bad":true`), "hare", patience)
	table := cliOK(t, node, "dead", "list")
	if strings.Count(table, "\nsink/rabbit/") != 3 || strings.Count(table, "(sink not configured any more) ") != 3 || strings.Count(table, "\nsink/hare/") != 1 {
		t.Errorf("dead list prints\n%s", table)
	}
	if one := cliOK(t, node, "dead", "list", "sink/rabbit"); strings.Count(one, "\nsink/rabbit/") != 3 || strings.Contains(one, "hare") {
		t.Errorf("dead list sink/rabbit prints\n%s", one)
	}
	if out := cliOK(t, node, "__complete", "dead", "list", ""); out != "sink/hare\nsink/rabbit\n:4\n" {
		t.Errorf("dead list is completed by %q", out)
	}
	if out := cliOK(t, node, "__complete", "dead", "drop", "sink/rabbit/1", ""); out != "sink/hare/1\nsink/rabbit/2\nsink/rabbit/3\n:4\n" {
		t.Errorf("dead drop is completed by %q", out)
	}
	if shown := cliOK(t, node, "dead", "show", "sink/rabbit/2"); !strings.Contains(shown, `"n":2`) || !strings.Contains(shown, `"left":true`) {
		t.Errorf("dead show prints\n%s", shown)
	}
	if r := node.CLI(t, nil, "dead", "retry", "sink/rabbit/2"); r.Status != 65 || !strings.Contains(r.Stderr, "no sink of that name is configured") {
		t.Errorf("retry: %s", r)
	}
	cliOK(t, node, "dead", "drop", "sink/rabbit/1")
	for _, args := range [][]string{{"show", "sink/rabbit/1"}, {"retry", "sink/rabbit/1"}, {"list", "sink/rabit"}, {"drop", "sink/../readers/1"}} {
		if r := node.CLI(t, nil, append([]string{"dead"}, args...)...); r.Status == 0 || strings.Contains(r.Stderr, "configured") {
			t.Errorf("%q: %s", args, r)
		}
	}
	node.Stop(t)

	rec.drop("picky")
	node = fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: state, Config: rec.config("rabbit")})
	delivered(t, node, numbered(4, "a.b.bad", `,"bad":true`), "rabbit")
	cliOK(t, node, "dead", "retry", "--all", "sink/rabbit")
	if rec.numbers() != "4 2 3" {
		t.Errorf("it was given %q", rec.numbers())
	}
	cliOK(t, node, "dead", "drop", "--all", "sink/hare")
	if r := node.CLI(t, nil, "dead", "list"); r.Status != 0 || !strings.Contains(r.Stderr, "no dead letters") {
		t.Errorf("at the end %s", r)
	}
}
