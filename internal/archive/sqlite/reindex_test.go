package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// TestReindexUnchanged indexes rows anew by the rules by which they were indexed, several times. Envelopes have words that no message is
// found by, as the names of their own members: taking these out of an index that has them not would damage it.
func TestReindexUnchanged(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "archive.sqlite"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	texts := []string{`a panic`, `\u001b[2J here`, `boots fine`, `here 7`}
	for i, text := range texts {
		e := fedmsg.Entry{
			ID: fmt.Sprint("id-", i), Topic: "org.example.dev.git.push", Received: time.Unix(1e9-int64(i), 0),
			Envelope: fmt.Appendf(nil, `{"i":1,"msg":{"user":"ann","text":"%s"},"msg_id":"id-%d","n":1,"stream":"iyvmlfgqrpg4rcjm3abp6g2klj","timestamp":1795315477,"topic":"org.example.dev.git.push","username":"root"}`, text, i),
		}
		if _, err := s.Append(t.Context(), []archive.Draft{archive.DraftOf(&e)}, fedmsg.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		for key := archive.Key(0); ; {
			if key, err = s.Reindex(t.Context(), key, 3, archive.DraftOf); err != nil {
				t.Fatal(err)
			}
			if key == 0 {
				break
			}
		}
		for text, want := range map[string]int{"ann": 4, "here": 2, "7 here ann": 1, "panic": 1, "timestamp": 0, "root": 0} {
			page, err := archive.NewSearcher(s).Search(t.Context(), &archive.Query{
				Filter: filter.Filter{Scope: []fedmsg.Pattern{fedmsg.MatchAll()}}, Text: text, Limit: archive.MaxLimit,
			})
			if err != nil || len(page.Rows) != want {
				t.Errorf("%q: %d rows, want %d (%v)", text, len(page.Rows), want, err)
			}
		}
	}
}
