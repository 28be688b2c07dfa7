package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestRoutesByIdentity asks every route as every identity. Scopes show in the two messages: only who may read its topic
// may know of one.
func TestRoutesByIdentity(t *testing.T) {
	uid := fmt.Sprintf("uid:%d", os.Getuid())
	doors := map[string]func(*testing.T) *edge{
		"socket": func(t *testing.T) *edge {
			return startEdge(t, func(c *Config, d *Deps) { withSocket(t, c); c.Listen = nil })
		},
		"loopback dev":  func(t *testing.T) *edge { return startEdge(t, nil) },
		"loopback prod": func(t *testing.T) *edge { return startEdge(t, func(_ *Config, d *Deps) { d.Dev = false }) },
		"loopback scoped": func(t *testing.T) *edge {
			return startEdge(t, func(c *Config, _ *Deps) { c.Listen = []string{"http://127.0.0.1:0?topics=open.%23"} })
		},
		"wide": func(t *testing.T) *edge { return startWide(t, "http://0.0.0.0:1?fd=wide", false) },
		"wide scoped": func(t *testing.T) *edge {
			return startWide(t, "http://0.0.0.0:1?fd=wide&topics=other.%23,open.%23", false)
		},
		"wide insecure": func(t *testing.T) *edge { return startWide(t, "http://0.0.0.0:1?fd=wide", true) },
	}
	// The answers to: publish, open message, secret message, stream, stream with where, log, metrics, pprof; and who the door saw.
	cases := []struct {
		door, token string
		want        string
		sender      string
	}{
		{"socket", "", "201 200 200 200 200 200 200 200", uid},
		{"socket", "writer", "201 200 200 200 200 200 200 200", "token:writer"},
		{"socket", "wrong", "401 401 401 401 401 401 401 401", ""},
		{"loopback dev", "", "201 200 200 200 200 200 200 404", "loopback"},
		{"loopback dev", "writer", "201 200 200 200 200 200 200 404", "token:writer"},
		{"loopback dev", "wrong", "401 401 401 401 401 401 401 401", ""},
		{"loopback prod", "", "401 200 200 200 403 200 200 404", ""},
		{"loopback prod", "opener", "201 200 200 200 200 200 200 404", "token:open"},
		{"loopback scoped", "", "201 200 404 200 200 200 200 404", "loopback"},
		{"loopback scoped", "secretive", "201 200 200 200 200 200 200 404", "token:secret"},
		{"wide", "", "401 401 401 401 401 401 401 404", ""},
		{"wide", "opener", "403 403 403 403 403 403 403 403", ""},
		{"wide scoped", "", "401 200 404 200 403 200 200 404", ""},
		{"wide insecure", "opener", "201 200 404 200 200 200 200 404", "token:open"},
		{"wide insecure", "secretive", "201 404 200 200 200 200 200 404", "token:secret"},
		{"wide insecure", "writer", "201 403 403 403 403 403 403 404", "token:writer"},
		{"wide insecure", "wrong", "401 401 401 401 401 401 401 401", ""},
	}
	for _, c := range cases {
		t.Run(c.door+" "+c.token, func(t *testing.T) {
			e := doors[c.door](t)
			scheme := strings.SplitN(e.Addrs()[0], ":", 2)[0]
			client := e.client(scheme)
			auth := []string{"Content-Type", "application/json"}
			if c.token != "" {
				auth = append(auth, "Authorization", "Bearer "+c.token)
			}
			var got []string
			for _, q := range []string{
				"POST /v1/messages", "GET /v1/messages/open/1", "GET /v1/messages/secret:1", "HEAD /v1/stream", "HEAD /v1/stream?where=true", "GET /v1/log", "GET /metrics", "GET /debug/pprof/cmdline",
			} {
				method, path, _ := strings.Cut(q, " ")
				status, body, _ := ask(t, client, method, "http://localhost"+path, "{}", auth...)
				got = append(got, fmt.Sprint(status))
				if status >= 400 && method != "HEAD" && codeIn(t, body).HTTPStatus() != status {
					t.Errorf("%s: status %d with body %s", q, status, body)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("answers:\n got %s\nwant %s", s, c.want)
			}
			if got := e.door.lastSender().String(); got != c.sender {
				t.Errorf("sender %q, want %q", got, c.sender)
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				if status, _, _ := ask(t, client, "GET", "http://localhost"+path, ""); status != 200 {
					t.Errorf("%s: %d", path, status)
				}
			}
		})
	}
}

// startWide serves an endpoint that other machines reach, with peers that seem to come from one.
func startWide(t *testing.T, uri string, insecure bool) *edge {
	t.Helper()
	return startEdge(t, func(c *Config, d *Deps) {
		c.Listen, c.InsecurePlainHTTP = []string{uri}, insecure
		d.Listeners = map[string]net.Listener{"wide": remoteListener{mustListen(t)}}
	})
}

// TestLoopbackPeerOfWideListener: a peer on this machine is nobody on a listener that others reach, even in dev.
func TestLoopbackPeerOfWideListener(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		c.Listen = []string{"http://0.0.0.0:1?fd=wide"}
		d.Listeners = map[string]net.Listener{"wide": mustListen(t)}
	})
	status, _, h := ask(t, e.client("http"), "POST", "http://localhost/v1/messages", "{}", "Content-Type", "application/json")
	if status != 401 || h.Get("WWW-Authenticate") == "" {
		t.Errorf("status %d, headers %v", status, h)
	}
}

// TestHealthDetails: only readers see what exactly is wrong.
func TestHealthDetails(t *testing.T) {
	_, inside, _ := ask(t, startEdge(t, nil).client("http"), "GET", "http://localhost/healthz", "")
	_, outside, _ := ask(t, startWide(t, "http://0.0.0.0:1?fd=wide", false).client("http"), "GET", "http://localhost/healthz", "")
	if !strings.Contains(inside, "all of it") || strings.Contains(outside, "all of it") || !strings.Contains(outside, `"ok"`) {
		t.Errorf("inside %s, outside %s", inside, outside)
	}
}

func TestUnhealthy(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) {
		d.Health = func() (any, bool) { return []string{"disk"}, false }
		d.Ready = func() error { return fedmsg.Errorf(fedmsg.CodeLogFailed, "the log failed") }
	})
	status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/healthz", "")
	if status != 503 || body != "[\"disk\"]\n" {
		t.Errorf("healthz: %d %s", status, body)
	}
	status, body, _ = ask(t, e.client("http"), "GET", "http://localhost/readyz", "")
	if status != 503 || codeIn(t, body) != fedmsg.CodeLogFailed {
		t.Errorf("readyz: %d %s", status, body)
	}
}

// TestMethods holds what the routes do with methods they do not take, HEAD, OPTIONS, and unknown paths.
func TestMethods(t *testing.T) {
	e := startEdge(t, nil)
	cases := []struct {
		request string
		status  int
		allow   string
		code    fedmsg.Code
		has     string
	}{
		{"GET /", 404, "", fedmsg.CodeNotFound, "POST /v1/messages, GET /v1/messages, GET /v1/messages/{id...}"},
		{"GET /v1/message", 404, "", fedmsg.CodeNotFound, "GET /v1/stream"},
		{"POST /nothing", 404, "", fedmsg.CodeNotFound, ""},
		{"OPTIONS /nothing", 404, "", fedmsg.CodeNotFound, ""},
		{"GET /debug/pprof/heap", 404, "", fedmsg.CodeNotFound, ""},
		{"OPTIONS /debug/pprof/trace", 404, "", fedmsg.CodeNotFound, ""},
		{"GET /v1/messages/", 404, "", fedmsg.CodeNotFound, ""},
		{"GET /v1/messages/never", 404, "", fedmsg.CodeNotFound, ""},
		{"GET /v1/messages/damaged", 500, "", fedmsg.CodeDamaged, "entry 3"},
		{"GET /v1/messages/open%2F1", 200, "", "", `"id":"open/1"`},
		{"GET /v1/messages", 404, "", fedmsg.CodeNotFound, "keeps no archive"},
		{"DELETE /v1/messages/open/1", 405, "GET, HEAD, OPTIONS", fedmsg.CodeBadMethod, ""},
		{"POST /v1/stream", 405, "GET, HEAD, OPTIONS", fedmsg.CodeBadMethod, ""},
		{"OPTIONS /v1/messages", 204, "POST, GET, HEAD, OPTIONS", "", ""},
		{"HEAD /v1/log", 200, "", "", ""},
		{"GET /v1/log", 200, "", "", `{"id":"edgelogabcde","first":1,"last":2,"bytes":99,"oldest":null,"newest":null}`},
		{"GET /metrics", 200, "", "", "fedmsg_up 1"},
	}
	for _, c := range cases {
		method, path, _ := strings.Cut(c.request, " ")
		status, body, h := ask(t, e.client("http"), method, "http://localhost"+path, "")
		if status != c.status || h.Get("Allow") != c.allow || !strings.Contains(body, c.has) {
			t.Errorf("%s: %d, Allow %q, %s", c.request, status, h.Get("Allow"), body)
		}
		if c.code != "" && codeIn(t, body) != c.code {
			t.Errorf("%s: %s", c.request, body)
		}
		if strings.Contains(body, "unexpected EOF") {
			t.Errorf("%s shows insides: %s", c.request, body)
		}
	}
}

// TestProfilesOnSocket: all of pprof is there, on the socket.
func TestProfilesOnSocket(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { withSocket(t, c) })
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine", "/debug/pprof/symbol"} {
		if status, body, _ := ask(t, e.client("unix"), "GET", "http://anything"+path, ""); status != 200 {
			t.Errorf("%s on the socket: %d %s", path, status, body)
		}
		if status, _, _ := ask(t, e.client("http"), "GET", "http://localhost"+path, ""); status != 404 {
			t.Errorf("%s over TCP: %d", path, status)
		}
	}
}

// TestReadyStatus: a node that takes no messages answers 503 whatever the cause, which it tells without its inside.
func TestReadyStatus(t *testing.T) {
	var cause error
	e := startEdge(t, func(_ *Config, d *Deps) { d.Ready = func() error { return cause } })
	for _, cause = range []error{
		fedmsg.WrapError(fedmsg.CodeLogFailed, os.ErrClosed, "the disk is broken; replace it"),
		fedmsg.WrapError(fedmsg.CodeStorageFull, os.ErrClosed, "the disk is full; make room"),
		fedmsg.Errorf(fedmsg.CodeLogAhead, "see fedmsg log adopt"),
	} {
		_, want := fedmsg.Public(cause)
		status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/readyz", "")
		if status != 503 || !strings.Contains(body, want) || strings.Contains(body, os.ErrClosed.Error()) {
			t.Errorf("%v: %d %s", cause, status, body)
		}
	}
}

// TestCornersOfHTTP: unusual requests get an answer of this server, in JSON, and reach nothing else.
func TestCornersOfHTTP(t *testing.T) {
	e := startEdge(t, nil)
	for _, c := range []struct {
		request string
		want    int
	}{
		{"GET /v1//log HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /v1/messages/open//1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /v1/messages/../log HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /v1/messages/open%2F1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
		{"GET /v1/messages/open%2F%2F1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /v1/messages/%2e%2e HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /v1/messages/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /debug/pprof HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /v1/log HTTP/1.0\r\n\r\n", 200},
		{"GET /v1/log HTTP/1.1\r\nHost: [::1]:8940\r\n\r\n", 200},
		{"GET /v1/log HTTP/1.1\r\nHost: [evil.example]:8940\r\n\r\n", 421},
		{"GET http://evil.example/v1/log HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		{"CONNECT /v1/log HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
		{"GET /v1/stream?token=writer HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		{"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400},
		{"GET /v1/stream HTTP/1.0\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400},
	} {
		conn := e.dial("http")
		io.WriteString(conn, c.request)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%q: %v", c.request, err)
			continue
		}
		body := make([]byte, resp.ContentLength)
		if _, err := io.ReadFull(resp.Body, body); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != c.want || c.want != 200 && codeIn(t, string(body)).HTTPStatus() != c.want {
			t.Errorf("%q: %s %s", c.request, resp.Status, body)
		}
		if len(resp.Header["Content-Type"]) != 1 || resp.Header.Get("Sec-WebSocket-Version") != "" && c.want != 400 {
			t.Errorf("%q: %v", c.request, resp.Header)
		}
	}
}
