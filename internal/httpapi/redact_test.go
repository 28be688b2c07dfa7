package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/redact"
)

// redactorFake takes redactions, which have the number 5 in the log, and knows of one.
type redactorFake struct {
	asked []archive.Redaction
	from  fedmsg.Sender
	err   error
	none  bool                    // it fails before it publishes
	late  string                  // another one that it knows of
	erase func(archive.Redaction) // what publishing does
	gone  map[string]bool         // ids that the log has erased
}

func (f *redactorFake) Redact(_ context.Context, from fedmsg.Sender, r archive.Redaction) (fedmsg.Position, error) {
	f.asked, f.from = append(f.asked, r), from
	if f.none {
		return fedmsg.Position{}, f.err
	}
	if f.err == nil && f.erase != nil {
		f.erase(r)
	}
	return fedmsg.Position{Log: edgeLog, Seq: 5}, f.err
}

// redactLog is the log with what was erased from it.
type redactLog struct {
	logFake
	f *redactorFake
}

func (l redactLog) Find(id string) (fedmsg.Entry, bool, error) {
	e, found, err := l.logFake.Find(id)
	if id == "m/5" { // of which the archive has another envelope
		found, e.Topic = true, "open.a.b"
	}
	if l.f.gone[id] {
		e.Envelope, e.Redacted = nil, true
	}
	return e, found, err
}

func (f *redactorFake) Redaction(id string) (archive.Redaction, bool) {
	return archive.Redaction{ID: id, SHA256: "00", Reason: "a password", By: "uid:7", At: archiveBegin}, id == "m/2" || id == f.late
}

// startRedacting runs a server that redacts, with an archive.
func startRedacting(t *testing.T) (*edge, *redactorFake, *archiveFake) {
	t.Helper()
	f := &redactorFake{gone: make(map[string]bool)}
	var kept *archiveFake
	f.erase = func(r archive.Redaction) {
		e, found, err := redactLog{f: f}.Find(r.ID)
		f.gone[r.ID] = f.gone[r.ID] || found && err == nil && redact.Sum(e.Envelope) == r.SHA256
		row, found, err := kept.store.ByID(t.Context(), r.ID)
		if err == nil && found && redact.Sum(row.Entry.Envelope) == r.SHA256 {
			_, err = kept.store.Redact(t.Context(), r)
		}
		if err != nil {
			t.Error(err)
		}
	}
	e := startEdge(t, func(c *Config, d *Deps) {
		withSocket(t, c)
		kept = withArchive(t, d, sample()...)
		d.Archive, d.Redactor, d.Log = keptFake{kept}, f, redactLog{f: f}
	})
	return e, f, kept
}

func (e *edge) redact(t *testing.T, body string) (int, string) {
	t.Helper()
	status, text, _ := ask(t, e.client("unix"), "POST", "http://localhost/v1/redactions", body, "Content-Type", "application/json")
	return status, text
}

// TestRedactions holds what is published for a message of the log and for one that the archive alone has, and what the answer says.
func TestRedactions(t *testing.T) {
	e, f, kept := startRedacting(t)
	for _, c := range [][2]string{
		{`{"id":"open/1","reason":"r","dry_run":true}`, `"topic":"open.a.b","message":"edgelogabcde-1","log":"present","archive":"present","dry_run":true}`},
		{`{"id":"m/1","reason":"r","dry_run":true}`, `"topic":"open.org.dev.bts.bug.close","log":"absent","archive":"present","dry_run":true}`},
		{`{"id":"secret:1","reason":"r"}`, `"entry":"edgelogabcde-5","log":"erased","archive":"absent"}`},
		{`{"id":"m/1","reason":"r"}`, `"entry":"edgelogabcde-5","log":"absent","archive":"erased"}`},
	} {
		body, want := c[0], c[1]
		f.asked = nil
		status, text := e.redact(t, body)
		if status != 200 || !strings.Contains(text, want) || !strings.Contains(text, `"reason":"r","by":"uid:`) {
			t.Errorf("%s: %d %s, want %s", body, status, text, want)
		}
		if dry := strings.Contains(body, "dry_run"); dry != (len(f.asked) == 0) {
			t.Errorf("%s: published %v", body, f.asked)
		}
	}
	clear(f.gone)
	if status, text := e.redact(t, `{"id":"secret:1","reason":"r"}`); status != 200 || len(f.asked) == 0 || f.from.Kind != fedmsg.SenderUID {
		t.Fatalf("%d %s, from %v", status, text, f.from)
	}
	entry, _, _ := logFake{}.Find("secret:1")
	if r := f.asked[len(f.asked)-1]; r.ID != "secret:1" || r.SHA256 != redact.Sum(entry.Envelope) || r.Reason != "r" || r.By != f.from.String() || r.At.IsZero() {
		t.Errorf("%+v", r)
	}
	f.err = fedmsg.Errorf(fedmsg.CodeUnavailable, "not yet")
	if status, text := e.redact(t, `{"id":"open/1","reason":"r"}`); status != 202 || !strings.Contains(text, `"log":"pending","archive":"pending","pending":"not yet"`) {
		t.Errorf("while it cannot be carried out: %d %s", status, text)
	}
	f.none = true
	if status, text := e.redact(t, `{"id":"open/1","reason":"r"}`); status != 503 || codeIn(t, text) != fedmsg.CodeUnavailable {
		t.Errorf("what could not be published: %d %s", status, text)
	}
	f.asked, kept.err = nil, nil
	if found, err := kept.store.Redact(t.Context(), archive.Redaction{ID: "m/2", At: archiveBegin}); err != nil || !found {
		t.Fatal(found, err)
	}
	if status, text := e.redact(t, `{"id":"m/2","reason":"again"}`); status != 200 || !strings.Contains(text, `"reason":"a password","by":"uid:7"`) || !strings.Contains(text, `"already":true`) || len(f.asked) > 0 {
		t.Errorf("what was redacted before: %d %s, published %v", status, text, f.asked)
	}
}

// TestRedactionsRefused holds what is refused, and that then nothing is published.
func TestRedactionsRefused(t *testing.T) {
	e, f, _ := startRedacting(t)
	for body, want := range map[string]fedmsg.Code{
		``: fedmsg.CodeBadJSON, `[]`: fedmsg.CodeBadJSON, `{"id":"open/1","reason":"r"} {}`: fedmsg.CodeBadJSON,
		`{"id":"open/1","reason":"r","force":true}`: fedmsg.CodeBadJSON, `{"reason":"r"}`: fedmsg.CodeBadJSON,
		`{"id":"open/1"}`: fedmsg.CodeBadBody, `{"id":"open/1","reason":" "}`: fedmsg.CodeBadBody,
		`{"id":"open/1","reason":"` + strings.Repeat("x", 1001) + `"}`: fedmsg.CodeBadBody,
		`{"id":"nobody","reason":"r"}`:                                 fedmsg.CodeNotFound,
		`{"id":"damaged","reason":"r"}`:                                fedmsg.CodeDamaged,
	} {
		if status, text := e.redact(t, body); codeIn(t, text) != want || status != want.HTTPStatus() {
			t.Errorf("%.60s: %d %s, want %s", body, status, text, want)
		}
	}
	if status, _, _ := ask(t, e.client("unix"), "POST", "http://localhost/v1/redactions", `{}`, "Content-Type", "text/plain"); status != 415 {
		t.Errorf("text: %d", status)
	}
	if status, _, _ := ask(t, e.client("http"), "POST", "http://localhost/v1/redactions", `{"id":"open/1","reason":"r"}`, "Content-Type", "application/json"); status != 404 {
		t.Errorf("over TCP: %d", status)
	}
	if len(f.asked) > 0 {
		t.Errorf("published %v", f.asked)
	}
	for _, row := range e.routes {
		if row.path == "/v1/redactions" && row.need != needOperator {
			t.Errorf("%s is not for operators alone", row.label)
		}
	}
}

// TestImportLeavesRedactedOut: what was redacted does not come back from an old copy.
func TestImportLeavesRedactedOut(t *testing.T) {
	e, _, _ := startRedacting(t)
	line := fedmsg.Entry{ID: "m/2", Topic: "a.b", Received: archiveBegin, Envelope: []byte(`{"msg":{}}`)}
	other := line
	other.ID = "i/1"
	body := string(append(other.AppendJSON(append(line.AppendJSON(nil), '\n')), '\n'))
	status, text, _ := ask(t, e.client("unix"), "POST", "http://localhost/v1/archive/import", body, "Content-Type", ndjsonType)
	var done map[string]int
	if err := json.Unmarshal([]byte(text), &done); err != nil || status != 200 || done["stored"] != 1 || done["redacted"] != 1 {
		t.Errorf("%d %s %v", status, text, err)
	}
}

// lateKeeper is an archive to which a write comes when one more message is redacted.
type lateKeeper struct {
	keptFake
	f *redactorFake
}

func (k lateKeeper) Write(ctx context.Context, do func(context.Context, archive.Writer) error) error {
	k.f.late = "i/1"
	return k.keptFake.Write(ctx, do)
}

// TestImportWaits: what is redacted while an import waits for its turn does not come back either.
func TestImportWaits(t *testing.T) {
	f := &redactorFake{}
	e := startEdge(t, func(c *Config, d *Deps) {
		withSocket(t, c)
		d.Archive, d.Redactor = lateKeeper{keptFake{withArchive(t, d, sample()...)}, f}, f
	})
	status, text, _ := ask(t, e.client("unix"), "POST", "http://localhost/v1/archive/import", lines(), "Content-Type", ndjsonType)
	var done map[string]int
	if err := json.Unmarshal([]byte(text), &done); err != nil || status != 200 || done["stored"] != 2 || done["redacted"] != 1 {
		t.Errorf("%d %s %v", status, text, err)
	}
}

// TestRedactionsLook: the answer says what log and archive have, not what was asked of them, and a second try of what was not erased is
// carried out.
func TestRedactionsLook(t *testing.T) {
	e, f, _ := startRedacting(t)
	erase := f.erase
	f.erase, f.late = nil, "open/1" // it is known as redacted, and nothing was erased
	if status, text := e.redact(t, `{"id":"open/1","reason":"r"}`); status != 202 || !strings.Contains(text, `"log":"present","archive":"absent","pending":"it was not`) || len(f.asked) != 1 {
		t.Errorf("nothing is erased: %d %s, published %v", status, text, f.asked)
	}
	f.erase, f.asked = erase, nil
	if status, text := e.redact(t, `{"id":"open/1","reason":"r"}`); status != 200 || !strings.Contains(text, `"log":"erased"`) || strings.Contains(text, "already") || len(f.asked) != 1 {
		t.Errorf("the second try: %d %s, published %v", status, text, f.asked)
	}
	f.asked = nil
	if status, text := e.redact(t, `{"id":"open/1","reason":"r"}`); status != 200 || !strings.Contains(text, `"already":true`) || len(f.asked) != 0 {
		t.Errorf("the third: %d %s, published %v", status, text, f.asked)
	}
	if status, text := e.redact(t, `{"id":"m/5","reason":"r"}`); status != 200 || !strings.Contains(text, `"log":"erased","archive":"erased"`) || len(f.asked) != 2 {
		t.Errorf("of two envelopes: %d %s, published %v", status, text, f.asked)
	}
}
