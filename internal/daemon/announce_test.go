package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/keys"
)

// TestAnnounceTrustFile: the log at the start names the roots of the trust file too.
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
	if r := start(t, c, Options{}); !strings.Contains(r.log.String(), `roots="node7, bts"`) {
		t.Errorf("the log does not name both roots:\n%s", r.log)
	}
}
