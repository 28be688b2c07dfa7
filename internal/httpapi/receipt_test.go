package httpapi

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// signFake stands for a signer that is ill for one message.
func signFake(e *fedmsg.Entry) ([]byte, error) {
	if strings.HasPrefix(e.Topic, "secret.") {
		return nil, io.ErrUnexpectedEOF
	}
	return []byte(`{"payload":"` + e.ID + `"}`), nil
}

// TestSignedReceipt holds when a receipt is signed, and what is said where it cannot be.
func TestSignedReceipt(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { d.Receipt = signFake })
	mute := startEdge(t, nil)
	const plain = `{"id":"open/1","position":"edgelogabcde-1","seq":1,"received":"2001-09-09T01:46:40Z","duplicate":false`
	cases := []struct {
		edge                *edge
		request, body, kind string
		status              int
		want                string
	}{
		{e, "POST /v1/messages?receipt=signed", "open/1", "json", 201, plain + `,"signed":{"payload":"open/1"}}`},
		{e, "POST /v1/messages?receipt=signed", "secret:1", "json", 503, "the message is stored as edgelogabcde-2, but its receipt could not be signed; ask for it later with GET /v1/receipts/secret:1"},
		{e, "POST /v1/messages?receipt=signed", "gone", "json", 503, "but its receipt could not be signed"},
		{e, "POST /v1/messages?receipt=signed", "refuse", "json", 400, "bad_topic"},
		{e, "POST /v1/messages?receipt=signed", "open/1", "x-ndjson", 400, "the receipts of a stream are not signed"},
		{e, "POST /v1/messages?receipt=sigend", "open/1", "json", 400, "not receipt=sigend"},
		{e, "POST /v1/messages?reciept=signed", "open/1", "json", 400, "not reciept=signed"},
		{e, "POST /v1/messages?receipt=signed&receipt=signed", "open/1", "json", 400, "bad_request"},
		{e, "POST /v1/messages?receipt=%zz", "open/1", "json", 400, "not well formed"},
		{e, "POST /v1/messages?replaying=1&receipt=signed", "open/1", "json", 201, `"signed":{"payload":"open/1"}}`},
		{e, "POST /v1/messages?replaying=true", "open/1", "json", 400, "not replaying=true"},
		{e, "POST /v1/messages?replaying=1&replaying=1", "open/1", "x-ndjson", 400, "not replaying=1"},
		{e, "POST /v1/messages?replaying", "open/1", "x-ndjson", 400, "not replaying="},
		{e, "POST /v1/messages?", "open/1", "json", 201, `"duplicate":false}`},
		{mute, "POST /v1/messages?receipt=signed", "open/1", "json", 404, "this node has no key to sign with"},
		{mute, "POST /v1/messages", "open/1", "json", 201, plain + "}"},
		{e, "GET /v1/receipts/open/1", "", "", 200, `{"payload":"open/1"}` + "\n"},
		{e, "GET /v1/receipts/open%2F1", "", "", 200, `{"payload":"open/1"}` + "\n"},
		{e, "GET /v1/receipts/secret:1", "", "", 503, "the receipt could not be signed"},
		{e, "GET /v1/receipts/never", "", "", 404, `there is no message with the id \"never\" here`},
		{e, "GET /v1/receipts/damaged", "", "", 500, "damaged"},
		{e, "GET /v1/receipts", "", "", 404, "there is no /v1/receipts here"},
		{mute, "GET /v1/receipts/open/1", "", "", 404, "this node has no key to sign with"},
		{mute, "GET /v1/keys", "", "", 404, "this node has no key to sign with"},
	}
	for _, c := range cases {
		method, path, _ := strings.Cut(c.request, " ")
		status, body, _ := ask(t, c.edge.client("http"), method, "http://localhost"+path, c.body, "Content-Type", "application/"+c.kind)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.request, c.body, status, body, c.status, c.want)
		}
		if strings.Contains(body, "unexpected EOF") {
			t.Errorf("%s shows insides: %s", c.request, body)
		}
	}
	if !strings.Contains(e.logs.String(), "unexpected EOF") {
		t.Errorf("the operator is not told: %s", e.logs.String())
	}
}

// TestReceiptScope: a receipt is for those who may read the message.
func TestReceiptScope(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		c.Listen, d.Receipt = []string{"http://127.0.0.1:0?topics=other.%23"}, signFake
	})
	for token, want := range map[string]int{"": 404, "opener": 200, "secretive": 404, "writer": 404, "wrong": 401} {
		var auth []string
		if token != "" {
			auth = []string{"Authorization", "Bearer " + token}
		}
		if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/receipts/open/1", "", auth...); status != want {
			t.Errorf("token %q: %d %s, want %d", token, status, body, want)
		}
	}
}

// TestEndpointVerify: what an endpoint asks of signatures is the endpoint's, by every way in, and is told.
func TestEndpointVerify(t *testing.T) {
	doors := map[fedmsg.VerifyMode]*doorFake{}
	e := startEdge(t, func(c *Config, d *Deps) {
		c.Socket = "unix://" + t.TempDir() + "/f.sock?verify=insecure-off"
		c.Listen = []string{"http://127.0.0.1:0", "http://127.0.0.2:0?verify=if-signed"}
		d.Door = func(m fedmsg.VerifyMode, _ bool) Door {
			if doors[m] == nil {
				doors[m] = &doorFake{}
			}
			return doors[m]
		}
	})
	var got []fedmsg.VerifyMode
	for i, p := range e.Endpoints() {
		got = append(got, p.Verify)
		if p.Name != e.Addrs()[i] {
			t.Errorf("endpoint %d is called %s and %s", i, p.Name, e.Addrs()[i])
		}
	}
	if want := []fedmsg.VerifyMode{"insecure-off", "", "if-signed"}; !slices.Equal(got, want) {
		t.Errorf("modes %q, want %q", got, want)
	}
	for i, scheme := range []string{"unix", "http", "http"} {
		client := e.client(scheme)
		if i == 2 {
			client = (&edge{Server: &Server{listeners: e.listeners[2:]}, t: t}).client(scheme)
		}
		for _, kind := range []string{"json", "x-ndjson"} {
			before := len(doors[got[i]].lines)
			ask(t, client, "POST", "http://localhost/v1/messages", "x\n", "Content-Type", "application/"+kind)
			if after := len(doors[got[i]].lines); after != before+1 {
				t.Errorf("%s at endpoint %d did not come to the door of mode %q", kind, i, got[i])
			}
		}
	}
	cfg := DefaultConfig()
	cfg.Listen = []string{"http://127.0.0.1:1?verify=insecure-off", "http://127.0.0.1:2?verify=if-signed"}
	cfg.Socket = "/x?verify=insecure-off"
	want := []string{"http.listen 127.0.0.1:1 verify=insecure-off", "http.socket verify=insecure-off"}
	if got := cfg.Insecure(); !slices.Equal(got, want) {
		t.Errorf("insecure %q, want %q", got, want)
	}
}
