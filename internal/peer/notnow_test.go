package peer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// fewEntries is a log that grows no more.
type fewEntries struct{ n uint64 }

func (l fewEntries) entry(seq uint64) *fedmsg.Entry {
	return &fedmsg.Entry{
		Position: at(seq), Received: time.Now().UTC(), ID: fmt.Sprintf("id-%d", seq), Topic: "org.example.dev.few.a",
		Envelope: fmt.Appendf(nil, `{"id":"id-%d","topic":"org.example.dev.few.a","msg":{}}`, seq),
	}
}

func (l fewEntries) End() fedmsg.Position { return at(l.n) }

func (l fewEntries) Cursor(after fedmsg.Position) (deliver.Cursor, *fedmsg.Gap) {
	return &fewCursor{l, after.Seq, make(chan struct{}, 1)}, nil
}

type fewCursor struct {
	fewEntries
	seq  uint64
	wake chan struct{} // capacity 1
}

func (c *fewCursor) Next() (*fedmsg.Entry, error) {
	if c.seq == c.n {
		return nil, io.EOF
	}
	c.seq++
	return c.entry(c.seq), nil
}

func (c *fewCursor) Wait() {
	if c.seq == c.n {
		<-c.wake
	}
}

func (c *fewCursor) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *fewCursor) Close() error { return nil }

// unwilling is a node that answers the lines of the first pushes with an error, or, where it is empty, ends them.
type unwilling struct {
	code   fedmsg.Code
	pushes int32 // it is unwilling in
	pushed atomic.Int32
}

func (u *unwilling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		fmt.Fprint(w, `{"id":"aaaaaaaaaaaa","first":1,"last":0}`)
		return
	}
	rc := http.NewResponseController(w)
	if rc.EnableFullDuplex() != nil {
		return
	}
	w.WriteHeader(http.StatusOK)
	rc.Flush()
	willing := u.pushed.Add(1) > u.pushes
	lines := bufio.NewScanner(r.Body)
	for n := 1; lines.Scan(); n++ {
		var e struct{ Envelope struct{ ID string } }
		switch err := json.Unmarshal(lines.Bytes(), &e); {
		case err != nil:
			return
		case willing:
			fmt.Fprintf(w, `{"id":%q,"position":"aaaaaaaaaaaa-%d"}`+"\n", e.Envelope.ID, n)
		case u.code == "":
			return
		default:
			fmt.Fprintf(w, `{"error":{"code":%q,"message":"not now"}}`+"\n", u.code)
		}
		rc.Flush()
	}
}

// TestNodeThatTakesNothing holds that a node whose disk is full, that is busy, stops or knows the token no more, or whose endpoint
// judges by age, costs no message: each is delivered when the node takes them.
func TestNodeThatTakesNothing(t *testing.T) {
	t.Parallel()
	for _, code := range []fedmsg.Code{
		fedmsg.CodeStorageFull, fedmsg.CodeBusy, fedmsg.CodeUnavailable, fedmsg.CodeLogFailed, fedmsg.CodeTimeout,
		fedmsg.CodeUnauthenticated, fedmsg.CodeStale, "",
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			u := &unwilling{code: code, pushes: 20}
			server := httptest.NewServer(u)
			t.Cleanup(server.Close)
			c := deliver.Config{
				Name: "other", To: server.URL, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}, Start: "beginning", Attempts: 2,
				RetryFirst: time.Millisecond, RetryMax: 2 * time.Millisecond, InFlight: 4,
			}
			sink, err := NewSink(c, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			few, dir := fewEntries{6}, t.TempDir()
			s, err := deliver.New([]deliver.Configured{{Config: c, Sink: sink}}, deliver.Deps{Log: few, Places: dir + "/places", Dir: dir + "/sinks"})
			if err != nil {
				t.Fatal(err)
			}
			s.Start()
			for seq := uint64(1); seq <= few.n; seq++ {
				if d := s.Wait(t.Context(), few.entry(seq), "other")[0]; d.State != fedmsg.DeliveryDelivered {
					t.Errorf("entry %d: %+v", seq, d)
				}
			}
			if n := u.pushed.Load(); n != u.pushes+1 {
				t.Errorf("it took %d pushes", n)
			}
			if err := s.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
