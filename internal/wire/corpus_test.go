package wire

import (
	"maps"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestCorpus states what becomes of every real message, by outcome: a code, or the form that was accepted.
func TestCorpus(t *testing.T) {
	d := &Decoder{Limits: fedmsg.DefaultLimits()}
	doors := map[string]func([]byte) string{
		"submitted": func(in []byte) string {
			sub, err := d.Submitted(in)
			switch {
			case err != nil:
				return string(fedmsg.CodeOf(err))
			case sub.Whole:
				return outcome(t, in, sub.Envelope)
			}
			return "submission"
		},
		"old": func(in []byte) string {
			e, err := d.Envelope(in, Old)
			if err != nil {
				return string(fedmsg.CodeOf(err))
			}
			return outcome(t, in, e)
		},
	}
	for _, test := range []struct {
		file, door string
		want       map[string]int
	}{
		{"fedora-messages.jsonl", "submitted", map[string]int{"signed": 2, "submission": 14, "unsigned": 279, "unsigned without id": 138}},
		{"fedora-messages.jsonl", "old", map[string]int{"signed": 2, "unsigned": 279, "unsigned without id": 152}},
		{"umb-messages.jsonl", "submitted", map[string]int{"bad_body": 12, "bad_topic": 100}},
		{"umb-messages.jsonl", "old", map[string]int{"signed": 2, "unsigned": 98, "unsigned without id": 12}},
	} {
		got := map[string]int{}
		for _, in := range corpus(t, test.file) {
			got[doors[test.door](in)]++
		}
		if !maps.Equal(got, test.want) {
			t.Errorf("%s at the door %s: %v, want %v", test.file, test.door, got, test.want)
		}
	}
}

// outcome names the form of an accepted envelope, and holds what is true of all.
func outcome(t *testing.T, in []byte, e Envelope) string {
	t.Helper()
	if string(e.Bytes) != string(in) || e.NotIJSON {
		t.Errorf("the envelope is not the line: %q", in)
	}
	what := "unsigned"
	if e.Signed() {
		what = "signed"
	}
	if len(e.ID) == len("sha256-")+64 {
		what += " without id"
	}
	return what
}
