package deadletter

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestForeignSignatures holds that a letter can be shown whose signatures are no JSON, as whoever sends to a broker may write there
// what he wants.
func TestForeignSignatures(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "dead"), Limits{})
	for _, text := range []string{"garbage", "[", "\xff", `"`} {
		n := add(t, s, Letter{Of: "umb", Kind: KindSource, Topic: "a.b", Envelope: []byte(envelope), Signatures: []byte(text)})
		l, err := s.Get(n)
		if err != nil || string(l.Envelope) != envelope || len(l.Signatures) == 0 {
			t.Fatalf("%q: %+v, %v", text, l, err)
		}
		if _, err := json.Marshal(l); err != nil {
			t.Errorf("%q cannot be shown: %v", text, err)
		}
	}
}

// TestLargerThanAll holds that a message that never would have room is told of without its contents, and stops nobody for ever.
func TestLargerThanAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := opened(t, dir, Limits{Bytes: 4000})
	large := Letter{Of: "umb", Kind: KindSource, Topic: "a.b", ID: "x", Code: fedmsg.CodeTooLarge, Reason: "it is too large", Body: make([]byte, 5000)}
	n := add(t, s, large)
	sink := letter(7)
	sink.Entry.Envelope = make([]byte, 5000)
	add(t, s, sink)
	for name, s := range map[string]*Store{"the same": s, "opened again": opened(t, dir, Limits{Bytes: 4000})} {
		got, err := s.Get(n)
		if err != nil || got.ID != "x" || got.Code != fedmsg.CodeTooLarge || !got.Clipped || got.Body != nil || !strings.HasPrefix(got.Reason, "it is too large; ") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got, ok := s.Of(sink.Entry.Position); !ok || got.Topic != "a.b" {
			t.Errorf("%s: Of gave %+v, %v", name, got, ok)
		}
	}
	if got, err := s.Get(2); err != nil || got.Entry != nil {
		t.Errorf("of a sink: %+v, %v", got, err)
	}
	var err error
	for range 10 {
		if err == nil {
			_, err = s.Add(Letter{Of: "umb", Kind: KindSource, Topic: "a.b", Body: make([]byte, 1000)})
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Errorf("what only has no room now: %v", err)
	}
}
