package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/spool"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// nodeKeys is the answer of /v1/keys.
type nodeKeys struct {
	Name string `json:"name"`
	Keys []struct {
		ID        string `json:"id"`
		Algorithm string `json:"algorithm"`
		PublicKey string `json:"public_key"`
	} `json:"keys"`
}

func (r *running) keys(t *testing.T) nodeKeys {
	t.Helper()
	status, body := r.get(t, "/v1/keys")
	var k nodeKeys
	if err := json.Unmarshal([]byte(body), &k); err != nil || status != 200 || len(k.Keys) == 0 {
		t.Fatalf("/v1/keys: %d %s %v", status, body, err)
	}
	return k
}

// post publishes and gives status and body.
func (r *running) post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := r.http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// signature is one element of a DSSE document's or an entry's signatures.
type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// judge has openssl verify what DSSE says is signed, by one of the keys that the node shows. It knows nothing of our code.
func judge(t *testing.T, all nodeKeys, payloadType string, payload []byte, signatures []signature) error {
	t.Helper()
	openssl := fedmsgtest.Tool(t, "openssl")
	if len(signatures) != 1 {
		return fmt.Errorf("%d signatures", len(signatures))
	}
	for _, k := range all.Keys {
		if k.ID != signatures[0].KeyID {
			continue
		}
		dir := t.TempDir()
		pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
		for name, data := range map[string][]byte{"pub": []byte(k.PublicKey), "pae": pae, "sig": signatures[0].Sig} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "pub", "-rawin", "-in", "pae", "-sigfile", "sig")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("openssl: %w %s", err, out)
		}
		return nil
	}
	return fmt.Errorf("the key %s is none of the node's", signatures[0].KeyID)
}

func signaturesOf(t *testing.T, raw json.RawMessage) []signature {
	t.Helper()
	var all []signature
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("signatures %s: %v", raw, err)
	}
	return all
}

// TestNodeSigns: with nothing configured, what an authenticated sender publishes unsigned is stored signed by the node's own
// key, under the host's name, and openssl agrees; of other topics the sender is told the cure.
func TestNodeSigns(t *testing.T) {
	c := setup(t)
	c.Signing.Topics = nil
	r := start(t, c, Options{})
	r.publish(t, `{"topic":"org.example.dev.wiki.page.edit","msg":{"page":"FAQ"}}`)
	e := r.follow(t, 1)[0]
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if e.Verdict != fedmsg.VerdictOK || e.Signer != host || r.keys(t).Name != host {
		t.Errorf("verdict %q, signer %q, keys of %q, want ok and %s", e.Verdict, e.Signer, r.keys(t).Name, host)
	}
	const envelopeType = "application/vnd.fedmsg+json"
	if err := judge(t, r.keys(t), envelopeType, e.Envelope, signaturesOf(t, e.Signatures)); err != nil {
		t.Errorf("%v\n%s\n%s", err, e.Envelope, e.Signatures)
	}
	changed := bytes.Replace(e.Envelope, []byte("FAQ"), []byte("FAK"), 1)
	if judge(t, r.keys(t), envelopeType, changed, signaturesOf(t, e.Signatures)) == nil {
		t.Error("openssl takes the signature for another message")
	}
	status, body := r.post(t, r.url+"/v1/messages", `{"topic":"org.debian.prod.wiki.page.edit","msg":{}}`)
	if status != 403 || !strings.Contains(body, `"wrong_topic"`) || !strings.Contains(body, "signs only org.example.dev.#;") || !strings.Contains(body, "signing.topics") {
		t.Errorf("another topic: %d %s", status, body)
	}
}

// TestReceiptIsSigned: a signed receipt says where the message is and what it was, and openssl agrees.
func TestReceiptIsSigned(t *testing.T) {
	r := start(t, setup(t), Options{})
	status, body := r.post(t, r.url+"/v1/messages?receipt=signed", `{"topic":"a.b.c","msg":{},"id":"x/1"}`)
	type document struct {
		Payload     []byte      `json:"payload"`
		PayloadType string      `json:"payloadType"`
		Signatures  []signature `json:"signatures"`
	}
	var answer struct {
		fedmsg.Receipt
		Signed document `json:"signed"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 201 {
		t.Fatalf("%d %s %v", status, body, err)
	}
	_, again := r.get(t, "/v1/receipts/x/1")
	var later document
	if err := json.Unmarshal([]byte(again), &later); err != nil {
		t.Fatalf("%s %v", again, err)
	}
	sum := sha256.Sum256(r.follow(t, 1)[0].Envelope)
	for _, d := range []document{answer.Signed, later} {
		if err := judge(t, r.keys(t), d.PayloadType, d.Payload, d.Signatures); err != nil || d.PayloadType != "application/vnd.fedmsg.receipt+json" {
			t.Errorf("%s: %v", d.PayloadType, err)
		}
		want := fmt.Sprintf(`{"log":%q,"seq":1,"received":%q,"sha256":%q,"role":"node"}`,
			answer.Position.Log, answer.Received.Format(time.RFC3339Nano), hex.EncodeToString(sum[:]))
		if string(d.Payload) != want {
			t.Errorf("the receipt says %s, want %s", d.Payload, want)
		}
	}
}

// TestKeysTakeOver: a node keeps its key over a restart; a newer key in its directory takes over while it runs, and the one
// before stays among its own.
func TestKeysTakeOver(t *testing.T) {
	openssl := fedmsgtest.Tool(t, "openssl")
	c := setup(t)
	first := start(t, c, Options{})
	before := first.keys(t)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, c, Options{})
	if after := second.keys(t); len(after.Keys) != 1 || after.Keys[0].ID != before.Keys[0].ID {
		t.Errorf("before the restart %v, after it %v", before, after)
	}
	made := filepath.Join(KeysDir(c.State), "29990101T000000Z-newer.tmp")
	if out, err := exec.Command(openssl, "genpkey", "-algorithm", "ED25519", "-out", made).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, filepath.Join(KeysDir(c.State), "29990101T000000Z-newer.key"))); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ { // the directory is looked at once in a second
		second.publish(t, fmt.Sprintf(`{"topic":"a.b.c","msg":{"n":%d}}`, n))
		all := second.follow(t, n)
		last := signaturesOf(t, all[n-1].Signatures)
		if last[0].KeyID != before.Keys[0].ID {
			own := second.keys(t)
			if err := judge(t, own, "application/vnd.fedmsg+json", all[n-1].Envelope, last); err != nil || len(own.Keys) != 2 {
				t.Errorf("%v, keys %v", err, own)
			}
			if err := judge(t, own, "application/vnd.fedmsg+json", all[0].Envelope, signaturesOf(t, all[0].Signatures)); err != nil {
				t.Errorf("the key before is lost: %v", err)
			}
			return
		}
		if n == 1000 {
			t.Fatalf("the newer key does not take over\n%s", second.log)
		}
		<-tick.C
	}
}

// TestDoorsByMode: beside an endpoint that asks for signatures one may take unsigned messages, and health and log say so.
func TestDoorsByMode(t *testing.T) {
	c := setup(t)
	c.Signing.Topics = nil
	c.HTTP.Listen = []string{"http://127.0.0.2:0", "http://127.0.0.3:0?verify=if-signed", "http://127.0.0.4:0?verify=insecure-off"}
	r := start(t, c, Options{})
	_, health := r.get(t, "/healthz")
	for i, d := range []struct {
		status int
		want   fedmsg.Verdict
	}{{403, ""}, {201, fedmsg.VerdictUnsigned}, {201, fedmsg.VerdictUnchecked}} {
		id, door := fmt.Sprintf("m%d", i), r.addrs[i+1] // the first is the socket
		status, body := r.post(t, door+"/v1/messages", `{"topic":"org.debian.prod.a.b","msg":{},"id":"`+id+`"}`)
		if status != d.status {
			t.Errorf("%s: %d %s, want %d", door, status, body, d.status)
			continue
		}
		if status == http.StatusCreated {
			_, text := r.get(t, "/v1/messages/"+id)
			var e fedmsg.Entry
			if err := json.Unmarshal([]byte(text), &e); err != nil || e.Verdict != d.want || e.Signer != "" {
				t.Errorf("%s: verdict %q, signer %q, want %q: %v", door, e.Verdict, e.Signer, d.want, err)
			}
		}
	}
	for _, want := range []string{
		`"name":"verify","status":"warning","text":"messages are verified by mode require, at http://127.0.0.3:`,
		` by if-signed, at http://127.0.0.4:`, ` by insecure-off"`, `"name":"trust","status":"ok"`, `"name":"signing","status":"ok"`,
		"insecure switches are on: http.listen 127.0.0.4:0 verify=insecure-off",
	} {
		if !strings.Contains(health, want) {
			t.Errorf("/healthz has no %s:\n%s", want, health)
		}
	}
	for _, want := range []string{"messages are verified by mode require", "by if-signed", "insecure switch is on", "are signed as"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, r.log)
		}
	}
}

// TestBrokenTrustStops: a node does not start on trust that it cannot read, and leaves nothing open.
func TestBrokenTrustStops(t *testing.T) {
	c := setup(t)
	c.TrustFile = filepath.Join(c.State, "..", "trust.toml")
	if err := os.WriteFile(c.TrustFile, []byte("[[trust]]\nname = 'a'\nkeys = ['a.pem']\ntopics = ['#']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(c, Options{}); err == nil || !strings.Contains(err.Error(), "a.pem") {
		t.Errorf("got %v", err)
	}
	c.TrustFile = ""
	start(t, c, Options{})
}

// TestOwnSignatures: a node knows its own signature again, at every door and from the spool, and holds what is signed to its
// time: a repetition is one, and too old is too old.
func TestOwnSignatures(t *testing.T) {
	c := setup(t)
	c.Limits.Body, c.Limits.Envelope = 1500, 2000
	r := start(t, c, Options{})
	r.publish(t, `{"topic":"a.b.c","msg":{"pad":"`+strings.Repeat("x", 1400)+`"},"id":"own"}`)
	e := r.follow(t, 1)[0]
	document := fmt.Appendf(nil, `{"payload":%q,"payloadType":"application/vnd.fedmsg+json","signatures":%s}`, base64.StdEncoding.EncodeToString(e.Envelope), e.Signatures)
	if len(document) <= c.Limits.Envelope {
		t.Fatalf("the document has only %d bytes", len(document))
	}
	if again := r.publish(t, string(document)); !again.Duplicate {
		t.Errorf("its own message got %+v", again)
	}
	if err := spool.New(c.Spool.Directory, spool.Options{}).Write(document); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; !strings.Contains(r.log.String(), "delivered=1"); n++ {
		if n == 1000 {
			t.Fatalf("what was spooled is not taken\n%s", r.log)
		}
		<-tick.C
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	c.Verification.MaxAge = time.Nanosecond
	r = start(t, c, Options{})
	if status, body := r.post(t, r.url+"/v1/messages", string(document)); status != 403 || !strings.Contains(body, `"stale"`) {
		t.Errorf("an old one: %d %s", status, body)
	}
}

// TestSignsNothing: without sign the node still signs receipts, and refuses what nobody signed.
func TestSignsNothing(t *testing.T) {
	c := setup(t)
	c.Sign = nil
	r := start(t, c, Options{})
	if status, body := r.post(t, r.url+"/v1/messages", `{"topic":"a.b","msg":{}}`); status != 403 || !strings.Contains(body, `"unsigned"`) {
		t.Errorf("%d %s", status, body)
	}
	if _, health := r.get(t, "/healthz"); !strings.Contains(health, "no message is signed by the node") {
		t.Error(health)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	c.Verify = fedmsg.VerifyInsecureOff
	r = start(t, c, Options{})
	status, body := r.post(t, r.url+"/v1/messages?receipt=signed", `{"topic":"a.b","msg":{}}`)
	if status != 201 || !strings.Contains(body, `"signed":{"payload":`) {
		t.Errorf("%d %s", status, body)
	}
	if !strings.Contains(r.log.String(), `msg="insecure switch is on" key="verify = insecure-off"`) {
		t.Error(r.log)
	}
	if _, health := r.get(t, "/healthz"); !strings.Contains(health, "insecure switches are on: verify = insecure-off") || !strings.Contains(health, `"name":"verify","status":"warning"`) {
		t.Error(health)
	}
}

// TestTrustShows: how old revocation lists are, and how many keys the node has, an operator sees.
func TestTrustShows(t *testing.T) {
	pki := fedmsgtest.Shared(t, "interop", "vectors", "pki")
	c := setup(t)
	c.Trust = []trust.Root{{Name: "old", CA: filepath.Join(pki, "ca.crt"), CRL: filepath.Join(pki, "crl.pem"), Legacy: true, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}}
	r := start(t, c, Options{})
	if _, health := r.get(t, "/healthz"); !strings.Contains(health, `"name":"crl-old"`) || !strings.Contains(health, "1 root: old (legacy)") {
		t.Error(health)
	}
	_, metrics := r.get(t, "/metrics")
	for _, want := range []string{`fedmsg_crl_age_seconds{root="old"} `, `fedmsg_crl_next_update_timestamp_seconds{root="old"} `, "fedmsg_signing_keys 1\n"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
}
