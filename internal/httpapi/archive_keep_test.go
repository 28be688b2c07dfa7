package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// startKept runs a server with a socket and an archive that can be written into.
func startKept(t *testing.T) (*edge, *archiveFake) {
	t.Helper()
	var fake *archiveFake
	e := startEdge(t, func(c *Config, d *Deps) {
		withSocket(t, c)
		fake = withArchive(t, d, sample()...)
		d.Archive = keptFake{fake}
	})
	return e, fake
}

// lines are some entries: one of the archive's own log, one of another log, one of none, and one that is known.
func lines() string {
	var b []byte
	for i, p := range []fedmsg.Position{{Log: edgeLog, Seq: 77}, {Log: "otherlogabcd", Seq: 5}, {}, {Log: edgeLog, Seq: 1}} {
		e := fedmsg.Entry{Position: p, ID: fmt.Sprintf("i/%d", i), Topic: "old.org.dev.a.b", Received: time.Unix(1e9+int64(i), 0), Envelope: []byte(`{"msg":{"user":"zoe"}}`)}
		if i == 3 {
			e.ID = "m/1"
		}
		b = append(e.AppendJSON(b), '\n')
	}
	return string(b)
}

// TestArchiveImport: imported messages are found at their own time; positions of another log become their origins.
func TestArchiveImport(t *testing.T) {
	e, fake := startKept(t)
	const route = "http://localhost/v1/archive/import"
	for _, want := range []string{`{"known":1,"stored":3}`, `{"known":4,"stored":0}`} {
		status, body, _ := ask(t, e.client("unix"), "POST", route, lines(), "Content-Type", ndjsonType)
		if status != 200 || strings.TrimSpace(body) != want {
			t.Errorf("%d %s, want %s", status, body, want)
		}
	}
	_, body, _ := ask(t, e.client("unix"), "GET", "http://localhost/v1/messages?order=oldest&user=zoe", "")
	p, _ := decodePage(t, 200, body)
	if len(p.Messages) != 3 || p.Messages[0].Position.Seq != 77 || !p.Messages[0].Origin.IsZero() ||
		!p.Messages[1].Position.IsZero() || p.Messages[1].Origin.String() != "otherlogabcd-5" || !p.Messages[2].Position.IsZero() || !p.Messages[2].Origin.IsZero() {
		t.Errorf("%s", body)
	}
	for name, c := range map[string]struct {
		body, kind string
		status     int
		has        string
	}{
		"one at fault": {lines() + "{}\n", ndjsonType, 400, "line 5: "},
		"no type":      {lines(), "application/json", 415, "application/x-ndjson"},
		"too large":    {strings.Repeat("x", 5<<20), ndjsonType, 413, "http.max_body_bytes"},
		"broken off":   {`{"error":{"code":"internal"}}`, ndjsonType, 500, "broke off"},
	} {
		status, body, _ := ask(t, e.client("unix"), "POST", route, c.body, "Content-Type", c.kind)
		if status != c.status || !strings.Contains(body, c.has) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	fake.err = fedmsg.Errorf(fedmsg.CodeUnavailable, "the archive is away")
	if status, body, _ := ask(t, e.client("unix"), "POST", route, lines(), "Content-Type", ndjsonType); status != 503 {
		t.Errorf("away: %d %s", status, body)
	}
}

// TestArchiveReindex goes through all rows, piece by piece.
func TestArchiveReindex(t *testing.T) {
	e, _ := startKept(t)
	key := archive.Key(0)
	for range 3 {
		status, body, _ := ask(t, e.client("unix"), "POST", fmt.Sprintf("http://localhost/v1/archive/reindex?behind=%d", key), "")
		var answer struct{ Last archive.Key }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 || answer.Last != 0 && answer.Last <= key {
			t.Fatalf("%d %s (%v)", status, body, err)
		}
		if key = answer.Last; key == 0 {
			break
		}
	}
	if key != 0 {
		t.Errorf("it does not end")
	}
	for _, query := range []string{"", "behind=-1", "behind=x", "behind=1&more=2"} {
		if status, body, _ := ask(t, e.client("unix"), "POST", "http://localhost/v1/archive/reindex?"+query, ""); status != 400 {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// TestArchiveStatus tells what the archive holds, also while it cannot be asked.
func TestArchiveStatus(t *testing.T) {
	e, fake := startKept(t)
	status, body, _ := ask(t, e.client("unix"), "GET", "http://localhost/v1/archive", "")
	for _, want := range []string{`"position":"edgelogabcde-5"`, `"lag":3`, `"messages":5`, `"oldest":"2026-01-31T12:00:00Z"`, `"newest":"2026-01-31T12:00:04Z"`, `"bytes":`} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%d %s, want %s", status, body, want)
		}
	}
	fake.err = fedmsg.Errorf(fedmsg.CodeUnavailable, "the archive is away")
	if status, body, _ := ask(t, e.client("unix"), "GET", "http://localhost/v1/archive", ""); status != 200 || strings.Contains(body, "messages") || !strings.Contains(body, `"lag":3`) {
		t.Errorf("%d %s", status, body)
	}
}

// TestArchiveKeepIsTheOperators: over TCP there are no such routes, whatever token is shown, and a node without an archive says so.
func TestArchiveKeepIsTheOperators(t *testing.T) {
	e, _ := startKept(t)
	none := startEdge(t, func(c *Config, _ *Deps) { withSocket(t, c) })
	for _, request := range []string{"GET archive", "POST archive/import", "POST archive/reindex?behind=0"} {
		method, path, _ := strings.Cut(request, " ")
		if status, body, _ := ask(t, e.client("http"), method, "http://localhost/v1/"+path, lines(), "Content-Type", ndjsonType, "Authorization", "Bearer opener"); status != http.StatusNotFound || !strings.Contains(body, "there is no /v1/archive") {
			t.Errorf("%s: %d %s", request, status, body)
		}
		if status, body, _ := ask(t, none.client("unix"), method, "http://localhost/v1/"+path, lines(), "Content-Type", ndjsonType); status != http.StatusNotFound || !strings.Contains(body, "keeps no archive") {
			t.Errorf("%s without an archive: %d %s", request, status, body)
		}
	}
	for _, row := range e.routes {
		if strings.HasPrefix(row.path, "/v1/archive/") && row.need != needOperator {
			t.Errorf("%s needs %d", row.label, row.need)
		}
	}
}
