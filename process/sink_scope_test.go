package process

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSinkScope holds that a program is never given a message outside its sink's topics, whatever prefixes, senders and expressions
// say, from wherever it is rewound to: what it wrote down itself is compared with every topic that there was.
func TestSinkScope(t *testing.T) {
	t.Parallel()
	pattern := "org.example.dev.open.*.#"
	allowed, err := fedmsg.ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	rec := newRecorder(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: rec.config("scoped", fmt.Sprintf("topics = [%q]", pattern), `prefixes = ["org.", ""]`, `where = "true or topic != ''"`),
		Env:    []string{fedmsgtest.AnyTopic},
	})
	words := []string{"org", "example", "dev", "open", "opens", "ope", "secret", "thing", "#", "*"}
	random := rand.New(rand.NewPCG(5, 5))
	want, last := 0, ""
	for n := range 120 {
		topic := strings.Join([]string{"open", "opens.a.b", "open.thing.made", "secret.open.thing", "open.a.secret"}[n%5:n%5+1], ".")
		topic = "org.example.dev." + topic
		if n%3 == 0 {
			var some []string
			for range 2 + random.IntN(5) {
				some = append(some, words[random.IntN(8)])
			}
			topic = strings.Join(some, ".")
		}
		message := fmt.Sprintf(`{"id":"s-%d","topic":%q,"msg":{"n":%d}}`, n, topic, n)
		if _, err := node.Publish(t.Context(), []byte(message)); err != nil {
			t.Fatal(err)
		}
		if allowed.Match(topic) {
			want, last = want+1, message
		}
	}
	if want < 20 {
		t.Fatalf("only %d topics are in the scope", want)
	}
	delivered(t, node, last, "scoped")
	cliOK(t, node, "sink", "rewind", "scoped", "--to", "beginning")
	delivered(t, node, `{"id":"s-end","topic":"org.example.dev.open.thing.end","msg":{"n":1000}}`, "scoped")
	got := 0
	for line := range strings.Lines(rec.text()) {
		n, topic, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !allowed.Match(topic) {
			t.Errorf("it was given number %s on %s", n, topic)
		}
		got++
	}
	if got != 2*want+1 {
		t.Errorf("it was given %d messages, want %d twice and one more", got, want)
	}
}

// TestSinkScopeNarrowed holds that topics which are taken from a sink are taken at once: from what waits in the log, and from what
// lies with its dead letters.
func TestSinkScopeNarrowed(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	rec.put("picky")
	state := filepath.Join(t.TempDir(), "state")
	wide := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: state, Config: rec.config("rabbit")})
	if w := awaitSinks(t, wide, numbered(1, "secret.thing.made", `,"bad":true`), "rabbit", patience); w.states() != "rabbit=dead" {
		t.Fatalf("%+v", w)
	}
	letter := strings.Fields(strings.Split(cliOK(t, wide, "dead", "list"), "\n")[1])[0]
	cliOK(t, wide, "sink", "pause", "rabbit")
	cliOK(t, wide, "publish", "--topic", "secret.thing.made", "--json-input", "--message", `{"n":2}`)
	wide.Stop(t)
	rec.drop("picky")

	narrow := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: state, Config: rec.config("rabbit", `topics = ["org.example.dev.open.#"]`)})
	cliOK(t, narrow, "sink", "resume", "rabbit")
	delivered(t, narrow, numbered(3, "open.thing.made", ""), "rabbit")
	if r := narrow.CLI(t, nil, "dead", "retry", letter); r.Status == 0 {
		t.Errorf("a letter outside the topics went through: %s", r)
	}
	if rec.numbers() != "3" {
		t.Errorf("it was given %q", rec.numbers())
	}
	cliOK(t, narrow, "dead", "drop", letter)
	if _, err := os.Stat(filepath.Join(rec.dir, "out")); err != nil {
		t.Error(err)
	}
}
