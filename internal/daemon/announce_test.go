package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// TestAnnounceTrustFile: the log at the start names the roots of the trust file too, and publishers that can be nobody's.
func TestAnnounceTrustFile(t *testing.T) {
	c := setup(t)
	c.Signing.Name = "node7"
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c.TrustFile = filepath.Join(dir, "trust.toml")
	for name, text := range map[string]string{
		"trust.toml": "[[trust]]\nname = 'bts'\nkeys = ['bts.pub']\ntopics = ['#']\n", "bts.pub": string(k.Public().PEM()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.Publisher = []ingest.Publisher{{Signer: "bts", Topics: c.Signing.Topics}, {Signer: "bst/x", Topics: c.Signing.Topics}}
	r := start(t, c, Options{})
	for _, want := range []string{`roots="node7, bts"`, `publisher 2 has the signer \"bst/x\", and there is no [[trust]] \"bst\", so it opens to nobody; did you mean \"bts\"?`} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, r.log)
		}
	}
	if strings.Contains(r.log.String(), "publisher 1") {
		t.Errorf("the log complains of a signer that there is:\n%s", r.log)
	}
}
