package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

// linesWith gives the lines of a log that have a text.
func linesWith(log, text string) (lines []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// awaitLines waits until the log has so many lines with a text: a client can have its answer before there is a line about it.
func awaitLines(t *testing.T, e *edge, text string, count int) (lines []string) {
	t.Helper()
	await(t, func() string { return "lines with " + text + " in " + e.logs.String() }, func() bool {
		lines = linesWith(e.logs.String(), text)
		return len(lines) >= count
	})
	return lines
}

// TestAccessLog holds that each request has a line when it has ended, with what an operator looks for and nothing of its query; and
// that there is none unless it is wanted.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	e := startEdge(t, func(c *Config, _ *Deps) { c.AccessLog = true; c.InsecurePlainHTTP = true })
	c := e.client("http")
	ask(t, c, "POST", "http://localhost/v1/messages?replaying=1", "one", "Content-Type", "application/json", "Authorization", "Bearer writer")
	ask(t, c, "GET", "http://localhost/no/such?secret=word", "")
	ask(t, c, "GET", "http://elsewhere.example/healthz", "", "Host", "elsewhere.example")
	lines := awaitLines(t, e, "msg=request ", 3)
	for i, want := range [][]string{
		{"method=POST", "path=/v1/messages ", "status=201", "took=", "remote=127.0.0.1", "sender=token:writer", "bytes=", "listener=http://127.0.0.1:"},
		{"method=GET", "path=/no/such ", "status=404"},
		{"path=/healthz", "status=421"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d lacks %s: %s", i, w, lines[i])
			}
		}
	}
	if log := e.logs.String(); strings.Contains(log, "word") || strings.Contains(log, "replaying") {
		t.Errorf("the log has what stood in a query: %s", log)
	}
	quiet := startEdge(t, nil)
	if status, _, _ := ask(t, quiet.client("http"), "GET", "http://localhost/healthz", ""); status != http.StatusOK {
		t.Error(status)
	}
	if got := linesWith(quiet.logs.String(), "msg=request"); got != nil {
		t.Errorf("unasked for there is %q", got)
	}
}

// TestAccessLogOfStreams holds that the line of a stream comes when the stream has ended, however it does, and counts what was written.
func TestAccessLogOfStreams(t *testing.T) {
	t.Parallel()
	e := startEdge(t, func(c *Config, _ *Deps) { c.AccessLog = true; c.InsecurePlainHTTP = true })
	c := e.client("http")
	for i, form := range []string{"text/event-stream", "application/x-ndjson"} {
		req, _ := http.NewRequest("GET", "http://localhost/v1/stream", nil)
		req.Header.Set("Accept", form)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil { // it is under way
			t.Fatal(err)
		}
		ask(t, c, "GET", "http://localhost/healthz", "")
		awaitLines(t, e, "path=/healthz", i+1)
		if got := linesWith(e.logs.String(), "path=/v1/stream"); len(got) != i {
			t.Errorf("while a stream goes on there is %q", got)
		}
		e.streams.mu.Lock()
		for _, s := range e.streams.open {
			s.end()
		}
		e.streams.mu.Unlock()
		got := awaitLines(t, e, "path=/v1/stream", i+1)
		resp.Body.Close()
		if last := got[len(got)-1]; !strings.Contains(last, "status=200") || !strings.Contains(last, "bytes=") || !strings.Contains(last, "took=") {
			t.Errorf("of a stream there is %q", last)
		}
	}
}

// TestRefusedRequestsAreLogged holds that who was turned away has one line for each reason, with its code, and that others of the
// same are counted; what a reader asks in vain has none.
func TestRefusedRequestsAreLogged(t *testing.T) {
	t.Parallel()
	e := startEdge(t, func(c *Config, _ *Deps) { c.InsecurePlainHTTP = true; c.MaxBodyBytes = 100 })
	c := e.client("http")
	for range 3 {
		ask(t, c, "POST", "http://localhost/v1/messages", "one", "Content-Type", "application/json", "Authorization", "Bearer unknown")
		ask(t, c, "POST", "http://localhost/v1/messages", "one", "Content-Type", "text/plain", "Authorization", "Bearer writer")
		ask(t, c, "POST", "http://localhost/v1/messages", strings.Repeat("x", 101), "Content-Type", "application/json", "Authorization", "Bearer writer")
		ask(t, c, "GET", "http://localhost/healthz", "", "Host", "elsewhere.example")
		ask(t, c, "GET", "http://localhost/v1/messages/no-such", "")
		ask(t, c, "GET", "http://localhost/no/such", "")
	}
	lines := awaitLines(t, e, "refused a request", 4)
	for i, want := range []string{
		"code=unauthenticated sender=127.0.0.1 method=POST path=/v1/messages", "code=bad_media_type sender=token:writer",
		"code=too_large sender=token:writer", "code=bad_host sender=127.0.0.1 method=GET path=/healthz",
	} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d lacks %s: %s", i, want, lines[i])
		}
	}
	if len(lines) != 4 || strings.Contains(e.logs.String(), "unknown token") {
		t.Errorf("the log is %s", e.logs.String())
	}
}

// TestUnknownTokenAtSocketRoutes holds that a token which is not known is refused as such where a route is there on the socket alone,
// on the socket and elsewhere, and that the operator sees it.
func TestUnknownTokenAtSocketRoutes(t *testing.T) {
	t.Parallel()
	e := startEdge(t, func(c *Config, _ *Deps) { withSocket(t, c); c.InsecurePlainHTTP = true })
	for _, scheme := range []string{"unix", "http"} {
		for _, path := range []string{"/v1/sinks", "/v1/config"} {
			if status, body, _ := ask(t, e.client(scheme), "GET", "http://localhost"+path, "", "Authorization", "Bearer unknown"); status != http.StatusUnauthorized {
				t.Errorf("%s over %s: %d %s", path, scheme, status, body)
			}
		}
	}
	for _, line := range awaitLines(t, e, "refused a request", 2) {
		if !strings.Contains(line, "code=unauthenticated") || !strings.Contains(line, "path=/v1/sinks") {
			t.Errorf("a line is %s", line)
		}
	}
}
