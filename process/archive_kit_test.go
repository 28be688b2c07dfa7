package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// archived waits until the archive has all of the log, and gives all that it has, the oldest first.
func archived(t *testing.T, node *fedmsgtest.Node) (entries []fedmsg.Entry) {
	t.Helper()
	query := url.Values{"topic": {"#"}, "order": {"oldest"}}
	if log := node.Log(t); log.Last > 0 {
		query.Set("min_position", fedmsg.Position{Log: log.ID, Seq: log.Last}.String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/v1/messages?"+query.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "application/x-ndjson")
		entries, again, err := exported(node, req)
		if again {
			continue
		}
		if err != nil {
			t.Fatalf("reading the archive: %v", err)
		}
		return entries
	}
}

// exported asks once; again is an archive that is not that far yet, or cannot be used for the moment.
func exported(node *fedmsgtest.Node, req *http.Request) (entries []fedmsg.Entry, again bool, err error) {
	resp, err := node.HTTP.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return nil, false, err
	}
	if resp.StatusCode != http.StatusOK {
		o := fedmsgtest.ParseOutcome(body.Bytes())
		return nil, fedmsg.CodeOf(o.Err).Retryable(), o.Err
	}
	for line := range bytes.Lines(body.Bytes()) {
		var e fedmsg.Entry
		if err := e.UnmarshalJSON(line); err != nil {
			return nil, false, fmt.Errorf("the archive gave %q: %w", line, err)
		}
		entries = append(entries, e)
	}
	return entries, false, nil
}

// sameAsLog fails the test unless the archive has exactly the entries of the log, each once, to the byte. Those of before
// `fedmsg log adopt` have their old positions in the archive.
func sameAsLog(t *testing.T, node *fedmsgtest.Node) {
	t.Helper()
	rows, entries := archived(t, node), node.ReadAll(t)
	if len(rows) != len(entries) {
		t.Errorf("the archive has %d rows, the log %d entries", len(rows), len(entries))
	}
	for i := range min(len(rows), len(entries)) {
		r, e := rows[i], entries[i]
		if r.ID != e.ID || r.Position.Seq != e.Position.Seq || !bytes.Equal(r.Envelope, e.Envelope) || !bytes.Equal(r.Signatures, e.Signatures) {
			t.Fatalf("row %d of the archive is %s at %s, the log has %s at %s", i, r.ID, r.Position, e.ID, e.Position)
		}
	}
}

// archiveHealth is what /healthz says of the archive.
func archiveHealth(t *testing.T, node *fedmsgtest.Node) (status, text string) {
	t.Helper()
	_, body, err := node.Get(t.Context(), "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	var health struct {
		Checks []struct{ Name, Status, Text string } `json:"checks"`
	}
	if err := json.Unmarshal(body, &health); err != nil {
		t.Fatalf("/healthz: %v: %s", err, body)
	}
	for _, c := range health.Checks {
		if c.Name == "archive" {
			return c.Status, c.Text
		}
	}
	t.Fatalf("/healthz says nothing of the archive: %s", body)
	return "", ""
}

// awaitArchiveHealth waits until /healthz says a status of the archive, and gives the sentence.
func awaitArchiveHealth(t *testing.T, node *fedmsgtest.Node, status string) string {
	t.Helper()
	var got, text string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the health of the archive was %s in the end (%s), when %s was waited for", got, text, status)
		}
	})
	await(t, "the health of the archive is "+status, func() bool {
		got, text = archiveHealth(t, node)
		return got == status
	})
	return text
}
