package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// openssl runs the program, which judges here, and gives what it wrote.
func openssl(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(fedmsgtest.Tool(t, "openssl"), args...)
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v: %s", args, err, diag.String())
	}
	return out
}

// signingKey makes a private key with openssl.
func signingKey(t *testing.T, algorithm string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	how := map[string][]string{
		"ed25519": {"-algorithm", "ed25519"},
		"p256":    {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
		"rsa":     {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"},
	}[algorithm]
	openssl(t, append([]string{"genpkey", "-out", path}, how...)...)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// judge has openssl verify the one signature of an entry with the public half of a key.
func judge(t *testing.T, e *fedmsg.Entry, key, algorithm string) {
	t.Helper()
	var list []struct {
		KeyID string
		Sig   []byte
	}
	if err := json.Unmarshal(e.Signatures, &list); err != nil || len(list) != 1 {
		t.Fatalf("signatures %s: %v", e.Signatures, err)
	}
	der := openssl(t, "pkey", "-in", key, "-pubout", "-outform", "DER")
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sum, _, _ := strings.Cut(string(openssl(t, "dgst", "-sha256", "-r", file("der", der))), " ")
	if list[0].KeyID != sum {
		t.Errorf("key id %s, openssl says %s", list[0].KeyID, sum)
	}
	const kind = "application/vnd.fedmsg+json"
	pae := file("pae", fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(e.Envelope), e.Envelope))
	pub, sig := file("pub", openssl(t, "pkey", "-in", key, "-pubout")), file("sig", list[0].Sig)
	switch algorithm {
	case "ed25519":
		openssl(t, "pkeyutl", "-verify", "-pubin", "-inkey", pub, "-rawin", "-in", pae, "-sigfile", sig)
	case "p256":
		openssl(t, "dgst", "-sha256", "-verify", pub, "-signature", sig, pae)
	case "rsa":
		openssl(t, "dgst", "-sha256", "-verify", pub, "-signature", sig, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", pae)
	}
}

// TestSignedIsJudgedByOpenssl has the messages of each kind of key verified by openssl, over the bytes that the node has.
func TestSignedIsJudgedByOpenssl(t *testing.T) {
	for _, algorithm := range []string{"ed25519", "p256", "rsa"} {
		t.Run(algorithm, func(t *testing.T) {
			key, n := signingKey(t, algorithm), startNode(t)
			c := newClient(t, Options{Node: n.uri, SigningKey: key})
			for i := range 3 {
				if _, err := c.PublishMessage(t.Context(), fedmsg.Message{Topic: "a.b", Body: body(i), Headers: map[string]string{"k": "é"}}); err != nil {
					t.Fatal(err)
				}
			}
			for i, e := range n.log {
				judge(t, &e, key, algorithm)
				var said struct {
					I, N   uint64
					Stream string
				}
				if err := json.Unmarshal(e.Envelope, &said); err != nil || said.I != uint64(i+1) || said.N != said.I || said.Stream != c.stream {
					t.Errorf("%+v %v", said, err)
				}
			}
			if len(n.log) != 3 {
				t.Errorf("%d messages", len(n.log))
			}
		})
	}
}

// TestSignedKeepsOrder publishes from many goroutines over connections that break: numbers go out in their order, none is
// left out, and what is sent again is sent as it was signed.
func TestSignedKeepsOrder(t *testing.T) {
	n := startNode(t)
	n.dropAt, n.dropLate = []int{3, 50, 7, 100}, true
	c := newClient(t, Options{Node: n.uri, SigningKey: signingKey(t, "p256"), InFlightBytes: 20_000})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				if _, err := c.PublishMessage(t.Context(), fedmsg.Message{Topic: "a.b", Body: body(100*g + i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sent := map[string]string{}
	for _, line := range n.lines {
		var doc struct{ Payload, Signatures json.RawMessage }
		if err := json.Unmarshal(line, &doc); err != nil {
			t.Fatal(err)
		}
		if before, again := sent[string(doc.Payload)]; again && before != string(line) {
			t.Errorf("sent again as\n%s, was\n%s", line, before)
		}
		sent[string(doc.Payload)] = string(line)
	}
	for i, e := range n.log {
		if want := fmt.Sprintf(`"n":%d,"stream"`, i+1); !bytes.Contains(e.Envelope, []byte(want)) {
			t.Fatalf("entry %d is %s", i+1, e.Envelope)
		}
	}
	if len(n.log) != 400 || len(n.lines) <= 400 || c.box.bytes != 0 {
		t.Errorf("%d entries of %d lines, %d bytes under way", len(n.log), len(n.lines), c.box.bytes)
	}
}

// TestSignedWaitsInSpool has a signed message wait in the spool, and another process send it, to the byte.
func TestSignedWaitsInSpool(t *testing.T) {
	dir, key := filepath.Join(t.TempDir(), "spool"), signingKey(t, "ed25519")
	c := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: dir, SigningKey: key})
	for i := range 3 {
		_, err := c.Publish(t.Context(), "a.b", body(i))
		wantCode(t, err, fedmsg.CodeQueued)
	}
	c.Close()
	var waiting []string
	names, err := filepath.Glob(filepath.Join(dir, "*.env"))
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, string(data))
	}
	n := startNode(t)
	if err := newClient(t, Options{Node: n.uri, Spool: dir}).DrainSpool(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range n.lines {
		got = append(got, string(line))
	}
	if !slices.Equal(got, waiting) {
		t.Errorf("sent %q, spooled %q", got, waiting)
	}
	for _, e := range n.log {
		judge(t, &e, key, "ed25519")
	}
}

// TestSignedEnvelopes hands over what is ready-made: what nobody signed is signed as it is, and what is signed stays.
func TestSignedEnvelopes(t *testing.T) {
	key, n := signingKey(t, "ed25519"), startNode(t)
	c := newClient(t, Options{Node: n.uri, SigningKey: key})
	plain := `{"topic":"a.b","msg":{"x":1.0},"msg_id":"one","timestamp":1.5}`
	old := `{"topic":"a.b","msg":{},"msg_id":"two","timestamp":1,"crypto":"x509","signature":"AAAA","certificate":"AAAA"}`
	for _, envelope := range []string{plain, old} {
		if _, err := c.PublishEnvelope(t.Context(), []byte(envelope)); err != nil {
			t.Fatal(err)
		}
	}
	document := bytes.Replace(n.lines[0], []byte(`{"payload"`), []byte("{\n \"payload\""), 1)
	other := newClient(t, Options{Node: n.uri, SigningKey: signingKey(t, "ed25519")})
	if r, err := other.PublishEnvelope(t.Context(), document); err != nil || !r.Duplicate {
		t.Errorf("%+v %v", r, err)
	}
	_, whole, err := NewDecoder().Decode(document)
	if err != nil || !bytes.Equal(whole, n.lines[0]) || !bytes.Equal(n.lines[2], n.lines[0]) {
		t.Errorf("sent on as %s and %s, was %s: %v", whole, n.lines[2], n.lines[0], err)
	}
	judge(t, &n.log[0], key, "ed25519")
	if string(n.log[0].Envelope) != plain || string(n.log[1].Envelope) != old || n.log[1].Signatures != nil {
		t.Errorf("stored %s and %s with %s", n.log[0].Envelope, n.log[1].Envelope, n.log[1].Signatures)
	}
}

// TestSignedAgain publishes the same message from two clients under its own id: the signed bytes are the same.
func TestSignedAgain(t *testing.T) {
	key, n := signingKey(t, "ed25519"), startNode(t)
	m := fedmsg.Message{ID: "order-17", Topic: "a.b", Time: time.Unix(1_800_000_000, 0), Body: body(1)}
	for i := range 2 {
		r, err := newClient(t, Options{Node: n.uri, SigningKey: key}).PublishMessage(t.Context(), m)
		if err != nil || r.Duplicate != (i == 1) {
			t.Errorf("%+v %v", r, err)
		}
	}
	if !bytes.Equal(n.lines[0], n.lines[1]) {
		t.Errorf("sent %s and %s", n.lines[0], n.lines[1])
	}
}

// TestSigningCertificate sends the certificate along, and takes only the key's own.
func TestSigningCertificate(t *testing.T) {
	key, n := signingKey(t, "p256"), startNode(t)
	cert := filepath.Join(t.TempDir(), "cert.pem")
	openssl(t, "req", "-x509", "-key", key, "-subj", "/CN=shop", "-out", cert)
	if _, err := newClient(t, Options{Node: n.uri, SigningKey: key, SigningCertificate: cert}).Publish(t.Context(), "a.b", nil); err != nil {
		t.Fatal(err)
	}
	judge(t, &n.log[0], key, "p256")
	var list []struct{ Cert []byte }
	if err := json.Unmarshal(n.log[0].Signatures, &list); err != nil || !bytes.Equal(list[0].Cert, openssl(t, "x509", "-in", cert, "-outform", "DER")) {
		t.Errorf("%v: %s", err, n.log[0].Signatures)
	}
	nameless := filepath.Join(t.TempDir(), "nameless.pem") // nobody would take what is signed with it
	openssl(t, "req", "-x509", "-key", key, "-subj", "/O=shop", "-out", nameless)
	open := signingKey(t, "ed25519")
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{
		{SigningCertificate: cert},
		{SigningKey: signingKey(t, "p256"), SigningCertificate: cert},
		{SigningKey: key, SigningCertificate: key},
		{SigningKey: key, SigningCertificate: nameless},
		{SigningKey: key, SigningCertificate: "/nonexistent"},
		{SigningKey: "/nonexistent"},
		{SigningKey: cert},
		{SigningKey: open},
	} {
		_, err := New(o)
		wantCode(t, err, fedmsg.CodeConfig)
	}
}

// TestSigningGivesRoomBack lets messages fail while others are signed: no room is lost or given back twice.
func TestSigningGivesRoomBack(t *testing.T) {
	for _, spool := range []string{"", filepath.Join(t.TempDir(), "spool")} {
		c := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: spool, SigningKey: signingKey(t, "rsa"), InFlightBytes: 2000})
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 5 {
					_, err := c.PublishMessage(t.Context(), fedmsg.Message{Topic: "a.b", Body: body(100*g + i)})
					if code := fedmsg.CodeOf(err); code != fedmsg.CodeUnavailable && code != fedmsg.CodeQueued {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		c.Close()
		if c.box.bytes != 0 {
			t.Errorf("%d bytes are under way when all is over", c.box.bytes)
		}
	}
}

// TestGivenUpWhileSigning gives up all that is under way while a message waits for its turn to be signed: its room stays its
// own.
func TestGivenUpWhileSigning(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri, SigningKey: signingKey(t, "ed25519")})
	under := func() int {
		c.box.mu.Lock()
		defer c.box.mu.Unlock()
		return c.box.bytes
	}
	c.signer.turn <- struct{}{}
	done := make(chan error)
	go func() {
		_, err := c.Publish(t.Context(), "a.b", body(1))
		done <- err
	}()
	for under() == 0 {
		runtime.Gosched()
	}
	c.giveUp(fedmsg.Errorf(fedmsg.CodeUnavailable, "gone"))
	if under() == 0 {
		t.Error("the room of the waiting message was given back")
	}
	c.signer.leave()
	if err := <-done; err != nil || under() != 0 {
		t.Errorf("%v, %d bytes under way", err, under())
	}
}
