package remote_test

import (
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// TestSecretsOfOthers: a private key, and credentials, that others may read are refused, with the cure.
func TestSecretsOfOthers(t *testing.T) {
	authority, err := fedmsgtest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair := authority.IssueFor(t, "node.example.org")
	f := remote.Files{CA: authority.File, Certificate: pair.Certificate, Key: pair.Key, Credentials: pair.Key}
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false} {
		if err := os.Chmod(pair.Key, mode); err != nil {
			t.Fatal(err)
		}
		c, tlsErr := f.TLS("node.example.org")
		_, secretErr := f.Secret()
		for what, err := range map[string]error{"key": tlsErr, "credentials": secretErr} {
			if (err == nil) != good || !good && (fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), "chmod 600")) {
				t.Errorf("%s of mode %04o: %v", what, mode, err)
			}
		}
		if good && (c == nil || len(c.Certificates) != 1) {
			t.Errorf("with mode %04o there is no certificate", mode)
		}
	}
	f.Key += ".gone"
	if _, err := f.TLS("node.example.org"); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a key that is not there: %v", err)
	}
}
