package httpapi

import (
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestBrowsers sends what browsers send for pages of this node, of allowed origins and of others.
func TestBrowsers(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) {
		c.AllowedHosts = []string{"bus.example.org"}
		c.AllowedOrigins = []string{"https://apps.example.org"}
	})
	const json, form = "application/json", "application/x-www-form-urlencoded"
	cases := []struct {
		name    string
		method  string
		path    string
		headers []string
		want    int
		code    fedmsg.Code
		cors    string
	}{
		{"no browser", "POST", "/v1/messages", []string{"Content-Type", json}, 201, "", ""},
		{"form without origin", "POST", "/v1/messages", []string{"Content-Type", form}, 415, fedmsg.CodeBadMediaType, ""},
		{"text form", "POST", "/v1/messages", []string{"Content-Type", "text/plain"}, 415, fedmsg.CodeBadMediaType, ""},
		{"multipart form", "POST", "/v1/messages", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, fedmsg.CodeBadMediaType, ""},
		{"no type", "POST", "/v1/messages", nil, 415, fedmsg.CodeBadMediaType, ""},
		{"other charset", "POST", "/v1/messages", []string{"Content-Type", json + "; charset=latin1"}, 415, fedmsg.CodeBadMediaType, ""},
		{"utf-8", "POST", "/v1/messages", []string{"Content-Type", json + "; charset=UTF-8"}, 201, "", ""},
		{"encoded", "POST", "/v1/messages", []string{"Content-Type", json, "Content-Encoding", "gzip"}, 415, fedmsg.CodeBadMediaType, ""},

		{"post of another site", "POST", "/v1/messages", []string{"Content-Type", json, "Origin", "https://evil.example"}, 403, fedmsg.CodeBadOrigin, ""},
		{"form of another site", "POST", "/v1/messages", []string{"Content-Type", form, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, fedmsg.CodeBadOrigin, ""},
		{"post without origin but site", "POST", "/v1/messages", []string{"Content-Type", json, "Sec-Fetch-Site", "cross-site"}, 403, fedmsg.CodeBadOrigin, ""},
		{"post by navigation", "POST", "/v1/messages", []string{"Content-Type", json, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403, fedmsg.CodeBadOrigin, ""},
		{"post of no origin", "POST", "/v1/messages", []string{"Content-Type", json, "Origin", "null"}, 403, fedmsg.CodeBadOrigin, ""},
		{"post of an allowed origin", "POST", "/v1/messages", []string{"Content-Type", json, "Origin", "https://apps.example.org"}, 403, fedmsg.CodeBadOrigin, ""},
		{"post of this node", "POST", "/v1/messages", []string{"Content-Type", json, "Origin", "http://bus.example.org", "Host", "bus.example.org"}, 201, "", ""},
		{"post of another port", "POST", "/v1/messages", []string{"Content-Type", json, "Origin", "http://localhost:3000", "Host", "localhost:8940"}, 403, fedmsg.CodeBadOrigin, ""},
		{"preflight of another site", "OPTIONS", "/v1/messages", []string{"Origin", "https://evil.example"}, 403, fedmsg.CodeBadOrigin, ""},

		{"read of another site", "GET", "/v1/log", []string{"Origin", "https://evil.example"}, 403, fedmsg.CodeBadOrigin, ""},
		{"stream of another site", "HEAD", "/v1/stream", []string{"Origin", "https://evil.example"}, 403, "", ""},
		{"image of another site", "GET", "/v1/log", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403, fedmsg.CodeBadOrigin, ""},
		{"link of another site", "GET", "/v1/log", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200, "", ""},
		{"typed address", "GET", "/v1/log", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200, "", ""},
		{"read of this node", "GET", "/v1/log", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://bus.example.org", "Host", "bus.example.org"}, 200, "", ""},
		{"read of an allowed origin", "GET", "/v1/log", []string{"Origin", "https://apps.example.org", "Sec-Fetch-Site", "cross-site"}, 200, "", "https://apps.example.org"},
		{"preflight of an allowed origin", "OPTIONS", "/v1/stream", []string{"Origin", "https://apps.example.org"}, 204, "", "https://apps.example.org"},

		{"rebound name", "GET", "/v1/log", []string{"Host", "evil.example"}, 421, fedmsg.CodeBadHost, ""},
		{"rebound name posts", "POST", "/v1/messages", []string{"Host", "evil.example:8940", "Origin", "http://evil.example:8940", "Content-Type", json}, 421, fedmsg.CodeBadHost, ""},
		{"name that only looks local", "GET", "/v1/log", []string{"Host", "localhost.evil.example"}, 421, fedmsg.CodeBadHost, ""},
		{"address", "GET", "/v1/log", []string{"Host", "127.0.0.1:8940"}, 200, "", ""},
		{"address of six", "GET", "/v1/log", []string{"Host", "[::1]:8940"}, 200, "", ""},
		{"bare address of six", "GET", "/v1/log", []string{"Host", "[::1]"}, 200, "", ""},
		{"allowed name", "GET", "/v1/log", []string{"Host", "BUS.example.org.:80"}, 200, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			headers := append([]string{"Host", "localhost"}, c.headers...)
			status, body, h := ask(t, e.client("http"), c.method, "http://localhost"+c.path, "{}", headers...)
			if status != c.want || h.Get("Access-Control-Allow-Origin") != c.cors {
				t.Errorf("status %d, CORS %q: %s", status, h.Get("Access-Control-Allow-Origin"), body)
			}
			if c.code != "" && codeIn(t, body) != c.code {
				t.Errorf("code: %s", body)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("browsers may guess the type of this answer")
			}
			if allowed := h.Get("Access-Control-Allow-Methods"); allowed != "" && allowed != "GET, HEAD" {
				t.Errorf("pages may use %s", allowed)
			}
		})
	}
}

// TestHostOnSocket: no browser comes over a unix socket, and clients put any name there.
func TestHostOnSocket(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { withSocket(t, c) })
	if status, body, _ := ask(t, e.client("unix"), "GET", "http://fedmsg/v1/log", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}
