package process

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

const (
	openTopic   = "org.example.dev.open.thing.make"
	secretTopic = "org.example.dev.secret.thing.make"
	marker      = "classified" // stands in every secret message and in no open one
)

// scoped starts a node that shows only the open topics on TCP, and publishes secret messages and open ones, the last of
// which has the id end.
func scoped(t *testing.T) *fedmsgtest.Node {
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Env: []string{"FEDMSG_HTTP_LISTEN=http://127.0.0.1:0?topics=org.example.dev.open.%23"},
	})
	for n := range 10 {
		mustPublish(t, node, secretTopic, fmt.Sprintf("secret-%d", n), marker)
		mustPublish(t, node, openTopic, fmt.Sprintf("open-%d", n), "free")
	}
	mustPublish(t, node, openTopic, "end", "free")
	return node
}

func mustPublish(t *testing.T, node *fedmsgtest.Node, topic, id, text string) {
	t.Helper()
	if _, err := node.Publish(t.Context(), fmt.Appendf(nil, `{"topic":%q,"id":%q,"msg":{"text":%q}}`, topic, id, text)); err != nil {
		t.Fatal(err)
	}
}

// TestScopeOnStreams asks for everything in every way that a stream can be asked, over a listener that may show only the
// open topics.
func TestScopeOnStreams(t *testing.T) {
	t.Parallel()
	node := scoped(t)
	queries := []string{
		"after=0", "since=1h", "topic=%23&after=0", "topic=" + secretTopic + "&topic=" + openTopic + "&after=0",
		"prefix=org&after=0", "prefix=" + secretTopic + "&prefix=org.example.dev.open&after=0", "topic=*.*.*.secret.%23&topic=%23.make&after=0",
	}
	for _, q := range queries {
		for _, accept := range []string{"text/event-stream", "application/x-ndjson"} {
			t.Run(accept+"?"+q, func(t *testing.T) { checkScope(t, streamUntilEnd(t, node.URL, q, accept)) })
		}
		t.Run("websocket?"+q, func(t *testing.T) { checkScope(t, socketUntilEnd(t, node.URL, q)) })
	}
	t.Run("unix socket", func(t *testing.T) {
		if n := len(node.ReadAll(t)); n != 21 {
			t.Errorf("the unix socket shows %d of 21 entries", n)
		}
	})
}

// checkScope fails the test when anything secret was shown, or not everything open.
func checkScope(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, marker) || strings.Contains(text, secretTopic) || strings.Contains(text, "secret-") {
		t.Errorf("a secret message was shown:\n%s", text)
	}
	for n := range 10 {
		if !strings.Contains(text, fmt.Sprintf(`"open-%d"`, n)) {
			t.Errorf("open-%d was not shown:\n%s", n, text)
		}
	}
}

// streamUntilEnd reads a stream until the entry with the id end has come.
func streamUntilEnd(t *testing.T, node, query, accept string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, node+"/v1/stream?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	var text strings.Builder
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadString('\n')
		text.WriteString(line)
		if strings.Contains(line, `"id":"end"`) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("the stream ended: %s\n%s", err, text.String())
		}
	}
}

// socketUntilEnd does the same over WebSocket.
func socketUntilEnd(t *testing.T, node, query string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, node+"/v1/stream?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	var text strings.Builder
	for {
		_, line, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("the stream ended: %s\n%s", err, text.String())
		}
		text.Write(line)
		if strings.Contains(string(line), `"id":"end"`) {
			return text.String()
		}
	}
}

// TestScopeOnRoutes looks for secret messages on all routes that do not stream.
func TestScopeOnRoutes(t *testing.T) {
	t.Parallel()
	node := scoped(t)
	cases := []struct {
		path   string
		status int
	}{
		{"/v1/messages/open-3", 200},
		{"/v1/messages/secret-3", 404},
		{"/v1/messages/none", 404},
		{"/v1/log", 200},
		{"/healthz", 200},
		{"/readyz", 200},
		{"/metrics", 200},
		{"/debug/pprof/", 404},
		{"/debug/pprof/cmdline", 404},
	}
	for _, c := range cases {
		t.Run(c.path, func(t *testing.T) {
			resp, err := http.Get(node.URL + c.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, c.status, body)
			}
			if strings.Contains(string(body), marker) || strings.Contains(string(body), secretTopic) {
				t.Errorf("a secret is shown:\n%s", body)
			}
		})
	}
	t.Run("unknown and secret look alike", func(t *testing.T) {
		if a, b := notFound(t, node, "secret-3"), notFound(t, node, "none-xyz"); strings.ReplaceAll(a, "secret-3", "") != strings.ReplaceAll(b, "none-xyz", "") {
			t.Errorf("the answers differ:\n%s\n%s", a, b)
		}
	})
	if status, _, err := node.Get(t.Context(), "/v1/messages/secret-3"); err != nil || status != 200 {
		t.Errorf("the unix socket gives status %d for a secret message: %v", status, err)
	}
}

func notFound(t *testing.T, node *fedmsgtest.Node, id string) string {
	t.Helper()
	resp, err := http.Get(node.URL + "/v1/messages/" + url.PathEscape(id))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestScopeOfToken reads with a token, which adds its topics to those that the listener shows to everybody, and no others.
func TestScopeOfToken(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: "environment = \"prod\"\n",
		Env:    []string{"FEDMSG_HTTP_LISTEN=http://127.0.0.1:0?topics=org.example.dev.open.%23", fedmsgtest.AnyTopic},
	})
	token := node.Command(nil, "token", "new", "visitor", "--read", "org.example.dev.secret.#")
	token.Env = append(token.Env, "FEDMSG_STATE="+node.State)
	r, err := token.Run()
	if err != nil || r.Status != 0 {
		t.Fatalf("token new: %v %s", err, r)
	}
	secret := secretIn(r.Stdout)
	if secret == "" {
		t.Fatalf("token new shows no secret: %s", r)
	}
	if kept, err := os.ReadFile(node.State + "/tokens.json"); err != nil || strings.Contains(string(kept), secret) {
		t.Errorf("the secret stands in tokens.json, or there is none: %v", err)
	}
	mustPublish(t, node, openTopic, "open-0", "free")
	mustPublish(t, node, secretTopic, "secret-0", marker)
	mustPublish(t, node, "org.example.dev.hidden.thing.make", "hidden-0", marker)
	awaitToken(t, node, secret)
	for _, c := range []struct {
		id, token string
		want      int
	}{
		{"open-0", "", 200}, {"secret-0", "", 404}, {"hidden-0", "", 404},
		{"open-0", secret, 200}, {"secret-0", secret, 200}, {"hidden-0", secret, 404},
		{"open-0", secret + "x", 401},
	} {
		if status := statusWith(t, node.URL+"/v1/messages/"+c.id, c.token); status != c.want {
			t.Errorf("%s with token %q: status %d, want %d", c.id, c.token, status, c.want)
		}
	}
}

// awaitToken waits until the node has seen that there is a new token.
func awaitToken(t *testing.T, node *fedmsgtest.Node, secret string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); statusWith(t, node.URL+"/v1/log", secret) == http.StatusUnauthorized; <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("the new token is not known within %s", patience)
		}
	}
}

// secretIn finds the secret in what `token new` prints.
func secretIn(text string) string {
	for _, word := range strings.Fields(text) {
		if strings.HasPrefix(word, "fedmsg_") {
			return word
		}
	}
	return ""
}

func statusWith(t *testing.T, url, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
