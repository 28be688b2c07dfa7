package fedmsgtest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestReadGoesOn has a node cut a reader behind each second entry: the reader gets all of them, each once.
func TestReadGoesOn(t *testing.T) {
	t.Parallel()
	const log = "aaaaaaaaaaaa"
	n := &Node{Socket: filepath.Join(t.TempDir(), "s")}
	n.HTTP = &http.Client{Transport: &http.Transport{DialContext: n.dialSocket}}
	ln, err := net.Listen("unix", n.Socket)
	if err != nil {
		t.Fatal(err)
	}
	node := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var from uint64
		if at, err := fedmsg.ParsePosition(r.URL.Query().Get("after")); err == nil {
			from = at.Seq
		}
		for seq := from + 1; seq <= from+2; seq++ {
			fmt.Fprintf(w, `{"position":"%s-%d","seq":%d,"received":"2026-11-02T10:00:00Z","id":"m-%d","topic":"a.b","verdict":"ok","envelope":{}}`+"\n", log, seq, seq, seq)
		}
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // it is cut
	}))
	node.Listener.Close()
	node.Listener = ln
	node.Start()
	defer node.Close()
	var got []uint64
	for _, e := range n.Read(t, url.Values{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < 5 }) {
		got = append(got, e.Position.Seq)
	}
	if want := []uint64{1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
