package httpapi

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestArchiveScope asks every route of the archive, in every form, as every reader. No answer holds anything of a topic outside the
// reader's scope, and each holds what lies within.
func TestArchiveScope(t *testing.T) {
	const shared = `{"user":"ann","package":"nginx","text":"common"}`
	messages := [][2]string{
		{"open.org.dev.opencat.push", shared}, {"secret.org.dev.secretcat.push", shared},
		{"open.org.dev.opencat.push", `{"user":"openuser","package":"openpackage"}`},
		{"secret.org.dev.secretcat.push", `{"user":"secretuser","package":"secretpackage"}`},
	}
	e := startEdge(t, func(c *Config, d *Deps) {
		c.InsecurePlainHTTP = true
		c.Listen = []string{"http://0.0.0.0:1?fd=wide"}
		d.Listeners = map[string]net.Listener{"wide": remoteListener{mustListen(t)}}
		withArchive(t, d, messages...)
	})
	requests := []struct{ path, accept, want string }{
		{"messages", "", `"topic":"%s.org`}, {"messages?count=approximate", "", `"count":{"approximate":2,"more":false}`},
		{"messages", ndjsonType, `"topic":"%s.org`}, {"messages?order=oldest&limit=1", "", `"topic":"%s.org`},
		{"messages?topic=secret.%%23&topic=open.%%23", "", `"topic":"%s.org`}, {"messages?prefix=secret&prefix=open", ndjsonType, `"topic":"%s.org`},
		{"messages?user=ann&package=nginx", "", `"topic":"%s.org`}, {"messages?text=common", "", `"topic":"%s.org`},
		{"messages?id=m/1&id=m/2", "", `"topic":"%s.org`}, {"messages?where=true", "", `"topic":"%s.org`},
		{"messages?sender=uid", "", `"topic":"%s.org`}, {"messages?not_user=nobody", "", `"topic":"%s.org`},
		{"latest", "", `"topic":"%s.org`}, {"latest?user=ann", "", `"topic":"%s.org`},
		{"stats?by=topic", "", `"name":"%s.org.dev`}, {"stats?by=category", "", `"name":"%scat","count":2`},
		{"stats?by=user", "", `"name":"%suser","count":1`}, {"stats?by=package&bucket=hour", "", `"name":"nginx","count":1`},
	}
	for token, other := range map[string]string{"opener": "secret", "secretive": "open"} {
		own := map[string]string{"secret": "open", "open": "secret"}[other]
		for _, q := range requests {
			status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/"+strings.ReplaceAll(q.path, "%%", "%"), "", "Authorization", "Bearer "+token, "Accept", q.accept)
			want := q.want
			if strings.Contains(want, "%s") {
				want = fmt.Sprintf(want, own)
			}
			if status != 200 || strings.Contains(body, other) || !strings.Contains(body, want) {
				t.Errorf("%s as %s: %d %s, want %s", q.path, token, status, body, want)
			}
		}
		ids := map[string]string{"open": "m/1", "secret": "m/2"}
		if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages/"+ids[own], "", "Authorization", "Bearer "+token); status != 200 {
			t.Errorf("own message as %s: %d %s", token, status, body)
		}
		if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages/"+ids[other], "", "Authorization", "Bearer "+token); status != 404 {
			t.Errorf("message outside the scope as %s: %d %s", token, status, body)
		}
	}
	for token, want := range map[string]int{"": 401, "wrong": 401, "writer": 403} {
		var auth []string
		if token != "" {
			auth = []string{"Authorization", "Bearer " + token}
		}
		for _, path := range []string{"messages", "messages?topic=%23", "latest", "stats?by=user", "messages/m/1"} {
			if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/"+path, "", auth...); status != want || strings.Contains(body, "org.dev") {
				t.Errorf("%s as %q: %d %s, want %d", path, token, status, body, want)
			}
		}
	}
}

// TestArchiveRoutesHaveScopes: no route that tells of messages is open to whoever comes.
func TestArchiveRoutesHaveScopes(t *testing.T) {
	e := startEdge(t, nil)
	for _, row := range e.routes {
		if strings.HasPrefix(row.path, "/v1/messages") && row.method == "GET" || row.path == "/v1/latest" || row.path == "/v1/stats" {
			if row.need != needScope {
				t.Errorf("%s needs %d", row.label, row.need)
			}
		}
	}
}
