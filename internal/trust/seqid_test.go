package trust_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestNumberIsSigned holds that the number for old replay clients is under the old signature, which is good with it and bad
// with another.
func TestNumberIsSigned(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/pki/shell-vm.example.com.key"))
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, text, 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := sign.OpenEmbedder(key, fedmsgtest.Shared(t, "interop/vectors/pki/shell-vm.example.com.crt"))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := e.Embed(wire.AppendEnvelope(nil, &wire.Draft{
		Topic: "org.fedoraproject.dev.t.x", ID: "2023-x", Time: then.Unix(), I: 1, N: 1, Stream: "s", SeqID: 41, Body: []byte(`{"f":1E5,"u":"é"}`),
	}))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, config(vectors(t)))
	if got := judged(t, s, envelope, then); got != "ok research/shell-vm.example.com" {
		t.Errorf("got %q for %s", got, envelope)
	}
	if got := judged(t, s, bytes.Replace(envelope, []byte(`"seq_id":41`), []byte(`"seq_id":42`), 1), then); got != "bad bad_signature" {
		t.Errorf("with another number got %q", got)
	}
}
