package mailin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// TestTrustOptions holds what an address may say of how it is found out who signed its mails.
func TestTrustOptions(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("no keys"), 0o600); err != nil {
		t.Fatal(err)
	}
	for options, want := range map[string]string{
		"":                                  "",
		"dkim=no":                           "",
		"dkim=yes":                          "checks",
		"dkim=yes&dns=127.0.0.1:53":         "checks",
		"dkim=yes&dns=[::1]:53&key_time=2s": "checks",
		"dkim=perhaps":                      "dkim",
		"dns=127.0.0.1:53":                  "dns and key_time are for dkim=yes",
		"key_time=2s":                       "dns and key_time are for dkim=yes",
		"dkim=yes&key_time=1h":              "key_time",
		"dkim=yes&dns=localhost:53":         "dns",
		"dkim=yes&dns=127.0.0.1":            "dns",
		"keyrings=ring.gpg":                 "no absolute path",
		"keyrings=/nowhere/ring.gpg":        "/nowhere/ring.gpg",
		"keyrings=":                         "no absolute path",
		"keyrings=" + broken:                broken,
	} {
		e, err := remote.Parse("lmtp://127.0.0.1:24?"+options, []string{"lmtp"}, ReaderOptions())
		if err != nil {
			t.Fatal(err)
		}
		r, err := Reader{TopicPrefix: "org.debian", Environment: "dev"}.WithOptions(e)
		switch {
		case err != nil && (want == "" || want == "checks" || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", options, err, want)
		case err == nil && (want != "" && want != "checks" || (r.Checker != nil) != (want == "checks")):
			t.Errorf("%s: it is taken, and checks is %v, want %q", options, r.Checker != nil, want)
		}
	}
}
