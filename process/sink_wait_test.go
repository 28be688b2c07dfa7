package process

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSinkWait holds that a publisher who waits for sinks is told that they have the message only when they have it, and in what way
// each has not otherwise, whether it asks over HTTP or by the command line.
func TestSinkWait(t *testing.T) {
	t.Parallel()
	quick, slow := newRecorder(t), newRecorder(t)
	slow.put("gate")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: quick.config("quick") + slow.config("slow") + quick.config("other", `topics = ["org.example.dev.other.#"]`),
	})
	one := numbered(1, "wiki.page.edit", "")

	w := awaitSinks(t, node, one, "quick", patience)
	if w.Status != 201 || w.states() != "quick=delivered" || w.Duplicate || quick.text() != "1 org.example.dev.wiki.page.edit\n" {
		t.Errorf("%+v; the program has %q", w, quick.text())
	}
	began := time.Now()
	w = awaitSinks(t, node, one, "slow,quick", 300*time.Millisecond)
	if w.Status != 202 || w.states() != "quick=delivered slow=pending" || !w.Duplicate || time.Since(began) < 300*time.Millisecond {
		t.Errorf("after %s: %+v", time.Since(began), w)
	}
	for !strings.Contains(w.Sinks[len(w.Sinks)-1].Reason, "75") { // known when the program has failed once
		if w = awaitSinks(t, node, one, "slow", 300*time.Millisecond); time.Since(began) > patience {
			t.Fatalf("it is not said why it is pending: %+v", w)
		}
	}
	// What the program said is for the socket.
	token := newToken(t, node, "away", "--read", "#", "--publish", "#")
	for path, body := range map[string]string{"/v1/messages/n-1": "", "/v1/messages?wait=slow&timeout=10ms": one} {
		answer := withToken(t, node, token, path, body)
		_, sinks, _ := strings.Cut(answer, `"sinks":`)
		if !strings.Contains(sinks, "operator sees why") || strings.Contains(sinks, "75") {
			t.Errorf("%s tells a token %s", path, answer)
		}
	}
	if w = awaitSinks(t, node, one, "other", patience); w.Status != 202 || w.states() != "other=not_wanted" {
		t.Errorf("%+v", w)
	}
	// It ends as soon as the sink has it, and not with the time.
	answer := make(chan waited, 1)
	go func() { answer <- awaitSinks(t, node, one, "slow", patience) }()
	slow.drop("gate")
	if w = <-answer; w.Status != 201 || w.states() != "slow=delivered" || slow.numbers() != "1" {
		t.Errorf("%+v; the program has %q", w, slow.text())
	}
	if w = sinksOf(t, node, "n-1"); w.states() != "quick=delivered slow=delivered other=not_wanted" {
		t.Errorf("GET says %s", w.states())
	}

	// The command line.
	r := node.CLI(t, nil, "publish", "--topic", "other.thing.made", "--json-input", "--message", `{"n":2}`, "--wait", "quick,other")
	if r.Status != 0 || !strings.HasSuffix(r.Stdout, " other=delivered quick=delivered\n") {
		t.Errorf("%s", r)
	}
	slow.put("gate")
	r = node.CLI(t, strings.NewReader(`{"n":3}`), "publish", "--topic", "wiki.page.edit", "--wait", "slow", "--wait-timeout", "200ms", "--format", "json")
	if r.Status != 75 || !strings.Contains(r.Stdout, `"sinks":[{"sink":"slow","state":"pending"`) || !strings.Contains(r.Stderr, "the message is stored, and not delivered by slow (pending") {
		t.Errorf("%s", r)
	}
	r = node.CLI(t, nil, "publish", "--topic", "wiki.page.edit", "--message", "x", "--wait", "other")
	if r.Status != 76 || !strings.Contains(r.Stderr, "other (not wanted)") {
		t.Errorf("%s", r)
	}
	slow.drop("gate")
}

// withToken asks a node over TCP, or sends it a message.
func withToken(t *testing.T, node *fedmsgtest.Node, token, path, message string) string {
	t.Helper()
	method := http.MethodPost
	if message == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, node.URL+path, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSinkWaitRefused holds that what cannot be waited for is refused before anything is stored.
func TestSinkWaitRefused(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("rabbit")})
	for _, c := range []struct {
		query, kind string
		status      int
		says        string
	}{
		{"wait=rabit", "application/json", 404, "rabbit"},
		{"wait=rabbit,", "application/json", 404, ""},
		{"timeout=5s", "application/json", 400, "wait="},
		{"wait=rabbit&timeout=soon", "application/json", 400, "timeout"},
		{"wait=rabbit&timeout=1h", "application/json", 400, "5m0s"},
		{"wait=rabbit&wait=rabbit", "application/json", 400, "once"},
		{"wait=", "application/json", 400, "wait"},
		{"wait=rabbit", "application/x-ndjson", 400, "stream"},
	} {
		resp, err := node.HTTP.Post("http://localhost/v1/messages?"+c.query, c.kind, strings.NewReader(numbered(1, "a.b.c", "")))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(b), c.says) {
			t.Errorf("%s: %d %s %v, want %d and %q", c.query, resp.StatusCode, b, err, c.status, c.says)
		}
	}
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--topic", "a.b.c", "--message", "x", "--wait", "rabit"}, 65, "rabbit"},
		{[]string{"--wait", "rabbit"}, 64, "--topic"},
		{[]string{"--topic", "a.b.c", "--message", "x", "--wait-timeout", "1s"}, 64, "--wait"},
		{[]string{"--topic", "a.b.c", "--message", "x", "--wait", ""}, 64, "no sink"},
		{[]string{"--topic", "a.b.c", "--wait", "rabbit"}, 64, "has more"},
	} {
		r := node.CLI(t, strings.NewReader(`{"n":1}{"n":2}`), append([]string{"publish"}, c.args...)...)
		if r.Status != c.status || !strings.Contains(r.Stderr, c.says) {
			t.Errorf("publish %q ended with %s; want %d and %q", c.args, r, c.status, c.says)
		}
	}
	if log := node.Log(t); log.Last != 0 {
		t.Errorf("the log has %d entries", log.Last)
	}
}

// TestSinkWaitEndsWithTheNode: a publisher that waits does not keep a node from stopping, and is told how far delivery was.
func TestSinkWaitEndsWithTheNode(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	rec.put("gate")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("slow")})
	answer := make(chan waited, 1)
	go func() { answer <- awaitSinks(t, node, numbered(1, "a.b.c", ""), "slow", 5*time.Minute) }()
	node.Read(t, map[string][]string{"after": {"0"}}, func(*fedmsg.Entry) bool { return false }) // it is stored, and waits
	// Behind its deadline its status is not 0.
	t.Logf("measured: it stops in %s", node.Stop(t).Round(time.Millisecond))
	if w := <-answer; w.Status != 202 || w.states() != "slow=pending" {
		t.Errorf("%+v", w)
	}
}

// TestSinksAreShownToWhoSaysWhoItIs: what the node delivers to is not for everybody.
func TestSinksAreShownToWhoSaysWhoItIs(t *testing.T) {
	t.Parallel()
	rec := newRecorder(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: rec.config("rabbit")})
	delivered(t, node, numbered(1, "a.b.c", ""), "rabbit")
	get := func(path string) (int, string) {
		resp, err := http.Get(node.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if status, body := get("/v1/messages/n-1"); status != 200 || strings.Contains(body, "rabbit") || !json.Valid([]byte(body)) {
		t.Errorf("anybody is told %d %s", status, body)
	}
	for _, path := range []string{"/v1/sinks", "/v1/sources", "/v1/dead", "/v1/dead/sink/rabbit/1"} {
		if status, body := get(path); status != 404 || strings.Contains(body, "POST /v1/sinks") {
			t.Errorf("%s over TCP: %d %s", path, status, body)
		}
		if strings.HasSuffix(path, "1") {
			continue
		}
		if status, body, err := node.Get(t.Context(), path); err != nil || status != 200 {
			t.Errorf("%s on the socket: %d %s %v", path, status, body, err)
		}
	}
	secret := strings.TrimSpace(cliOK(t, node, "token", "new", "reader", "--read", "#", "--state", node.State))
	for asked := time.Now(); ; {
		req, err := http.NewRequestWithContext(t.Context(), "GET", node.URL+"/v1/messages/n-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == 401 && time.Since(asked) < patience { // a new token is known within a second
			continue
		}
		if resp.StatusCode != 200 || !strings.Contains(string(b), `"sinks":[{"sink":"rabbit","state":"delivered"`) {
			t.Errorf("the bearer of a token is told %d %s", resp.StatusCode, b)
		}
		break
	}
}
