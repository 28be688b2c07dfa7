package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestNumbers holds that a node asked to number what it makes goes on behind the last number at each start, and that one which
// is not asked numbers nothing.
func TestNumbers(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.ZeroMQ.SeqID = "bugs.here"
	for life := range 3 {
		r := start(t, c, Options{})
		for n := range 4 {
			want := uint64(life*4 + n + 1)
			if got := numberOf(t, r, life*4+n); got != want {
				t.Fatalf("life %d, message %d has the number %d, want %d", life, n, got, want)
			}
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(NumbersFile(c.State)); err != nil {
			t.Fatal(err)
		}
	}
	plain := setup(t)
	if got := numberOf(t, start(t, plain, Options{}), 0); got != 0 {
		t.Errorf("a message has the number %d, and nobody asked for any", got)
	}
	if _, err := os.Stat(NumbersFile(plain.State)); err == nil {
		t.Error("there is a file of numbers, and nobody asked for any")
	}
}

// numberOf publishes a message and gives its seq_id; 0 is none.
func numberOf(t *testing.T, r *running, k int) uint64 {
	t.Helper()
	id := fmt.Sprintf("id-%d", k)
	r.publish(t, fmt.Sprintf(`{"topic":"a.b","id":%q,"msg":{"k":%d}}`, id, k))
	status, body := r.get(t, "/v1/messages/"+id)
	var e struct {
		Envelope struct {
			SeqID uint64 `json:"seq_id"`
		} `json:"envelope"`
	}
	if err := json.NewDecoder(strings.NewReader(body)).Decode(&e); err != nil || status != 200 {
		t.Fatal(status, err, body)
	}
	return e.Envelope.SeqID
}
