package process

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// upstream passes for a node that somebody follows, and gives what it is told to.
type upstream struct {
	*httptest.Server
	entries chan []byte
}

func startUpstream(t *testing.T) *upstream {
	u := &upstream{entries: make(chan []byte)}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case e := <-u.entries:
				_, _ = w.Write(append(e, '\n'))
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(u.Close)
	return u
}

// giveAll gives each envelope as an entry to the source upstream of a node, passes over submissions, and finds out what became of it.
func (u *upstream) giveAll(t *testing.T, n *fedmsgtest.Node, lines [][]byte) []fedmsg.Outcome {
	t.Helper()
	all := make([]fedmsg.Outcome, len(lines))
	given, dead := 0, 0.0
	for i, line := range lines {
		s, envelope := readSaid(t, line)
		if s.MsgID == "" {
			continue
		}
		given++
		e := fedmsg.Entry{Envelope: envelope, Signatures: s.Signatures, ID: s.ID, Topic: s.Topic, Received: time.Now()}
		e.Position = fedmsg.Position{Log: "aaaaaaaaaaaa", Seq: uint64(given)}
		select {
		case u.entries <- e.AppendJSON(nil):
		case <-time.After(patience):
			t.Fatal("nobody follows")
		}
		var status map[string]any
		await(t, "what became of "+s.ID, func() bool {
			status = sourceStatus(t, n, "upstream")
			return status["received"] == float64(given) && status["in_flight"] == 0.0
		})
		if status["dead"].(float64) > dead {
			dead++
			all[i].Err = lastDead(t, n)
		}
	}
	return all
}

// lastDead gives why the last dead letter of the source upstream lies there.
func lastDead(t *testing.T, n *fedmsgtest.Node) error {
	t.Helper()
	_, body, err := n.Get(t.Context(), "/v1/dead?of=source/upstream")
	var answer struct {
		Dead []struct{ Code, Reason string }
	}
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil || len(answer.Dead) == 0 {
		t.Fatalf("the dead letters are %s, %v", body, err)
	}
	last := answer.Dead[len(answer.Dead)-1]
	return fedmsg.Errorf(fedmsg.Code(last.Code), "%s", last.Reason)
}
