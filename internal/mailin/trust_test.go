package mailin

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// TestTrustOptions holds what an address may say of how it is found out who signed its mails.
func TestTrustOptions(t *testing.T) {
	t.Parallel()
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
		"keyrings=/nowhere/ring.gpg":        "checks", // it may come
		"keyrings=":                         "no absolute path",
	} {
		e, err := remote.Parse("lmtp://127.0.0.1:24?"+options, []string{"lmtp"}, ReaderOptions())
		if err != nil {
			t.Fatal(err)
		}
		r, err := Reader{TopicPrefix: "org.debian", Environment: "dev"}.WithOptions(e)
		err = errors.Join(e.Err(), err)
		switch {
		case err != nil && (want == "" || want == "checks" || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", options, err, want)
		case err == nil && (want != "" && want != "checks" || (r.Checker != nil) != (want == "checks")):
			t.Errorf("%s: it is taken, and checks is %v, want %q", options, r.Checker != nil, want)
		}
	}
}

// TestKeyringComes holds that a file of keys which cannot be read keeps its source from taking mails, and not the node from starting.
func TestKeyringComes(t *testing.T) {
	t.Parallel()
	ring := filepath.Join(t.TempDir(), "ring")
	door := &logDoor{}
	l := listen(t, "&keyrings="+ring, door)
	for l.set.List()[0].LastError == "" {
		continue
	}
	if st := l.set.List()[0]; st.Connected || !strings.Contains(st.LastError, ring) || !strings.Contains(st.LastError, "keyrings=") {
		t.Errorf("without the file: %+v", st)
	}
	if _, err := os.Stat(l.path); err == nil {
		t.Error("it listens already")
	}
	var keys bytes.Buffer
	somebody, err := openpgp.NewEntity("Ann", "", "ann@example.org", nil)
	if err == nil {
		err = somebody.Serialize(&keys)
	}
	if err == nil {
		err = os.WriteFile(ring+".new", keys.Bytes(), 0o600)
	}
	if err == nil {
		err = os.Rename(ring+".new", ring)
	}
	if err != nil {
		t.Fatal(err)
	}
	hold(t, "with the file", l.dial().mail([]byte(bug)), "250 2.0.0 ok, it is stored")
}
