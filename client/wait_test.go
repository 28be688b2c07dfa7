package client

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
)

// startServer serves requests as handle says and gives the URI.
func startServer(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handle}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return "unix://" + path
}

// TestPublishAndWait: sinks and time are in the request, and receipt and deliveries in what comes back.
func TestPublishAndWait(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	receipt := fedmsg.Receipt{ID: "faq-7", Position: fedmsg.Position{Log: fakeLog, Seq: 5}, Seq: 5, Received: at}
	sinks := []fedmsg.Delivery{
		{Sink: "a", State: fedmsg.DeliveryDelivered, Time: at}, {Sink: "b", State: fedmsg.DeliveryPending, Reason: "it is not there"},
	}
	var query, topic string
	uri := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.Method + " " + r.URL.String()
		b, _ := io.ReadAll(r.Body)
		var m struct{ Topic string }
		_ = json.Unmarshal(b, &m)
		topic = m.Topic
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(struct {
			fedmsg.Receipt
			Sinks []fedmsg.Delivery `json:"sinks"`
		}{receipt, sinks})
	})
	c := newClient(t, Options{Node: uri, Spool: t.TempDir()})
	m := fedmsg.Message{ID: "faq-7", Topic: "org.example.dev.wiki.page.edit", Body: json.RawMessage(`{}`)}
	r, deliveries, err := c.PublishAndWait(context.Background(), m, Wait{Sinks: []string{"a", "b"}, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if want := "POST /v1/messages?timeout=2s&wait=a%2Cb"; query != want || topic != m.Topic {
		t.Errorf("the node was asked %q for %q, want %q", query, topic, want)
	}
	if diff := cmp.Diff(receipt, r); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sinks, deliveries); diff != "" {
		t.Error(diff)
	}
}

// TestPublishAndWaitWithoutAnswer: where it is not known whether sinks were waited for, or no node took the message, an error says so,
// and the spool has nothing.
func TestPublishAndWaitWithoutAnswer(t *testing.T) {
	m := fedmsg.Message{ID: "faq-7", Topic: "org.example.dev.wiki.page.edit", Body: json.RawMessage(`{}`)}
	old := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":"faq-7","position":"k3v5q2m7x4ab-5","seq":5,"received":"2026-11-21T10:00:00Z","duplicate":false}`)
	})
	unknown := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write(fedmsg.AppendErrorJSON(nil, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no sink %q", "a")))
	})
	for _, c := range []struct {
		node string
		want fedmsg.Code
	}{{old, fedmsg.CodeTimeout}, {unknown, fedmsg.CodeNotFound}, {"unix:///nonexistent/node.sock", fedmsg.CodeUnavailable}} {
		spool := t.TempDir()
		r, deliveries, err := newClient(t, Options{Node: c.node, Spool: spool}).PublishAndWait(context.Background(), m, Wait{Sinks: []string{"a"}})
		wantCode(t, err, c.want)
		if r.ID != "faq-7" || len(deliveries) != 0 {
			t.Errorf("%s: receipt %+v, deliveries %v", c.want, r, deliveries)
		}
		if left, _ := filepath.Glob(spool + "/*"); len(left) > 0 {
			t.Errorf("the spool has %v", left)
		}
	}
}

// TestRequest gives an answer of a route as it is, and an error with the node's code.
func TestRequest(t *testing.T) {
	uri := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/v1/sinks/a/pause" || r.ContentLength != 0 {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write(fedmsg.AppendErrorJSON(nil, fedmsg.Errorf(fedmsg.CodeForbidden, "you may not")))
			return
		}
		_, _ = io.WriteString(w, `{"name":"a"}`)
	})
	c := newClient(t, Options{Node: uri})
	if b, err := c.Request(context.Background(), "POST", "/v1/sinks/a/pause"); err != nil || string(b) != `{"name":"a"}` {
		t.Errorf("%s, %v", b, err)
	}
	_, err := c.Request(context.Background(), "GET", "/v1/sinks")
	wantCode(t, err, fedmsg.CodeForbidden)
}

// TestPublishAndWaitSigns: what is waited for is signed as all else.
func TestPublishAndWaitSigns(t *testing.T) {
	var sent struct {
		Payload    []byte
		Signatures []struct{ KeyID, Sig string }
	}
	uri := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&sent)
		_, _ = io.WriteString(w, `{"id":"a","position":"k3v5q2m7x4ab-5","seq":5,"received":"2026-11-21T10:00:00Z","duplicate":false,"sinks":[]}`)
	})
	c := newClient(t, Options{Node: uri, SigningKey: signingKey(t, "ed25519")})
	m := fedmsg.Message{Topic: "org.example.dev.wiki.page.edit", Body: json.RawMessage(`{"page":"FAQ"}`)}
	for range 2 { // the turn to sign is given back
		if _, _, err := c.PublishAndWait(context.Background(), m, Wait{Sinks: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(sent.Payload), `"page":"FAQ"`) || len(sent.Signatures) != 1 || sent.Signatures[0].Sig == "" {
			t.Errorf("the node was sent %s with %v", sent.Payload, sent.Signatures)
		}
	}
}
