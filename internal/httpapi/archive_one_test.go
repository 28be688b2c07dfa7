package httpapi

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// TestArchiveLatest gives the newest of those that are asked for.
func TestArchiveLatest(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, sample()...) })
	for query, want := range map[string]string{
		"": `"id":"m/5"`, "topic=open.org.dev.git.push": `"id":"m/4"`, "user=bob": `"id":"m/2"`, "text=kernel&until=2026-02-01T00:00:00Z": `"id":"m/1"`,
	} {
		if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/latest?"+query, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/latest?user=zoe", ""); status != 404 || codeIn(t, body) != fedmsg.CodeNotFound {
		t.Errorf("%d %s", status, body)
	}
}

// TestArchiveByID: a message that the log no longer has is looked for in the archive, and a redacted one says who erased it and why.
func TestArchiveByID(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) {
		fake := withArchive(t, d, sample()...)
		r := archive.Redaction{ID: "m/2", SHA256: "00", Reason: "a password", By: "uid:0", At: archiveBegin}
		if found, err := fake.store.Redact(t.Context(), r); err != nil || !found {
			t.Fatal(found, err)
		}
	})
	for id, want := range map[string]string{
		"m/1": `"topic":"open.org.dev.bts.bug.close"`, "m%2F1": `"msg":{"user":"ann"`,
		"m/2":    `"redaction":{"id":"m/2","sha256":"00","reason":"a password","by":"uid:0","at":"2026-01-31T12:00:00Z"}}`,
		"open/1": `"topic":"open.a.b"`, // of the log
	} {
		if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages/"+id, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", id, status, body)
		}
	}
	if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages/m/9", ""); status != 404 || !strings.Contains(body, "no message with the id") {
		t.Errorf("%d %s", status, body)
	}
	_, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages?id=m/2", "")
	if !strings.Contains(body, `"reason":"a password"`) || strings.Contains(body, "bash") {
		t.Errorf("%s", body)
	}
}

// TestArchiveMinPosition: the answer waits until the archive has what the reader knows to be in the log, within its time.
func TestArchiveMinPosition(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, sample()...) })
	for request, want := range map[string]int{
		"messages?min_position=edgelogabcde-5":              200,
		"messages?min_position=edgelogabcde-6&timeout=20ms": 504,
		"latest?min_position=edgelogabcde-6&timeout=20ms":   504,
		"stats?min_position=edgelogabcde-6&timeout=20ms":    504,
		"messages?min_position=otherlogabcd-1&timeout=20ms": 400,
	} {
		status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/"+request, "")
		if status != want || want == 400 && codeIn(t, body) != fedmsg.CodeBadPosition || want == 504 && codeIn(t, body) != fedmsg.CodeTimeout {
			t.Errorf("%s: %d %s", request, status, body)
		}
	}
}

// TestArchiveStats gives numbers by day and hour.
func TestArchiveStats(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, sample()...) })
	const day, hour = `"at":"2026-01-31T00:00:00Z"`, `"at":"2026-01-31T12:00:00Z"`
	for query, want := range map[string][]string{
		"":                                   {`"by":"topic","bucket":"day"`, day, `"name":"open.org.dev.git.push","count":2`, `"partial":false`},
		"by=category":                        {`"name":"git","count":3`, `"name":"bts","count":1`},
		"by=user&bucket=hour":                {`"bucket":"hour"`, hour, `"name":"ann","count":3`},
		"by=package&name=nginx":              {`{"by":"package","bucket":"day","points":[{` + day + `,"name":"nginx","count":2}],"partial":false}`},
		"by=user&since=2026-02-01T00:00:00Z": {`"points":[],`},
		"by=user&until=2026-01-31T00:00:00Z": {`"points":[],`},
	} {
		status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/stats?"+query, "")
		for _, w := range want {
			if status != 200 || !strings.Contains(body, w) {
				t.Errorf("%s: %d %s, want %s", query, status, body, w)
			}
		}
	}
}
