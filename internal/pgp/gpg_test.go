package pgp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// When the keys of these tests are made, and the messages signed.
const (
	keyTime  = "20240101T000000"
	signTime = "20240201T000000"
)

// day gives a time of 2024.
func day(month time.Month, day int) time.Time {
	return time.Date(2024, month, day, 0, 0, 0, 0, time.UTC)
}

// gpg is the real program, with a directory of its own.
type gpg struct {
	*fedmsgtest.GPG
	t      *testing.T
	serial int // of files
}

func newGPG(t *testing.T) *gpg {
	t.Helper()
	return &gpg{GPG: fedmsgtest.NewGPG(t), t: t}
}

// newKey makes a key at keyTime and gives its fingerprint.
func (g *gpg) newKey(name, algorithm, usage, expires string) string {
	g.t.Helper()
	return g.NewKey(keyTime, name, algorithm, usage, expires)
}

// export gives public keys as a ring.
func (g *gpg) export(args ...string) *Keyring {
	g.t.Helper()
	ring, err := ParseKeyring(g.Run("", nil, append([]string{"--export"}, args...)...))
	if err != nil {
		g.t.Fatal(err)
	}
	return ring
}

// secret writes the secret key into a file that ReadPrivate takes.
func (g *gpg) secret(fingerprint string) string {
	g.t.Helper()
	return g.file(g.Run("", nil, "--export-secret-keys", fingerprint))
}

// sign makes a detached signature at signTime.
func (g *gpg) sign(message []byte, fingerprint string, args ...string) []byte {
	g.t.Helper()
	return g.Run(signTime, message, append(args, "--local-user", fingerprint, "--detach-sign")...)
}

// file writes a private file.
func (g *gpg) file(data []byte) string {
	g.t.Helper()
	g.serial++
	path := filepath.Join(g.Home, "f"+strings.Repeat("i", g.serial))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}
