package mesh_test

import (
	"errors"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/replay"
	"github.com/federated-messaging/fedmsg/mesh"
)

// TestRecordedAnswers asks a process that gives the answers which were recorded of the old server, and holds that each is
// understood.
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	path := fedmsgtest.Shared(t, "interop", "vectors", "x08_replay.json")
	var v struct {
		Rows  []string `json:"stored_rows"`
		Cases []struct {
			Query  string   `json:"query"`
			Frames []string `json:"frames_text"`
		} `json:"cases"`
	}
	readJSON(t, path, &v)
	rep := oldbus(t, "recorded", path, "tcp://127.0.0.1:*")
	asked := 0
	for _, c := range v.Cases {
		q, err := replay.ParseQuery([]byte(c.Query))
		if err != nil || string(replay.AppendQuery(nil, &q)) != c.Query {
			continue // a client of ours does not ask so
		}
		asked++
		messages, err := mesh.Ask(t.Context(), rep.uri, q)
		if c.Frames[0][0] != '{' {
			if said, ok := errors.AsType[replay.Error](err); !ok || string(replay.AppendError(nil, said)) != c.Frames[0] {
				t.Errorf("%s: %v", c.Query, err)
			}
			continue
		}
		if err != nil || len(messages) != len(c.Frames) {
			t.Errorf("%s: %d messages, %v", c.Query, len(messages), err)
			continue
		}
		for i, m := range messages {
			if string(m.Frames[1]) != c.Frames[i] || v.Rows[m.SeqID-1] != c.Frames[i] || m.Topic != string(m.Frames[0]) || m.Topic[:2] != "t." || !m.Replayed {
				t.Errorf("%s: %+v", c.Query, m)
			}
		}
	}
	if asked != 6 {
		t.Errorf("%d of the recorded questions were asked", asked)
	}
	if _, err := mesh.Ask(t.Context(), "tcp://127.0.0.1:1", replay.Query{All: true}); err == nil {
		t.Error("nobody answers, and there is no error")
	}
}
