package mesh_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/mesh"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// oldKey gives the files of an RSA key and its certificate, as an old site has them.
func oldKey(t testing.TB, dir string) (key, certificate string) {
	t.Helper()
	pki := fedmsgtest.Shared(t, "interop", "vectors", "pki")
	for _, ext := range []string{".key", ".crt"} {
		text, err := os.ReadFile(pki + "/relay-vm.example.com" + ext)
		if err == nil {
			err = os.WriteFile(dir+"/relay"+ext, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir + "/relay.key", dir + "/relay.crt"
}

// checkEmbedded verifies the old form, as an old validator does.
func checkEmbedded(t testing.TB, envelope []byte) {
	t.Helper()
	var said struct{ Signature, Certificate string }
	if err := json.Unmarshal(envelope, &said); err != nil {
		t.Fatal(err)
	}
	signed, err := wire.AppendSigned(nil, envelope)
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(said.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(said.Signature)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum(signed)
	if err := rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA1, sum[:], sig); err != nil {
		t.Fatalf("%v: %s", err, envelope)
	}
}

// halfReplayed subscribes when half of the messages were sent, so that they have to be asked for.
func halfReplayed(t *testing.T, dir string, p *mesh.Publisher, count int) <-chan got {
	t.Helper()
	publish(t, p, 1, count/2)
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true})
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, p, count/2+1, count)
	return items
}

// TestSignedEmbedded holds that what is signed in the old form verifies with its number in it, live and when asked for.
func TestSignedEmbedded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := publisher(t, dir, func(o *mesh.PublisherOptions) { o.SigningKey, o.SigningCertificate = oldKey(t, dir) })
	items := halfReplayed(t, dir, p, 20)
	asked := 0
	for n := 1; n <= 20; n++ {
		g := next(t, items)
		if g.err != nil || g.SeqID != uint64(n) || len(g.Frames) != 2 || string(g.Frames[0]) != g.Topic || g.Topic != "org.example.dev.shop.sold" {
			t.Fatalf("got %s", g)
		}
		checkEmbedded(t, g.Frames[1])
		if g.Replayed {
			asked++
		}
	}
	if asked < 10 {
		t.Errorf("%d were asked for", asked)
	}
}

// TestSignedDetached holds the same of signatures over the exact bytes, which come in a frame of their own.
func TestSignedDetached(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := keys.Generate(keys.Ed25519)
	if err == nil {
		err = key.WriteFile(dir + "/key.pem")
	}
	if err != nil {
		t.Fatal(err)
	}
	p := publisher(t, dir, func(o *mesh.PublisherOptions) { o.Format, o.SigningKey = mesh.Fedmsg2, dir+"/key.pem" })
	items := halfReplayed(t, dir, p, 20)
	for n := 1; n <= 20; n++ {
		g := next(t, items)
		if g.err != nil || g.SeqID != uint64(n) || len(g.Frames) != 4 || string(g.Frames[0]) != g.Topic || string(g.Frames[1]) != "FEDMSG2" {
			t.Fatalf("got %s", g)
		}
		signatures, err := wire.DecodeSignatures(g.Frames[3])
		if err != nil || len(signatures) != 1 || !key.Public().Verify(wire.AppendPAE(nil, wire.EnvelopeType, g.Frames[2]), signatures[0].Sig) {
			t.Fatalf("%d: %v, %s", n, err, g.Frames[3])
		}
	}
}

// TestCurve encrypts: who has the key of the file is let in and hears, and what it missed too; who has another key is not.
func TestCurve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, friend := zmtp.NewCurvePair(), zmtp.NewCurvePair()
	refused := make(chan struct{}, 100)
	p := publisher(t, dir, func(o *mesh.PublisherOptions) {
		o.ZMTP.Security = zmtp.CurveServer{Keys: server, Authorise: func(_ zmtp.Peer, key zmtp.CurveKey) (string, error) {
			if key == friend.Public {
				return "friend", nil
			}
			select {
			case refused <- struct{}{}:
			default:
			}
			return "", errors.New("not a friend")
		}}
	})
	if k := p.Service().ServerKey; k == nil || *k != server.Public {
		t.Fatal("the key is not announced")
	}
	stranger, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true})
	<-refused
	publish(t, p, 1, 10)
	o := mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true}
	o.ZMTP.Security = zmtp.CurveClient{Keys: friend}
	items, _ := hear(t, o)
	wantNumbers(t, items, 1, 10)
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, p, 11, 20)
	wantNumbers(t, items, 11, 20)
	if len(stranger) > 0 {
		t.Error("a stranger hears")
	}
}

// TestPublishRefusals refuses what a node would refuse, without using a number for it.
func TestPublishRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := publisher(t, dir)
	cases := []struct {
		topic string
		body  any
		code  fedmsg.Code
	}{
		{"", map[string]int{}, fedmsg.CodeBadTopic},
		{"a b", nil, fedmsg.CodeBadTopic},
		{"a.b", json.RawMessage(`[1]`), fedmsg.CodeBadBody},
		{"a.b", json.RawMessage(`{"a":1,"a":2}`), fedmsg.CodeDuplicateKey},
		{"a.b", json.RawMessage(`{`), fedmsg.CodeBadJSON},
		{"a.b", json.RawMessage(`{"a":NaN}`), fedmsg.CodeBadJSON},
		{"a.b", make(chan int), fedmsg.CodeBadBody},
	}
	for _, c := range cases {
		if _, err := p.Publish(t.Context(), c.topic, c.body); fedmsg.CodeOf(err) != c.code {
			t.Errorf("%q %v: %v, want %s", c.topic, c.body, err, c.code)
		}
	}
	publish(t, p, 1, 1)
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true})
	wantNumbers(t, items, 1, 1)
	p.Close()
	if _, err := p.Publish(context.Background(), "a.b", nil); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("after Close: %v", err)
	}
}
