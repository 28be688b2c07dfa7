package replay_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/replay"
)

// stored is a store of the rows of x08, as a server would have one.
type stored []string

// answer answers one request as a server does.
func (s stored) answer(t *testing.T, request []byte) [][]byte {
	t.Helper()
	q, err := replay.ParseQuery(request)
	if err != nil {
		return [][]byte{replay.AppendError(nil, err)}
	}
	var frames [][]byte
	for _, row := range s {
		var m struct {
			Seq  uint64 `json:"seq_id"`
			ID   string `json:"msg_id"`
			Time int64  `json:"timestamp"`
		}
		if err := json.Unmarshal([]byte(row), &m); err != nil {
			t.Fatal(err)
		}
		if q.Match(m.Seq, m.ID, time.Unix(m.Time, 0)) {
			frames = append(frames, []byte(row))
		}
	}
	if frames == nil {
		return [][]byte{replay.AppendError(nil, replay.ErrNoMatch)}
	}
	return frames
}

// vectors are what the old server was asked and answered.
type vectors struct {
	Rows  stored `json:"stored_rows"`
	Cases []struct {
		Query  string   `json:"query"`
		Frames []string `json:"frames_text"`
	} `json:"cases"`
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile(fedmsgtest.Shared(t, "interop", "vectors", "x08_replay.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Rows) != 5 || len(v.Cases) < 19 {
		t.Fatalf("x08 has %d rows and %d cases", len(v.Rows), len(v.Cases))
	}
	return v
}

// TestOldAnswers holds every answer against that of the old server, but for the one query that never worked there.
func TestOldAnswers(t *testing.T) {
	v := readVectors(t)
	for _, c := range v.Cases {
		t.Run(c.Query, func(t *testing.T) {
			want := c.Frames
			if c.Query == `{"seq_id_range":[2,4]}` {
				want = v.Rows[1:4]
			}
			var got []string
			for _, frame := range v.Rows.answer(t, []byte(c.Query)) {
				got = append(got, string(frame))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// TestReadOldAnswers reads the recorded answers as a client does.
func TestReadOldAnswers(t *testing.T) {
	failed := 0
	for _, c := range readVectors(t).Cases {
		var frames [][]byte
		for _, f := range c.Frames {
			frames = append(frames, []byte(f))
		}
		messages, err := replay.Answer(frames)
		if frames[0][0] == '{' {
			if err != nil || len(messages) != len(frames) {
				t.Errorf("%s: %d messages, %v", c.Query, len(messages), err)
			}
			continue
		}
		failed++
		if _, ok := err.(replay.Error); !ok || string(replay.AppendError(nil, err)) != c.Frames[0] {
			t.Errorf("%s: %q was read as %q", c.Query, c.Frames[0], err)
		}
	}
	if failed != 10 {
		t.Errorf("%d answers are errors, not 10", failed)
	}
}
