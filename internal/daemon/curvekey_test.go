package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestCurveKeys holds that a node makes its CURVE keys once, where only its user reads them, and nothing takes them for a key
// that signs.
func TestCurveKeys(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if _, err := ReadCurve(CurveFile(state)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("before there are keys: %v", err)
	}
	made, err := OwnCurve(state)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OwnCurve(state)
	if err != nil || again.Public != made.Public || again.Secret.Reveal() != made.Secret.Reveal() || made.Public == (zmtp.CurveKey{}) {
		t.Errorf("the keys of the second start are not those of the first: %v %s %s", err, again.Public, made.Public)
	}
	info, err := os.Stat(CurveFile(state))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if filepath.Ext(CurveFile(state)) == ".key" {
		t.Error("the file would be taken for a key that signs")
	}
}

// TestCurveKeysRefused holds that keys which others may read, or which are damaged, are refused in words that show nothing of them.
func TestCurveKeysRefused(t *testing.T) {
	t.Parallel()
	pair, other := zmtp.NewCurvePair(), zmtp.NewCurvePair()
	secret := pair.Secret.Reveal()
	text := func(public, secret string) string {
		return "curve\n    public-key = \"" + public + "\"\n    secret-key = \"" + secret + "\"\n"
	}
	good := text(pair.Public.String(), secret)
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"open to others", good, 0o644, "0644"},
		{"cut", good[:len(good)-20], 0o600, "its secret-key is not a key in Z85"},
		{"without a secret", strings.Split(good, "    secret")[0], 0o600, "it has no secret-key"},
		{"another's public key", text(other.Public.String(), secret), 0o600, "does not belong to its secret-key"},
		{"empty", "", 0o600, "it has no secret-key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state := t.TempDir()
			if err := errors.Join(os.Mkdir(KeysDir(state), 0o700), os.WriteFile(CurveFile(state), []byte(c.text), c.mode)); err != nil {
				t.Fatal(err)
			}
			_, err := OwnCurve(state)
			if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), secret[:8]) {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}
