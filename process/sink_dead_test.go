package process

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestSinkDeadLetters holds that what a program gives up is listed with the reason, also by a node that was started again, goes
// through when it is retried once the fault is mended, is gone when it was dropped, and keeps nothing behind it waiting.
func TestSinkDeadLetters(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	rec.put("picky")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("rabbit")})
	bad := `,"bad":true,"html":"<&>"`
	for n := 1; n <= 6; n++ {
		if n%2 == 1 {
			delivered(t, node, numbered(n, "a.b.good", ""), "rabbit")
			continue
		}
		w := awaitSinks(t, node, numbered(n, "a.b.bad", bad), "rabbit", patience)
		if w.Status != http.StatusAccepted || w.states() != "rabbit=dead" || !strings.Contains(w.Sinks[0].Reason, "65") {
			t.Fatalf("%d: %+v", n, w)
		}
	}
	if rec.numbers() != "1 3 5" {
		t.Errorf("it was given %q", rec.numbers())
	}
	node.Restart(t)
	var letters []deadletter.Letter
	if err := json.Unmarshal([]byte(cliOK(t, node, "dead", "list", "sink/rabbit", "--format", "json")), &letters); err != nil || len(letters) != 3 {
		t.Fatalf("%v %+v", err, letters)
	}
	for i, l := range letters {
		if want := []string{"n-2", "n-4", "n-6"}[i]; l.ID != want || l.Of != "rabbit" || l.Kind != "sink" || l.Topic != "org.example.dev.a.b.bad" || !strings.Contains(l.Reason, "65") || l.Entry != nil {
			t.Errorf("%+v", l)
		}
	}
	table := cliOK(t, node, "dead", "list")
	if !strings.HasPrefix(table, "LETTER ") || strings.Count(table, "\nsink/rabbit/") != 3 {
		t.Errorf("dead list prints\n%s", table)
	}
	first, second := strings.Fields(strings.Split(table, "\n")[1])[0], strings.Fields(strings.Split(table, "\n")[2])[0]
	if shown := cliOK(t, node, "dead", "show", first); !strings.Contains(shown, `"html":"<&>"`) || !strings.Contains(shown, `"envelope":{`) {
		t.Errorf("dead show prints\n%s", shown)
	}

	// It stays as long as it does not go through.
	if r := node.CLI(t, nil, "dead", "retry", first); r.Status == 0 || !strings.Contains(r.Stderr, "65") {
		t.Errorf("retry of what is still wrong: %s", r)
	}
	rec.drop("picky")
	if out := cliOK(t, node, "dead", "retry", first); out != first+" went through\n" || rec.numbers() != "1 3 5 2" {
		t.Errorf("retry says %q; it was given %q", out, rec.numbers())
	}
	if w := sinksOf(t, node, "n-2"); w.states() != "rabbit=delivered" {
		t.Errorf("what was retried is %s", w.states())
	}
	cliOK(t, node, "dead", "drop", second)
	for _, verb := range []string{"show", "retry", "drop"} {
		for _, gone := range []string{first, second} {
			if r := node.CLI(t, nil, "dead", verb, gone); r.Status != 65 {
				t.Errorf("%s of one that is gone: %s", verb, r)
			}
		}
	}
	cliOK(t, node, "dead", "retry", "--all", "sink/rabbit")
	if r := node.CLI(t, nil, "dead", "list"); r.Status != 0 || r.Stdout != "" || !strings.Contains(r.Stderr, "no dead letters") || rec.numbers() != "1 3 5 2 6" {
		t.Errorf("at the end %s; it was given %q", r, rec.numbers())
	}
}

// TestSinkDeadLettersFull holds that a sink whose dead letters are full stops, and says so, rather than lose one, and goes on when
// there is room.
func TestSinkDeadLettersFull(t *testing.T) {
	t.Parallel()
	rec, other := newRecorder(t), newRecorder(t)
	rec.put("picky")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("rabbit", "dead_letters = 2") + other.config("other")})
	bad := `,"bad":true`
	for n := 1; n <= 2; n++ {
		awaitSinks(t, node, numbered(n, "a.b.bad", bad), "rabbit", patience)
	}
	delivered(t, node, numbered(3, "a.b.bad", bad), "other")
	delivered(t, node, numbered(4, "a.b.good", ""), "other")
	p := peers{t: t}
	p.until("the sink stops", func() bool { return sinkOf(t, node, "rabbit").State == deliver.StateStopped })
	if status, body, err := node.Get(t.Context(), "/healthz"); err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(body), "rabbit") {
		t.Errorf("health is %d %s %v", status, body, err)
	}
	if status, _, err := node.Get(t.Context(), "/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("the node takes nothing: %d %v", status, err)
	}
	if w := sinksOf(t, node, "n-4"); w.states() != "rabbit=pending other=delivered" {
		t.Errorf("%+v", w.Sinks)
	}
	table := cliOK(t, node, "dead", "list", "sink/rabbit")
	cliOK(t, node, "dead", "drop", strings.Fields(strings.Split(table, "\n")[1])[0])
	delivered(t, node, numbered(4, "a.b.good", ""), "rabbit")
	if w := sinksOf(t, node, "n-3"); w.states() != "rabbit=dead other=delivered" || rec.numbers() != "4" || other.numbers() != "1 2 3 4" {
		t.Errorf("%s; rabbit has %q, other %q", w.states(), rec.numbers(), other.numbers())
	}
}
