package httpapi

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// askedRoutes says how each route of the table that gives something over TCP is asked for messages of a topic outside the reader's
// scope. A new route needs a line here.
func askedRoutes() map[string][]string {
	questions := []string{"", "?topic=%23", "?topic=secret.%23&topic=open.%23", "?prefix=secret", "?user=secretuser", "?package=secretpackage", "?text=secretuser", "?where=true", "?id=m/2&id=secret:1", "?limit=1000&order=oldest"}
	stats := []string{"?by=topic", "?by=category", "?by=user&bucket=hour", "?by=package", "?by=user&name=secretuser", "?by=topic&name=secret.org.dev.secretcat.push"}
	old := []string{"", "?topic=secret.org.dev.secretcat.push", "?topics=secret.org.dev.secretcat.push", "?user=secretuser", "?users=secretuser", "?package=secretpackage", "?packages=secretpackage", "?category=secretcat", "?categories=secretcat",
		"?contains=secretuser&delta=999999999", "?delta=999999999&rows_per_page=100", "?id=m/2", "?id=secret:1", "?grouped=true&delta=999999999"}
	of := []string{"/m/2", "/secret:1", "/m%2F2"}
	return map[string][]string{
		"GET /v1/messages": questions, "GET /v1/latest": questions, "GET /v1/stats": stats,
		"GET /v1/messages/{id...}": of, "GET /v1/receipts/{id...}": of,
		"GET /raw": old, "GET /id": old, "GET /v2/search": old, "GET /v2/id": old, "GET /messagecount": old,
		"GET /v1/keys": {""}, "GET /v1/log": {""}, "GET /healthz": {""}, "GET /readyz": {""}, "GET /metrics": {""},
		"GET /v1/stream":    nil, // TestStreamScope
		"POST /v1/messages": nil, // a publisher is told of no message of others
	}
}

// TestEveryRouteKeepsItsScope walks the table of routes and asks each that answers over TCP as a reader of open.#: nothing of another
// topic is in an answer.
func TestEveryRouteKeepsItsScope(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		c.InsecurePlainHTTP = true
		c.Listen = []string{"http://0.0.0.0:1?fd=wide"}
		d.Listeners = map[string]net.Listener{"wide": remoteListener{mustListen(t)}}
		withArchive(t, d, [2]string{"open.org.dev.opencat.push", `{"user":"openuser","package":"openpackage"}`},
			[2]string{"secret.org.dev.secretcat.push", `{"user":"secretuser","package":"secretpackage"}`})
	})
	client, table, known, answered := e.client("http"), askedRoutes(), 0, 0
	for _, row := range e.routes {
		if row.need.local() {
			continue // TestRoutesByIdentity
		}
		ways, ok := table[row.label]
		if known++; !ok {
			t.Errorf("nothing says how %s is asked for what its reader may not read; add it to askedRoutes", row.label)
		}
		path, _, _ := strings.Cut(row.path, "/{id")
		for _, way := range ways {
			for _, accept := range []string{"", ndjsonType, "text/html"} {
				status, body, header := ask(t, client, row.method, "http://localhost"+path+way, "", "Authorization", "Bearer opener", "Accept", accept)
				if shown := without(body, way); strings.Contains(shown, "secretcat") || strings.Contains(shown, "secretuser") || strings.Contains(shown, "secretpackage") {
					t.Errorf("%s%s as %q: %d %v %s", row.label, way, accept, status, header, body)
				}
				if status == http.StatusOK && strings.Contains(body, "open.org.dev.opencat.push") {
					answered++
				}
			}
		}
	}
	if known != len(table) || answered < 30 {
		t.Errorf("%d routes are in the table and %d in the list; %d answers have what may be read", known, len(table), answered)
	}
}

// without takes out of an answer what its reader has said itself, and may hear again.
func without(body, way string) string {
	_, query, _ := strings.Cut(way, "?")
	values, _ := url.ParseQuery(query)
	for _, all := range values {
		for _, v := range all {
			body = strings.ReplaceAll(body, v, "")
		}
	}
	return body
}
