package history

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/facts"
)

// TestEntries holds that messages are what is promised of them: told by their numbers alone, in order of time, whole JSON, and
// about what their subjects say.
func TestEntries(t *testing.T) {
	t.Parallel()
	const rows = 7000
	h, again := New(rows), New(rows)
	rarest, bytesAll := 0, 0
	last := First.Add(-1)
	for i := range rows {
		e := h.Entry(i)
		if !json.Valid(e.Envelope) || !json.Valid(e.Signatures) {
			t.Fatalf("message %d is no JSON: %s", i, e.Envelope)
		}
		if !e.Received.After(last) || !e.Received.Before(End) {
			t.Fatalf("message %d was received at %s, the one before at %s", i, e.Received, last)
		}
		last = e.Received
		bytesAll += len(e.Envelope)
		if e.Topic == Rarest {
			rarest++
		}
		f, s := facts.Of(&e), again.Subject(rows-1-i)
		if got := h.Subject(i); !contains(f.Users, got.User) || !contains(f.Packages, got.Package) || f.Category != got.Service || f.Severity == "" {
			t.Fatalf("message %d is about %+v, not %+v: %s", i, f, got, e.Envelope)
		}
		if e := h.Entry(rows - 1 - i); e.ID != s.ID || e.Topic != s.Topic {
			t.Fatalf("message %d is not the same when it is made again", rows-1-i)
		}
	}
	if rarest != RarestRows {
		t.Errorf("%d messages have the rarest topic, not %d", rarest, RarestRows)
	}
	if mean := bytesAll / rows; mean < 600 || mean > 1500 {
		t.Errorf("envelopes have %d bytes on average", mean)
	}
	if a, b := h.Entry(5), again.Entry(5); !bytes.Equal(a.Envelope, b.Envelope) || !bytes.Equal(a.Signatures, b.Signatures) {
		t.Error("message 5 is not the same when it is made again")
	}
}

func contains(all []string, want string) bool {
	for _, s := range all {
		if s == want {
			return true
		}
	}
	return false
}

// TestNames holds that no two topics, users, packages or words are the same.
func TestNames(t *testing.T) {
	t.Parallel()
	h := New(7000)
	for what, names := range map[string]struct {
		n  int
		of func(int) string
	}{"topic": {Topics, Topic}, "user": {Users, User}, "package": {Packages, Package}, "word": {Words, h.Word}} {
		seen := make(map[string]int)
		for i := range names.n {
			name := names.of(i)
			if before, ok := seen[name]; ok {
				t.Errorf("%s %d and %d are both %s", what, before, i, name)
			}
			seen[name] = i
		}
	}
}
